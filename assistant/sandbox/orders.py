"""What a runner is told to do with a block: the head of its order, by language and life."""

from typing import Any

from assistant.events import CodeBlock, SandboxError
from assistant.languages import find
from assistant.sandbox.options import Life
from assistant.sandbox.protocol import checked_path


def order_for(block: CodeBlock, number: int, life: Life, values: bool) -> dict[str, Any]:
    """For the block of a number; ``values``: show its last expression and its figures.

    Raises SandboxError for a language that cannot be run.
    """
    language = find(block.lang)
    if language is None or not language.runs:
        raise SandboxError(f"A block of the language {block.lang!r} cannot be run")
    session, saved = life == "session", block.path is not None
    order: dict[str, Any] = {"saved": saved, "show": False}
    if not block.path and language.name == "python":
        order |= {"show": session and values, "figures": life != "pooled" and values}
        kind, name = "python" if session else "once", f"<block {number}>"
        return {**order, "kind": kind, "name": name}
    if not block.path and session and language.name in ("bash", "sh"):
        return {**order, "kind": "shell", "name": f"block {number}"}
    file = checked_path(block.path or f"block-{number}.{language.extension}")
    command, compiling = list(language.command), list(language.compile)
    return {**order, "kind": "exec", "file": file, "command": command, "compile": compiling}


def limit(seconds: float) -> dict[str, Any]:
    """How long it may take. Raises SandboxError for what is no time."""
    if 0 < seconds < float("inf"):
        return {"seconds": seconds}
    raise SandboxError(f"A time limit of {seconds} s cannot be kept", "Give seconds above 0")
