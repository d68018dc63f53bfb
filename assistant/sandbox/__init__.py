"""Where code runs and what it may touch: containers, the workspace, safe file access."""
