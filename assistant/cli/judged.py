"""Writes back what a check has judged; changes to its own files wait for a person's word."""

from assistant.cli.wiring import Opened
from assistant.events import Notice
from assistant.sandbox.overlay import ancestors
from assistant.sandbox.protect import protected
from assistant.sandbox.review import listed
from assistant.sandbox.workspace import Workspace
from assistant.settings import Settings
from assistant.tasks.check import protection


def exam_changes(workspace: Workspace, settings: Settings) -> list[str]:
    """The changed paths that a check does not take from the code: the user's own tests, and what
    steers tests."""
    before, after = workspace.base, workspace.snapshot()
    protect = protection(settings.check, before, settings.protect)
    exam = protected(before, after, protect, workspace.blobs.get)
    return sorted({*exam.restored, *exam.removed})


def apply_judged(opened: Opened, *, allow_test_changes: bool) -> None:
    """Apply the copy's changes as they were checked; without a check, all of them."""
    chat, workspace = opened.chat, opened.workspace
    if chat.terms.check is None or allow_test_changes or not isinstance(workspace, Workspace):
        chat.apply()
        return
    held = exam_changes(workspace, opened.setup.settings)
    if not held:
        chat.apply()
        return
    kept = {*held, *(above for path in held for above in ancestors(path))}
    if paths := [change.path for change in workspace.changes() if change.path not in kept]:
        chat.apply(paths)
    chat.pour(
        Notice(
            f"not written, since the check ran without these changes: {listed(held)};"
            f" to look at them and write them: assistant apply {chat.session}"
        )
    )
