"""Improving files: the model's changes go into a copy, the check judges them, the best is kept."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from assistant import feedback
from assistant.asking import Ended, Run
from assistant.code.encodings import Decoded, NotText, decoded, encoded
from assistant.code.functions import find_function
from assistant.events import Checked, CodeBlock, Event, ExecResult, Ran, Replied, Said
from assistant.loop import SAME_FAILURES, Turn
from assistant.prompts import prompt
from assistant.protocols import Executor, Model, Terms
from assistant.sandbox.diffing import unified
from assistant.sandbox.overlay import Edit
from assistant.sandbox.protect import guarded, is_test
from assistant.sandbox.saving import NotSaved
from assistant.sandbox.tree import Entry, Store, Tree
from assistant.tasks.answer import Answer, Refused, Scope, read_answer
from assistant.transcript import this_turn


class Copy(Protocol):
    """The copy of the user's folder that is worked on; see ``Workspace``."""

    @property
    def blobs(self) -> Store: ...
    @property
    def base(self) -> Tree: ...
    def look(self) -> Sequence[str]: ...
    def snapshot(self) -> Tree: ...
    def write(self, files: Mapping[str, bytes], title: str, /) -> str: ...
    def go(self, point: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be improved. ``check`` is told to the model; ``allow_tests``: tests may change."""

    objective: str
    scope: Scope
    check: str = ""
    allow_tests: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """A state of the copy (its ``point``) that was checked."""

    point: str
    checked: Checked


class Draft:
    """The files of a job in their copy, as texts, and what has been tried on them."""

    def __init__(self, job: Job, copy: Copy) -> None:
        self.job, self.copy = job, copy
        self.attempts: list[Attempt] = []
        self.point = ""

    # For the check: see ``Folder`` in check.py.

    @property
    def blobs(self) -> Store:
        return self.copy.blobs

    @property
    def base(self) -> Tree:
        """The user's own files; with tests as they were changed, where that was allowed."""
        base = self.copy.base
        if not self.job.allow_tests:
            return base
        files = self.job.scope.files
        now = self.copy.snapshot()
        return {**base, **{p: e for p, e in now.items() if p in files or is_test(p)}}

    def look(self) -> Sequence[str]:
        return self.copy.look()

    def snapshot(self) -> Tree:
        return self.copy.snapshot()

    # The files.

    def before(self, path: str) -> Decoded:
        """The user's own. Raises NotText."""
        return self._decoded(self.copy.base.get(path))

    def now(self, path: str) -> Decoded:
        return self._decoded(self.copy.snapshot().get(path))

    def _decoded(self, entry: Entry | None) -> Decoded:
        if entry is None or entry.kind != "file":
            return Decoded("")
        return decoded(self.copy.blobs.get(entry.digest))

    def read(self, reply: str) -> Answer:
        """The changes of a reply. Raises Refused."""
        scope = self.job.scope
        try:
            return read_answer(
                reply, scope, lambda path: self.now(path).text, lambda path: self.before(path).text
            )
        except NotText as error:
            told = prompt("change_unwritable", path="a file that you name", why=error)
            raise Refused(told, CodeBlock("", "", None, "edit")) from error

    def take(self, answer: Answer) -> None:
        """Put an answer into the copy, all of it or nothing. Raises Refused."""
        files: dict[str, bytes] = {}
        for (path, text), block in zip(answer.texts.items(), answer.blocks, strict=True):
            try:
                files[path] = encoded(text, self.now(path))
            except NotText as error:
                told = prompt("change_unwritable", path=path, why=error)
                raise Refused(told, block) from error
        try:
            self.point = self.copy.write(files, self.job.objective[:60])
        except NotSaved as error:
            told = prompt("change_unwritable", path=error.path, why=error.why)
            raise Refused(told, answer.blocks[0]) from error

    def changed(self) -> list[str]:
        """The paths that differ from the user's; those of tests and what steers them last."""
        base, now = self.copy.base, self.copy.snapshot()
        paths = [
            path
            for path, entry in now.items()
            if entry.kind == "file" and entry.digest != (base[path].digest if path in base else "")
        ]
        return sorted(paths, key=lambda path: (guarded(path), path))

    def diff(self, paths: Sequence[str]) -> str:
        """A unified diff of these, as text, whatever their encodings."""
        base, now = self.copy.base, self.copy.snapshot()

        def text(digest: str) -> bytes:
            data = self.copy.blobs.get(digest)
            try:
                return decoded(data).text.encode("utf-8")
            except NotText:
                return data

        return unified({path: Edit(base.get(path), now.get(path)) for path in paths}, text)

    def keep_best(self) -> Attempt | None:
        """Bring the copy to the attempt that came nearest: passed, else with fewest failures."""
        if not self.attempts:
            return None
        best = min(reversed(self.attempts), key=lambda attempt: _merit(attempt.checked))
        if best.point != self.point:
            self.copy.go(best.point)
            self.point = best.point
        return best


_FAILURES = re.compile(r"\b(\d+) (?:failed|failures?|errors?)\b|\b(?:failures|errors)=(\d+)")
_NOT_OK = re.compile(r"^not ok\b", re.MULTILINE)


def _merit(checked: Checked) -> tuple[int, int]:
    """How far from passing; smaller is nearer. Outputs that count failures are taken at their word:
    this chooses among failed attempts only."""
    if checked.passed:
        return 0, 0
    counts = [int(a or b) for a, b in _FAILURES.findall(checked.output[-4000:])]
    failures = sum(counts) + len(_NOT_OK.findall(checked.output))
    return (1, failures) if failures else (2, 0)


class Improvement(Turn):
    """A turn whose replies are changes to files: applied together, then judged at once."""

    def __init__(
        self, draft: Draft, past: Sequence[Event], model: Model, executor: Executor, terms: Terms
    ) -> None:
        super().__init__(past, model, executor, terms)
        self.draft = draft

    def follow(self, found: Sequence[CodeBlock]) -> Run:
        reply = next(event for event in reversed(self.events) if isinstance(event, Replied))
        try:
            answer = self.draft.read(reply.text)
            if answer.texts:
                self.draft.take(answer)
        except Refused as refused:
            yield from self.refuse(refused)
            return
        if not answer.texts:
            yield from self.stopped()
            return
        self.stopped_before = False
        notes = answer.notes
        for path, block in zip(answer.texts, answer.blocks, strict=True):
            yield from self.note(_saved(block), ExecResult(0, "", files=(path,), notes=notes))
            notes = ()
        if self.terms.check is None:
            raise Ended("done", "not checked")
        checked = yield from self.judge(self.terms.check)
        self.draft.attempts.append(Attempt(self.draft.point, checked))
        if checked.passed:
            raise Ended("done")
        yield self.keep(Said("\n".join([*answer.notes, _failed(checked)]), "result"))

    def refuse(self, refused: Refused) -> Run:
        """Tell why an answer was not taken; the same one three times ends the run."""
        block, result = refused.block, ExecResult(1, f"{refused.told}\n")
        yield from self.note(_saved(block), result)
        self.stopped_before = False
        yield self.keep(Said(prompt("change_refused", told=refused.told), "result"))
        if self.failures(_saved(block), result) >= SAME_FAILURES:
            detail = f"the same answer was refused {SAME_FAILURES} times"
            raise Ended("stuck", detail)

    def stopped(self) -> Run:
        """A reply that changes nothing: the model has stopped."""
        attempts = self.draft.attempts
        answers = [event.result for event in this_turn(self.events) if isinstance(event, Ran)]
        if answers and not answers[-1].ok:
            raise Ended("gave-up", "the last answer could not be taken")
        if not attempts:
            yield from self.settle()
        elif self.stopped_before:
            raise Ended("check-failed", attempts[-1].checked.detail)
        else:
            yield self.keep(Said(feedback.verdict(attempts[-1].checked), "result"))
        self.stopped_before = True

    def last_chance(self, ended: Ended) -> Run:
        """Every change was checked when it was made."""
        raise ended
        yield


def _saved(block: CodeBlock) -> CodeBlock:
    """Nothing of an answer runs, so no block of it is one that does."""
    return replace(block, action="save") if block.action == "run" else block


def _failed(checked: Checked) -> str:
    return prompt(
        "change_failed",
        command=checked.command,
        exit_code=checked.exit_code,
        detail=checked.detail or "it failed",
        notes="".join(f"\n{note}" for note in checked.notes),
        output=feedback.fenced(checked.output),
    )


def improving(draft: Draft) -> Callable[[Sequence[Event], Model, Executor, Terms], Turn]:
    """What makes the turns of a conversation about ``draft``."""
    return lambda past, model, executor, terms: Improvement(draft, past, model, executor, terms)


# What the model is told first.


def improve_system(job: Job) -> str:
    judged = prompt("change_judged_check" if job.check else "change_judged_user")
    check = prompt("system_check", command=job.check) if job.check else ""
    return prompt("change_system", judged=judged, check=check)


def task(draft: Draft) -> str:
    """The first message: the objective, and the files whole. Raises NotText or NoFunction."""
    job = draft.job
    texts = {path: draft.now(path) for path in job.scope.files}
    within = ""
    if name := job.scope.function:
        span = find_function(texts[job.scope.files[0]].text, name)
        within = prompt("change_function", function=name, first=span.first, last=span.last)
    return prompt(
        "change_task",
        objective=job.objective,
        names=", ".join(feedback.one_line(path) for path in texts),
        function=within,
        files="\n\n".join(_shown(path, text) for path, text in texts.items()),
    )


def _shown(path: str, file: Decoded) -> str:
    ends = "CRLF line ends" if "\r\n" in file.text else ""
    about = ", ".join(filter(None, [file.encoding, f"{file.text.count(chr(10))} lines", ends]))
    text = feedback.quoted(file.text.replace("\r\n", "\n").removesuffix("\n"))
    return prompt("change_file", path=feedback.one_line(path), about=about, text=text)
