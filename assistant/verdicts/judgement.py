"""Decides whether a solution passes: sends supervisor and solution inside, believes one report."""

import base64
import json
import marshal
import secrets
from collections.abc import Generator, Mapping
from functools import cache
from importlib.resources import files
from importlib.util import MAGIC_NUMBER
from typing import Any, Protocol

from assistant.events import ExecResult, Notice, Output
from assistant.following import followed
from assistant.verdicts import wire
from assistant.verdicts.task import (
    OUTCOMES,
    Assertions,
    Candidate,
    Cases,
    CheckFunction,
    Task,
    Tests,
    Verdict,
)

LONGEST = 4 << 20
"""Characters of a solution that are looked at."""
_PARTS = (
    "wire",
    "operations",
    "callbacks",
    "candidate",
    "confinement",
    "proxies",
    "container_proxies",
    "solution_errors",
    "report",
    "printed",
    "lent_objects",
    "session",
    "exam",
    "supervisor",
)
_SPARE = 5.0
"""Seconds beyond the task's limit after which the sandbox ends what has not told a verdict."""


FULL_DISK = "it passed the sandbox's limit of "


class Fresh(Protocol):
    """A sandbox that carries nothing over from one answer to the next."""

    @property
    def image(self) -> str: ...
    def open(self) -> None:
        """Starts now what the first answer would start."""
        ...

    def abort(self) -> None:
        """From any thread: what is asked fails with SandboxError, now and later."""
        ...

    def prepare(self, program: str, /) -> None:
        """Has a Python program stand ready for every answer."""
        ...

    def answer(
        self, asked: bytes, seconds: float, /
    ) -> Generator[Output | Notice, None, ExecResult]:
        """Calls the program's ``main`` with a descriptor of ``asked``, in a process of its own."""
        ...


@cache
def program() -> str:
    """The code that is sent inside. It is the same for all tasks and holds nothing of any.

    It comes as text for every Python, and ready compiled for those that have the host's bytecode,
    since compiling it takes longer than an ordinary judgement.
    """
    text = program_text()
    compiled = marshal.dumps(compile(text, "<supervisor>", "exec", dont_inherit=True, optimize=2))
    return _START.format(
        magic=MAGIC_NUMBER,
        compiled=base64.b64encode(compiled),
        text=base64.b64encode(text.encode()),
    )


_START = """\
import binascii, marshal, _frozen_importlib_external
if _frozen_importlib_external.MAGIC_NUMBER == {magic!r}:
    program = marshal.loads(binascii.a2b_base64({compiled!r}))
else:
    program = compile(binascii.a2b_base64({text!r}), "<supervisor>", "exec")
exec(program)
"""


def program_text() -> str:
    here = files("assistant.verdicts")
    texts = [here.joinpath(name + ".py").read_text(encoding="utf-8") for name in _PARTS]
    return "\n".join(texts)


def judge(executor: Fresh, task: Task, candidate: Candidate) -> Verdict:
    """The verdict about one solution. Raises SandboxError where the sandbox itself fails, and
    KeyboardInterrupt where it was interrupted."""
    code = candidate.code
    if code is None or not code.strip():
        return Verdict("no_code_in_reply")
    if len(code) > LONGEST:
        return Verdict("syntax_error", f"{len(code)} characters are too many for a solution")
    nonce = secrets.token_hex(16)
    try:
        exam = json.dumps(_exam(task, code, nonce)).encode()
    except wire.Unfit as error:
        return Verdict("harness_error", f"The task's inputs cannot be sent: {error}")
    seconds = task.limits.seconds * (2 if isinstance(task.tests, Cases) else 1) + _SPARE
    executor.prepare(program())
    result = followed(executor.answer(exam, seconds))
    if result.reason == "cancelled":
        raise KeyboardInterrupt
    return _told(result.output, nonce) or _untold(result)


def _exam(task: Task, code: str, nonce: str) -> dict[str, Any]:
    """What the supervisor reads once the solution's process is there, and on its own."""
    limits = {"seconds": task.limits.seconds, "memory": task.limits.memory}
    told = {"nonce": nonce, "code": code, "limits": limits, "entry_point": task.entry_point}
    return {**told, "definition": task.definition, **_form(task.tests)}


def _form(tests: Tests) -> dict[str, Any]:
    if isinstance(tests, CheckFunction):
        return {"form": "check", "tests": [tests.code]}
    if isinstance(tests, Assertions):
        return {"form": "assertions", "tests": [tests.setup, *tests.lines]}
    if isinstance(tests, Cases):
        inputs = [wire.pack(list(given), _unfit) for given in tests.inputs]
        referee = {"reference": tests.reference, "oracle": tests.oracle, "atol": tests.atol}
        return {"form": "cases", "tests": [], "inputs": inputs, **referee}
    return {"form": "program", "tests": [tests.code]}


def _unfit(value: object) -> Any:
    known = wire.pack_more(value)
    if known is None:
        raise wire.Unfit(f"{type(value).__name__} is no plain value")
    return known


def _told(output: str, nonce: str) -> Verdict | None:
    """The report among the output; None when there is no whole one with this judgement's nonce."""
    for line in output.split("\n"):
        if line.startswith(nonce + " "):
            try:
                return _verdict(json.loads(line[len(nonce) :]))
            except (ValueError, TypeError, KeyError):
                return None
    return None


def _verdict(told: Mapping[str, Any]) -> Verdict:
    outcome = next(name for name in OUTCOMES if name == told["outcome"])
    texts = {name: str(told.get(name, "")) for name in ("detail", "kind", "input", "output")}
    return Verdict(
        outcome, **texts, seconds=float(told["seconds"]), calls=int(told.get("calls", 0))
    )


def _untold(result: ExecResult) -> Verdict:
    """What an end without a report means: never a pass, whatever the exit status."""
    seconds = result.seconds
    if result.reason == "timeout":
        return Verdict("timeout", "nothing could be told in time", seconds=seconds)
    if result.reason == "memory":
        return Verdict("out_of_memory", "its container ran out of memory", seconds=seconds)
    if result.reason in ("disk", "files"):
        return Verdict("runtime_error", FULL_DISK + result.reason, "OSError", seconds=seconds)
    if result.exit_code == 0 or result.exit_code >= 128:
        detail = f"the supervisor was ended from inside (status {result.exit_code})"
        return Verdict("exit_before_verdict", detail, seconds=seconds)
    return Verdict("harness_error", result.output[-2000:], seconds=seconds)
