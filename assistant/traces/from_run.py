"""Operations of evaluation runs: as they end, or all of a stored run."""

import json
from collections.abc import Iterator
from dataclasses import replace

from assistant.evals.run_reader import Run
from assistant.evals.runs import FAULTS, Manifest, Sample, Span
from assistant.traces import genai as g
from assistant.traces.operation import Event, Operation, Value, given, message, messages, used

_ALREADY = {
    "model": ("messages", "max_tokens", "reply", "finish"),
    "execute": ("code", "output"),
}
"""Inputs and outputs that the conventions have names for."""


def operation(span: Span, manifest: Manifest, content: bool = False) -> Operation:
    """A stored span in the names of the conventions. ``content``: with texts of model and code."""
    trace = f"{manifest.run}\n{span.task}\n{span.number}" if span.task else manifest.run
    name, attributes = _named(span, manifest)
    attributes |= {g.RUN: manifest.run, g.DATA: manifest.data.name, **used(span.usage)}
    if span.task:
        attributes |= {g.TASK: span.task, g.SAMPLE: span.number}
        attributes[g.CONVERSATION] = f"{manifest.run}/{span.task}/{span.number}"
    if content:
        attributes |= _content(span)
    return Operation(
        trace,
        span.id,
        span.parent,
        name,
        span.start,
        span.seconds,
        attributes,
        client=span.operation == "model",
        error=span.error if content else span.error.partition(":")[0],
    )


def _named(span: Span, manifest: Manifest) -> tuple[str, dict[str, Value]]:
    pipeline = manifest.pipeline
    if span.operation == "model":
        found: dict[str, Value] = {g.OPERATION: g.CHAT, g.PROVIDER: g.OPENAI}
        found[g.REQUEST_MODEL] = pipeline.model
        for name, key in (("temperature", g.REQUEST_TEMPERATURE), ("seed", g.REQUEST_SEED)):
            value = _number(pipeline.parameters.get(name, ""))
            if value is not None:
                found[key] = value if key == g.REQUEST_TEMPERATURE else int(value)
        if (most := _number(span.inputs.get("max_tokens", ""))) is not None:
            found[g.REQUEST_MAX_TOKENS] = int(most)
        if span.outputs.get("finish"):
            found[g.FINISH_REASONS] = [span.outputs["finish"]]
        return f"{g.CHAT} {pipeline.model}", found
    if span.operation == "predict":
        agent: dict[str, Value] = {g.OPERATION: g.INVOKE_AGENT, g.AGENT: pipeline.name}
        agent |= {g.REQUEST_MODEL: pipeline.model, g.STRATEGY: pipeline.strategy}
        return f"{g.INVOKE_AGENT} {pipeline.name}", agent
    if span.operation == "execute":
        tool: dict[str, Value] = {g.OPERATION: g.EXECUTE_TOOL, g.TOOL_TYPE: g.FUNCTION}
        return f"{g.EXECUTE_TOOL} sandbox", {**tool, g.TOOL_NAME: "sandbox"}
    return span.operation, {}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _content(span: Span) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if span.operation == "model":
        if asked := span.inputs.get("messages"):
            found[g.INPUT_MESSAGES] = _asked(asked)
        if "reply" in span.outputs:
            said = message("assistant", span.outputs["reply"], span.outputs.get("finish", "stop"))
            found[g.OUTPUT_MESSAGES] = messages(said)
    if span.operation == "execute":
        if "code" in span.inputs:
            found[g.TOOL_ARGUMENTS] = span.inputs["code"]
        if "output" in span.outputs:
            found[g.TOOL_RESULT] = span.outputs["output"]
    known = _ALREADY.get(span.operation, ())
    found |= {g.INPUT + name: text for name, text in span.inputs.items() if name not in known}
    found |= {g.OUTPUT + name: text for name, text in span.outputs.items() if name not in known}
    return found


def _asked(text: str) -> str:
    """Messages as the pipeline notes them (JSON of roles and texts), else as one of the user's."""
    try:
        listed = json.loads(text)
        return given([(str(one["role"]), str(one["content"])) for one in listed])
    except (ValueError, TypeError, KeyError, RecursionError):
        return given([("user", text)])


def operations(run: Run, content: bool = False) -> Iterator[Operation]:
    """All operations of a stored run; those that made an answer say how it was judged."""
    results = {sample.key: sample for sample in run.samples}
    for span in run.spans():
        made = operation(span, run.manifest, content)
        sample = results.get((span.task, span.number))
        if span.operation == "predict" and sample is not None and sample.result not in FAULTS:
            made = _judged(made, sample, content)
        yield made


def _judged(made: Operation, sample: Sample, content: bool) -> Operation:
    verdict = sample.verdict
    attributes: dict[str, Value] = {
        g.EVALUATION_NAME: "tests",
        g.EVALUATION_VALUE: float(sample.passed),
        g.EVALUATION_LABEL: sample.result,
    }
    if content and verdict and verdict.detail:
        attributes[g.EVALUATION_EXPLANATION] = verdict.detail
    event = Event(g.EVALUATION_RESULT, made.start + made.seconds, attributes)
    return replace(made, events=(event,))
