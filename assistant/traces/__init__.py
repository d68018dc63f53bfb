"""Traces for other people's tools: runs and sessions as OpenTelemetry spans, runs in Weave."""
