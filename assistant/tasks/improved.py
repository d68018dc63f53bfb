"""What came of an improve task: what changed, what was written, and as one JSON line."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from assistant.events import Finished, Status
from assistant.sandbox.applying import Applied, ApplyRefused
from assistant.sandbox.protect import guarded
from assistant.tasks.improve import Draft

TYPE = "Improved"


class Writable(Protocol):
    """The copy, as far as it is written back: see ``Workspace``."""

    def write_back(self, paths: Sequence[str] | None = None, /) -> Applied: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an improve task.

    ``passed`` is what the check said of the state in ``diff``, None where there is none. Changes
    to tests are apart, in ``tests``; ``written`` are the paths of the user's that were changed.
    """

    status: Status
    detail: str
    passed: bool | None
    files: tuple[str, ...]
    diff: str
    tests: tuple[str, ...] = ()
    tests_diff: str = ""
    attempts: int = 0
    written: tuple[str, ...] = ()
    refused: str = ""
    """Why the changes were not written, where they should have been."""
    session: str = ""

    def line(self) -> str:
        return json.dumps({"v": 1, "type": TYPE, **asdict(self)}, separators=(",", ":"))


def outcome(draft: Draft, ending: Finished, session: str) -> Outcome:
    """The outcome of a draft; its copy is brought to the best attempt."""
    best = draft.keep_best()
    changed = draft.changed()
    named = draft.job.scope.files
    files = tuple(path for path in changed if path in named or not guarded(path))
    tests = tuple(path for path in changed if path not in files)
    return Outcome(
        status=ending.status,
        detail=ending.detail,
        passed=best.checked.passed if best else None,
        files=files,
        diff=draft.diff(files),
        tests=tests,
        tests_diff=draft.diff(tests),
        attempts=len(draft.attempts),
        session=session,
    )


def write(found: Outcome, copy: Writable, allow_tests: bool) -> Outcome:
    """Write the changes into the user's folder, all or none; the tests' too where allowed."""
    paths = [*found.files, *(found.tests if allow_tests else ())]
    if not paths:
        return found
    try:
        applied = copy.write_back(paths)
    except ApplyRefused as error:
        return replace(found, refused=error.message)
    return replace(found, written=applied.files)
