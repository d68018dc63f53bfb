import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from assistant.events import CodeBlock, ExecResult, Notice, SandboxError, UsageError
from assistant.following import followed
from assistant.sandbox import lines, pack
from assistant.sandbox.applying import ApplyRefused
from assistant.sandbox.disk import StoreError
from assistant.sandbox.importing import CopyOptions
from assistant.sandbox.review import by_reason
from assistant.sandbox.tree import Delta, Entry
from assistant.sandbox.workspace import Workspace
from tests.sandbox.faults import at_call, die, in_child
from tests.sandbox.plain import PlainSandbox, tree_of
from tests.sandbox.trees import CONTENTS, entry


def swap(original: str | None, code: str) -> tuple[str | None, Sequence[str]]:
    """An edit of the form "old=>new"; "delete" deletes."""
    if code.strip() == "delete":
        return None, ()
    old, _, new = code.strip().partition("=>")
    if original is None or old not in original:
        raise ValueError(f"{old!r} is not in the file")
    return original.replace(old, new, 1), ("matched loosely",) if new == "loose" else ()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    (path / "a.py").write_text("one\n")
    (path / "b.py").write_text("two\n")
    (path / "sub").mkdir()
    (path / "sub" / "c.txt").write_text("three\n")
    return path


@pytest.fixture
def sandbox(tmp_path: Path) -> PlainSandbox:
    return PlainSandbox(tmp_path / "sandbox")


@pytest.fixture
def work(folder: Path, sandbox: PlainSandbox, tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(sandbox, folder, tmp_path / "store", swap) as workspace:
        yield workspace


def sh(work: Workspace, code: str) -> ExecResult:
    return followed(work.run(CodeBlock("bash", code), 20))


def save(work: Workspace, path: str, code: str, action: Any = "save") -> ExecResult:
    return followed(work.run(CodeBlock("python", code, path, action), 20))


def test_code_works_on_a_copy(work: Workspace, folder: Path, sandbox: PlainSandbox) -> None:
    before = tree_of(folder)
    result = sh(work, "echo 1 > a.py; rm b.py; mkdir new; echo x > new/f; cat sub/c.txt")
    assert result.ok
    assert result.output == "three\n"
    assert result.files == ("a.py", "b.py", "new/f")
    assert result.sizes == (2, -1, 2)
    assert tree_of(folder) == before
    assert (sandbox.folder / "a.py").read_text() == "1\n"
    assert [(c.path, c.kind, c.added, c.removed) for c in work.changes()] == [
        ("a.py", "changed", 1, 1),
        ("b.py", "deleted", 0, 1),
        ("new/f", "new", 1, 0),
    ]


def test_nothing_is_copied_before_it_is_needed(
    work: Workspace, sandbox: PlainSandbox, tmp_path: Path
) -> None:
    assert work.look() == []
    assert not (tmp_path / "store" / "points.jsonl").exists()
    save(work, "x.py", "print(1)")
    assert sandbox.puts == 0
    sh(work, "true")
    assert sandbox.puts > 0
    assert (sandbox.folder / "x.py").read_text() == "print(1)\n"


def test_saving(work: Workspace, folder: Path, sandbox: PlainSandbox) -> None:
    (folder / "crlf.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\r\n")
    (folder / "script").write_text("x\n")
    (folder / "script").chmod(0o755)
    sh(work, "true")
    assert save(work, "pkg/m.py", "x = 1").output == "saved pkg/m.py\n"
    assert save(work, "./pkg/m.py", "x = 1\n").files == ()
    save(work, "crlf.txt", "c\nd\n")
    save(work, "script", "y")
    held = tree_of(sandbox.folder)
    assert held["pkg/m.py"] == entry(b"x = 1\n")
    assert (sandbox.folder / "crlf.txt").read_bytes() == b"\xef\xbb\xbfc\r\nd\r\n"
    assert held["script"].mode == 0o755


@pytest.mark.parametrize(
    "path",
    [".git/hooks/x", "../x", "/etc/x", "sub", "a.py/x", "link", "link/x", "-x", "a\nb", ".bashrc"],
)
def test_a_save_that_fails_is_a_failed_block(work: Workspace, folder: Path, path: str) -> None:
    (folder / "link").symlink_to("sub")
    result = save(work, path, "x")
    assert (result.exit_code, result.reason, result.files) == (1, None, ())
    assert "was not saved" in result.output
    assert result.output.strip().isprintable()
    assert work.points() == []


def test_text_that_no_file_can_hold(work: Workspace) -> None:
    assert save(work, "x", "lone \ud800").exit_code == 1


def test_edits(work: Workspace, folder: Path, sandbox: PlainSandbox) -> None:
    (folder / "latin").write_bytes(b"\xe9\n")
    (folder / "crlf").write_bytes(b"a\r\nb")
    sh(work, "true")
    result = save(work, "a.py", "one=>loose", "edit")
    assert (result.exit_code, result.notes, result.files) == (0, ("matched loosely",), ("a.py",))
    assert len(result.sizes) == 1
    assert result.sizes[0] > 0
    assert (sandbox.folder / "a.py").read_text() == "loose\n"
    missing = save(work, "a.py", "nothing=>x", "edit")
    assert missing.exit_code == 1
    assert "'nothing' is not in the file" in missing.output
    assert save(work, "latin", "a=>b", "edit").exit_code == 1
    save(work, "crlf", "a=>c", "edit")
    assert (sandbox.folder / "crlf").read_bytes() == b"c\r\nb"
    save(work, "b.py", "delete", "edit")
    assert not (sandbox.folder / "b.py").exists()
    assert save(work, "none", "a=>b", "edit").exit_code == 1


def test_run_with_a_path_saves_and_runs(work: Workspace, sandbox: PlainSandbox) -> None:
    result = save(work, "s.sh", "cat s.sh > out\n", "run")
    assert result.files == ("out", "s.sh")
    assert (sandbox.folder / "out").read_text() == "cat s.sh > out\n"
    assert len(work.points()) == 1
    assert save(work, "../s.sh", "touch ran\n", "run").exit_code == 1
    assert not (sandbox.folder / "ran").exists()


def test_a_block_that_is_only_shown_does_nothing(work: Workspace) -> None:
    assert followed(work.run(CodeBlock("text", "x", None, "show"), 1)) == ExecResult(0, "")


# Undo and redo.


def test_undo_and_redo_cover_whatever_changed(work: Workspace, sandbox: PlainSandbox) -> None:
    states = []
    for code in (
        "true",
        "echo 1 > a.py; chmod 755 b.py",
        "rm -r sub; ln -s a.py sub",
        "mkdir -p x/y/z; echo 2 > a.py; rm b.py; mkdir b.py; touch b.py/f",
        "rm -r b.py sub x; echo 1 > a.py",
    ):
        sh(work, code)
        states.append(tree_of(sandbox.folder))
    for state in reversed(states[:-1]):
        work.undo()
        assert tree_of(sandbox.folder) == state
    with pytest.raises(UsageError, match="nothing to undo"):
        work.undo()
    for state in states[1:]:
        work.redo()
        assert tree_of(sandbox.folder) == state
    with pytest.raises(UsageError, match="nothing to redo"):
        work.redo()
    assert work.undo(3) == (
        "the state after block 2 (bash: echo 1 > a.py; chmod 755 b.py); "
        "different now: b.py, sub/c.txt"
    )
    assert tree_of(sandbox.folder) == states[1]
    sh(work, "echo new > n")
    with pytest.raises(UsageError):
        work.redo()
    work.go("2")
    assert tree_of(sandbox.folder) == states[1]
    assert [(p.point, p.current) for p in work.points()] == [
        ("1", False),
        ("2", True),
        ("6", False),
    ]
    work.go("")
    assert tree_of(sandbox.folder) == states[0]


def test_undo_names_a_long_block_by_its_first_words(work: Workspace) -> None:
    sh(work, "\n  echo 1 > a.py; echo " + "many words " * 30)
    save(work, long := "x/" * 40 + "a b/deep.py", "1\n")
    sh(work, "echo 3 > c.py")
    title = work.undo().partition("(")[2].partition(")")[0]
    assert title == f"save …{long[-60:]}"
    title = work.undo().partition("(")[2].partition(")")[0]
    assert title == "bash: echo 1 > a.py; echo many words many words many words …"


def test_undo_never_takes_back_what_the_user_did(
    work: Workspace, folder: Path, sandbox: PlainSandbox
) -> None:
    sh(work, "echo code > a.py")
    (folder / "b.py").write_text("user\n")
    (folder / "mine").write_text("user\n")
    (told,) = work.look()
    assert "b.py, mine" in told
    work.undo()
    assert (sandbox.folder / "a.py").read_text() == "one\n"
    assert (sandbox.folder / "b.py").read_text() == "user\n"
    assert (sandbox.folder / "mine").read_text() == "user\n"
    work.redo()
    assert (sandbox.folder / "a.py").read_text() == "code\n"
    assert (sandbox.folder / "b.py").read_text() == "user\n"
    assert [change.path for change in work.changes()] == ["a.py"]


def test_what_goes_on_in_the_background_belongs_to_the_last_block(
    work: Workspace, sandbox: PlainSandbox
) -> None:
    sh(work, "echo 1 > a.py")
    (sandbox.folder / "a.py").write_text("later\n")
    (sandbox.folder / "log").write_text("later\n")
    work.look()
    assert [change.path for change in work.changes()] == ["a.py", "log"]
    (sandbox.folder / "log").write_text("still later\n")
    work.undo()
    assert tree_of(sandbox.folder)["a.py"] == entry(b"one\n")
    assert not (sandbox.folder / "log").exists()
    work.redo()
    assert (sandbox.folder / "log").read_text() == "still later\n"


def test_discard_can_be_undone(work: Workspace, sandbox: PlainSandbox, folder: Path) -> None:
    sh(work, "echo 1 > a.py; echo n > n")
    after = tree_of(sandbox.folder)
    assert work.discard(["n"]) == "as in your folder again: n"
    assert [change.path for change in work.changes()] == ["a.py"]
    work.discard()
    assert tree_of(sandbox.folder) == tree_of(folder)
    assert work.diff() == ""
    with pytest.raises(UsageError, match="nothing to throw away"):
        work.discard()
    work.undo(2)
    assert tree_of(sandbox.folder) == after


# The user's own edits.


def test_the_users_edits_come_over_and_conflicts_are_told_once(
    work: Workspace, folder: Path, sandbox: PlainSandbox
) -> None:
    sh(work, "echo code > a.py; rm b.py; echo code > both; echo same > same")
    (folder / "a.py").write_text("user\n")
    (folder / "b.py").write_text("user\n")
    (folder / "both").write_text("user\n")
    (folder / "same").write_text("same\n")
    (folder / "sub" / "c.txt").unlink()
    (folder / "new").mkdir()
    (folder / "new" / "f").write_text("user\n")
    told = work.look()
    assert len(told) == 2
    assert "a.py, b.py, both" in told[0]
    assert "same" not in told[0]
    assert "new/f, same, sub/c.txt" in told[1]
    assert work.look() == []
    assert work.conflicts() == ["a.py", "b.py", "both"]
    assert (sandbox.folder / "a.py").read_text() == "code\n"
    assert not (sandbox.folder / "b.py").exists()
    assert (sandbox.folder / "new" / "f").read_text() == "user\n"
    assert not (sandbox.folder / "sub" / "c.txt").exists()
    assert (folder / "a.py").read_text() == "user\n"
    assert work.diff().startswith("# a.py: not applied: changed in your folder too\n")
    with pytest.raises(ApplyRefused) as refused:
        work.write_back()
    assert set(refused.value.reasons) == {"a.py", "b.py", "both"}
    work.resolve("a.py", "copy")
    work.resolve("both", "folder")
    work.resolve("b.py", "copy")
    assert work.conflicts() == []
    assert (sandbox.folder / "both").read_text() == "user\n"
    work.write_back()
    assert (folder / "a.py").read_text() == "code\n"
    assert not (folder / "b.py").exists()
    work.undo_apply()
    assert (folder / "a.py").read_text() == "user\n"


def test_a_mode_and_a_content_are_no_conflict(work: Workspace, folder: Path) -> None:
    sh(work, "echo code > a.py; chmod 755 b.py")
    (folder / "a.py").chmod(0o600)
    (folder / "b.py").write_text("user\n")
    work.look()
    assert work.conflicts() == []
    work.write_back()
    assert tree_of(folder)["a.py"] == entry(b"code\n", 0o600)
    assert tree_of(folder)["b.py"] == entry(b"user\n", 0o755)


def test_code_that_takes_its_change_back_gets_the_users(
    work: Workspace, folder: Path, sandbox: PlainSandbox
) -> None:
    sh(work, "echo code > a.py")
    (folder / "a.py").write_text("user\n")
    work.look()
    result = sh(work, "echo one > a.py")
    assert (sandbox.folder / "a.py").read_text() == "user\n"
    assert work.conflicts() == []
    assert "a.py" in result.notes[0]


def test_a_conflict_ends_when_the_user_takes_it_back(work: Workspace, folder: Path) -> None:
    sh(work, "echo code > a.py")
    (folder / "a.py").write_text("user\n")
    assert len(work.look()) == 1
    (folder / "a.py").write_text("one\n")
    assert work.look() != []
    assert work.conflicts() == []
    work.apply()
    assert (folder / "a.py").read_text() == "code\n"


@pytest.mark.parametrize(
    ("code", "user"),
    [
        ("rm -r sub; echo f > sub", lambda f: (f / "sub" / "new").write_text("user\n")),
        ("echo x > sub/x", lambda f: ((f / "sub/c.txt").unlink(), (f / "sub").rmdir(),
                                      (f / "sub").write_text("user\n"))),
        ("echo x > sub/c.txt", lambda f: ((f / "sub/c.txt").unlink(), (f / "sub").rmdir(),
                                          (f / "sub").symlink_to("/tmp"))),
        ("mkdir n; echo x > n/x", lambda f: (f / "n").write_text("user\n")),
    ],
)  # fmt: skip
def test_folders_and_files_in_each_others_place_are_conflicts(
    work: Workspace, folder: Path, sandbox: PlainSandbox, code: str, user: Callable[[Path], Any]
) -> None:
    sh(work, code)
    made = {change.path for change in work.changes() if change.kind != "deleted"}
    user(folder)
    before = tree_of(folder)
    work.look()
    assert work.conflicts()
    assert made <= set(tree_of(sandbox.folder))
    with pytest.raises(ApplyRefused):
        work.write_back()
    assert tree_of(folder) == before
    for path in work.conflicts():
        work.resolve(path, "folder")
    work.discard() if work.changes() else None
    assert work.conflicts() == []
    assert tree_of(sandbox.folder) == before


def test_a_users_file_in_a_folder_that_code_removed_keeps_the_folder(
    work: Workspace, folder: Path, sandbox: PlainSandbox
) -> None:
    sh(work, "rm -r sub")
    (folder / "sub" / "new").write_text("user\n")
    work.look()
    assert (sandbox.folder / "sub" / "new").read_text() == "user\n"
    assert not (sandbox.folder / "sub" / "c.txt").exists()
    work.write_back()
    assert os.listdir(folder / "sub") == ["new"]


# Diff and apply.


def test_apply_writes_all_that_is_shown_and_undo_takes_it_back(
    work: Workspace, folder: Path, sandbox: PlainSandbox
) -> None:
    before = tree_of(folder)
    sh(work, "echo 1 > a.py; rm b.py; mkdir -p d/e; echo x > d/e/f; chmod 755 sub/c.txt")
    wanted = tree_of(sandbox.folder)
    assert work.apply() == f"applied to {folder}: a.py, b.py, d/e/f, sub/c.txt"
    assert tree_of(folder) == wanted
    assert work.diff() == ""
    assert work.look() == []
    with pytest.raises(UsageError, match="nothing to apply"):
        work.apply()
    work.undo()
    assert tree_of(sandbox.folder) == before
    assert len(work.changes()) == 4
    work.apply()
    assert tree_of(folder) == before
    work.redo()
    work.apply()
    assert tree_of(folder) == wanted
    work.undo_apply()
    assert tree_of(folder) == before
    assert tree_of(sandbox.folder) == wanted
    assert len(work.changes()) == 4


def test_apply_takes_paths(work: Workspace, folder: Path) -> None:
    sh(work, "echo 1 > a.py; echo 1 > b.py; mkdir d; echo x > d/f; echo y > d/g")
    work.apply(["a.py", "d"])
    assert (folder / "a.py").read_text() == "1\n"
    assert (folder / "b.py").read_text() == "two\n"
    assert sorted(os.listdir(folder / "d")) == ["f", "g"]
    with pytest.raises(UsageError, match="sub: nothing was changed there"):
        work.apply(["sub"])
    assert [change.path for change in work.changes()] == ["b.py"]


def test_what_is_never_applied(work: Workspace, folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".gitignore").write_text("*.log\n")
    before = (folder / ".git" / "HEAD").read_text()
    sh(
        work,
        "chmod u+w .git .git/HEAD; echo evil > .git/HEAD; mkdir .git/hooks;"
        "echo evil > .git/hooks/x;"
        "mkdir -p .vscode node_modules/m __pycache__ s/.git; echo 1 > .vscode/tasks.json; echo 1 >"
        "node_modules/m/i.js; echo 1 > __pycache__/x; echo 1 > x.log; echo 1 > s/.git/config;"
        "echo 1 > .bashrc; echo ok > ok",
    )
    assert [c.path for c in work.changes() if not c.refused] == ["ok", "s"]
    assert [c.path for c in work.changes() if c.refused] == [".bashrc", ".vscode/tasks.json"]
    assert work.excluded() == [
        ".git/HEAD", ".git/hooks/x", "__pycache__/x", "node_modules/m/i.js", "s/.git/config",
        "x.log",
    ]  # fmt: skip
    assert "# 6 new file(s) that are ignored or caches are left out\n" in work.diff()
    assert "left out: .vscode, .bashrc, .vscode/tasks.json" in work.apply()
    assert (folder / ".git" / "HEAD").read_text() == before
    assert sorted(os.listdir(folder)) == [".git", ".gitignore", "a.py", "b.py", "ok", "s", "sub"]
    with pytest.raises(ApplyRefused):
        work.apply([".bashrc"])
    with pytest.raises(UsageError):
        work.apply([".git/HEAD"])
    work.apply(["x.log"])  # Ignored, but asked for by name.
    assert (folder / "x.log").exists()


def test_what_a_program_would_obey_on_the_next_run_is_not_applied(
    work: Workspace, folder: Path
) -> None:
    """A bare repository, which git obeys wherever one stands in it; our own settings."""
    (folder / "mine").mkdir()
    (folder / "mine" / "HEAD").write_text("a title\n")
    sh(
        work,
        "mkdir -p b/objects b/refs mine/x; echo 'ref: refs/heads/m' > b/HEAD;"
        "printf '[core]\\nfsmonitor = touch PWNED\\n' > b/config; echo more > mine/HEAD;"
        "echo 1 > HEAD; echo 'local = true' > assistant.toml; echo 1 > sub/Assistant.TOML",
    )
    refused = {change.path for change in work.changes() if change.refused}
    assert refused == {"b/HEAD", "assistant.toml", "sub/Assistant.TOML"}
    work.apply()
    assert not (folder / "b" / "HEAD").exists()
    assert not (folder / "assistant.toml").exists()
    assert (folder / "HEAD").read_text() == "1\n"
    assert (folder / "mine" / "HEAD").read_text() == "more\n"


def test_a_file_of_the_user_that_was_never_copied_is_not_overwritten(
    work: Workspace, folder: Path
) -> None:
    (folder / ".gitignore").write_text("data\n")
    (folder / "data").write_text("precious\n")
    (folder / ".env").write_text("KEY=1\n")
    sh(work, "echo code > data; echo code > .env; echo '' > .gitignore")
    with pytest.raises(ApplyRefused, match="exists in your folder"):
        work.apply()
    assert (folder / "data").read_text() == "precious\n"
    assert (folder / ".env").read_text() == "KEY=1\n"


def test_the_diff_of_some_paths_alone(work: Workspace, folder: Path) -> None:
    sh(work, "mkdir -p new && echo 1 > new/a && echo 2 > newer && echo 3 > 'two words'")
    assert work.diff().count("diff --git ") == 3
    assert work.diff(["new"]).count("diff --git ") == 1
    assert "+1" in work.diff(["new"])
    assert "+3" in work.diff(["two words"])
    assert work.diff(["absent"]) == ""


def test_what_is_left_out_for_one_reason_is_told_in_one_go() -> None:
    skipped = [(f"d/{n}", "past the limit") for n in range(5007)]
    skipped += [("a.bin", "too large"), ("__pycache__", "a cache")]
    assert by_reason(skipped) == [
        "a.bin (too large)",
        "d/0, d/1, d/10, d/100, d/1000 and 5,002 more (past the limit)",
    ]


def test_what_is_left_out_is_told_to_user_and_model(work: Workspace, folder: Path) -> None:
    (folder / ".env").write_text("x")
    os.mkfifo(folder / "pipe")
    run = work.run(CodeBlock("bash", "true"), 5)
    notice = next(run)
    assert isinstance(notice, Notice)
    assert "pipe (not a regular file)" in notice.text
    assert ".env" in notice.text
    result = followed(run)
    assert result.notes == tuple(notice.text.split("\n"))
    assert work.look() == []


def test_a_sandbox_that_names_a_path_outside_is_not_believed(
    work: Workspace, sandbox: PlainSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh(work, "true")
    for path in ("../x", "/etc/passwd", "a/../../x", "a//b", ""):
        monkeypatch.setattr(
            sandbox, "pull", lambda blobs, path=path: Delta({path: Entry("dir", 0o755)})
        )
        with pytest.raises(SandboxError, match="outside"):
            sh(work, "true")
    monkeypatch.undo()
    assert sh(work, "echo 1 > a.py").files == ("a.py",)


# Interrupts and crashes.


class _Stopping(PlainSandbox):
    """Raises in the middle of a run, after the block has done its work."""

    error: BaseException = KeyboardInterrupt()

    def run(self, block: CodeBlock, seconds: float) -> Generator[Any, None, ExecResult]:
        yield from super().run(block, seconds)
        raise self.error


def test_an_interrupt_keeps_what_was_done(folder: Path, tmp_path: Path) -> None:
    stopping = _Stopping(tmp_path / "sandbox")
    with Workspace(stopping, folder, tmp_path / "store", swap) as work:
        result = save(work, "s.sh", "echo 1 > a.py", "run")
        assert (result.reason, result.exit_code) == ("cancelled", 130)
        assert result.files == ("a.py", "s.sh")
        run = work.run(CodeBlock("bash", "true"), 5)
        (folder / ".env").write_text("x")
    with Workspace(PlainSandbox(tmp_path / "s2"), folder, tmp_path / "store2", swap) as work:
        run = work.run(CodeBlock("bash", "true"), 5)
        assert isinstance(next(run), Notice)
        with pytest.raises(StopIteration) as end:
            run.throw(KeyboardInterrupt())
        assert end.value.value.reason == "cancelled"


def test_what_was_saved_is_not_lost_with_the_sandbox(folder: Path, tmp_path: Path) -> None:
    stopping = _Stopping(tmp_path / "sandbox")
    stopping.error = SandboxError("the container is gone")
    with Workspace(stopping, folder, tmp_path / "store", swap) as work:
        with pytest.raises(SandboxError):
            save(work, "s.sh", "echo 1 > a.py", "run")
        assert [change.path for change in work.changes()] == ["s.sh"]
        work.use(PlainSandbox(tmp_path / "second"))
        assert sh(work, "cat s.sh a.py").output == "echo 1 > a.py\none\n"


def test_signals_wait_for_the_bookkeeping(
    work: Workspace, sandbox: PlainSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = sandbox.pull

    def slow(blobs: Any) -> Delta:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        return really(blobs)

    sh(work, "true")
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(sandbox, "pull", slow)
    result = sh(work, "echo 1 > a.py")
    assert (result.reason, result.files) == ("cancelled", ("a.py",))
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    assert [change.path for change in work.changes()] == ["a.py"]
    work.undo()
    assert (sandbox.folder / "a.py").read_text() == "one\n"


def test_it_works_in_a_thread(work: Workspace) -> None:
    results: list[ExecResult] = []
    thread = threading.Thread(target=lambda: results.append(sh(work, "echo 1 > a.py")))
    thread.start()
    thread.join()
    assert results[0].files == ("a.py",)


def test_a_session_goes_on_after_kill_9(folder: Path, tmp_path: Path) -> None:
    store, states = tmp_path / "store", tmp_path / "states"
    states.mkdir()
    pid = os.fork()
    if pid == 0:
        try:
            box = PlainSandbox(tmp_path / "first")
            work = Workspace(box, folder, store, swap)
            sh(work, "echo 1 > a.py; mkdir d; echo x > d/f; ln -s d l; chmod 755 b.py")
            sh(work, "rm b.py; echo 2 > a.py; touch -- -odd")
            sh(work, "echo 3 > a.py")
            work.undo()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    first = tree_of(tmp_path / "first")
    (folder / "sub" / "c.txt").write_text("user\n")
    second = PlainSandbox(tmp_path / "second")
    with Workspace.resume(second, store, swap) as work:
        assert work.look() == []
        sh(work, "true")
        expected = first | {"sub/c.txt": entry(b"user\n")}
        assert tree_of(second.folder) == expected
        work.undo()
        assert (second.folder / "b.py").stat().st_mode & 0o777 == 0o755
        work.undo()
        assert tree_of(second.folder) == tree_of(folder)
    with pytest.raises(UsageError, match="this session is about"):
        Workspace(second, tmp_path / "sandbox-of-another", store, swap)
    with pytest.raises(UsageError, match="holds no changes"):
        Workspace.resume(second, tmp_path / "nothing", swap)


def test_killed_at_every_step_no_acknowledged_block_is_lost(folder: Path, tmp_path: Path) -> None:
    """A child saves, edits, undoes and applies, and says so after each; it dies before call k."""
    for k in range(0, 3000, 7):
        home = tmp_path / str(k)
        shutil.copytree(folder, home / "project")
        reader, writer = os.pipe()

        def body(home: Path = home, writer: int = writer, k: int = k) -> None:
            sys.setprofile(at_call(k, die))
            work = Workspace(None, home / "project", home / "store", swap)
            for act in (
                lambda: save(work, "a.py", "1\n"),
                lambda: save(work, "n/m", "2\n"),
                lambda: save(work, "b.py", "two=>three", "edit"),
                lambda: work.undo(),
                lambda: save(work, "a.py", "4\n"),
                lambda: work.apply(),
            ):
                act()
                os.write(writer, b"x")
            sys.setprofile(None)

        status = in_child(body)
        os.close(writer)
        with os.fdopen(reader, "rb") as said:
            done = len(said.read())
        with Workspace(None, home / "project", home / "store", swap) as work:
            work.look()
            assert not work.conflicts()
            tree = {path: work.blobs.get(one.digest) for path, one in work.snapshot().items()
                    if one.kind == "file"}  # fmt: skip
        states = [
            (b"one\n", b"two\n", None),
            (b"1\n", b"two\n", None),
            (b"1\n", b"two\n", b"2\n"),
            (b"1\n", b"three\n", b"2\n"),
            (b"1\n", b"two\n", b"2\n"),
            (b"4\n", b"two\n", b"2\n"),
            (b"4\n", b"two\n", b"2\n"),
        ]
        now = (tree["a.py"], tree["b.py"], tree.get("n/m"))
        assert now in states[done : done + 2], f"killed before call {k}, after {done} steps"
        on_disk = (home / "project" / "a.py").read_bytes()
        assert on_disk == (b"4\n" if (home / "project" / "n").exists() else b"one\n")
        shutil.rmtree(home)
        if status == 0:
            break
    assert done == 6
    assert k > 100


def test_changes_can_be_applied_later_without_a_sandbox(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with Workspace(PlainSandbox(tmp_path / "box"), folder, store, swap) as work:
        sh(work, "echo 1 > a.py")
        diff = work.diff()
    (folder / "b.py").write_text("user\n")
    with Workspace.resume(None, store, swap) as work:
        assert work.diff() == diff
        work.apply()
        assert (folder / "a.py").read_text() == "1\n"
        with pytest.raises(UsageError, match="no sandbox"):
            sh(work, "true")


def test_the_store_holds_only_what_changed(folder: Path, tmp_path: Path) -> None:
    (folder / "large").write_bytes(os.urandom(300_000))
    store = tmp_path / "store"
    with Workspace(PlainSandbox(tmp_path / "box"), folder, store, swap) as work:
        sh(work, "echo 1 > a.py")
        for _ in range(5):
            sh(work, "true")
    held = [path for path in store.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in held) < 4000
    assert {path.stat().st_mode & 0o777 for path in held} == {0o600}


def test_with_a_full_disk_the_session_goes_on_and_catches_up(
    work: Workspace, folder: Path, sandbox: PlainSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    sh(work, "echo 0 > b.py")
    with monkeypatch.context() as patch:
        patch.setattr(pack, "write_all", full)
        patch.setattr(lines, "write_all", full)
        result = sh(work, "echo 1 > a.py")
        assert result.ok
        assert "only in memory" in result.notes[0]
        assert "No space left" in result.notes[0]
        assert (sandbox.folder / "a.py").read_text() == "1\n"
        (folder / "a.py").write_text("user\n")
        assert "only in memory" in work.look()[0]
        assert (sandbox.folder / "a.py").read_text() == "1\n"
        for act in (work.undo, work.apply, work.discard, work.diff, work.changes, work.refusals):
            with pytest.raises(StoreError, match="only in memory"):
                act()
        work.look()
        assert (folder / "a.py").read_text() == "user\n"
    assert "a.py" in work.look()[0]
    assert work.conflicts() == ["a.py"]
    assert [change.path for change in work.changes()] == ["a.py", "b.py"]
    work.undo()
    assert (sandbox.folder / "a.py").read_text() == "user\n"
    assert (sandbox.folder / "b.py").read_text() == "two\n"


def test_a_disk_that_is_full_from_the_start(
    work: Workspace, sandbox: PlainSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pack, "write_all", full)
        patch.setattr(lines, "write_all", full)
        assert sh(work, "cat a.py; echo 1 > a.py").output == "one\n"
        assert sh(work, "cat a.py; echo 2 > b.py").output == "1\n"
    sh(work, "true")
    work.look()
    assert [change.path for change in work.changes()] == ["a.py", "b.py"]
    work.apply()
    assert work.copy.history.folder == work.copy.folder


def test_an_apply_that_crashed_after_its_end_is_known_to_the_history(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    with Workspace(PlainSandbox(tmp_path / "box"), folder, store, swap) as work:
        sh(work, "echo 1 > a.py")
        monkeypatch.setattr(work.copy, "_after", lambda applied: None)
        work.write_back()
    second = PlainSandbox(tmp_path / "second")
    with Workspace(second, folder, store, swap) as work:
        work.look()
        assert work.diff() == ""
        work.undo()
        assert [change.path for change in work.changes()] == ["a.py"]
        work.apply()
        assert (folder / "a.py").read_text() == "one\n"


def test_a_check_gets_a_copy_that_can_be_put(work: Workspace, folder: Path) -> None:
    (folder / "sub").chmod(0o555)
    sh(work, "echo 1 > a.py; mkdir __pycache__; touch __pycache__/x")
    snapshot = work.snapshot()
    assert snapshot["sub"].mode == 0o755
    assert {"a.py", "__pycache__/x", "sub/c.txt"} <= set(snapshot)
    assert work.base["a.py"] == entry(b"one\n")
    (folder / "sub").chmod(0o755)


def test_read_only_folders_can_be_worked_in(
    work: Workspace, folder: Path, sandbox: PlainSandbox
) -> None:
    (folder / "sub").chmod(0o555)
    sh(work, "true")
    assert tree_of(sandbox.folder)["sub"].mode == 0o555
    sh(work, "chmod 755 sub; echo x > sub/n; chmod 555 sub")
    work.undo()
    assert tree_of(sandbox.folder)["sub"].mode == 0o555
    assert not (sandbox.folder / "sub" / "n").exists()
    (folder / "sub").chmod(0o755)


def test_the_home_folder_is_refused_with_a_remedy(sandbox: PlainSandbox, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="home folder") as refused:
        Workspace(sandbox, Path.home(), tmp_path / "store", swap)
    assert refused.value.remedy
    with pytest.raises(UsageError, match="which no code may see"):
        Workspace(sandbox, tmp_path, tmp_path / "store", swap)


# A random walk: blocks, user edits, undo, redo, apply, looks and resumes.

_PATHS = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "e"])
_DATA = st.sampled_from(CONTENTS[:4])
_ACTIONS = st.sampled_from(["write", "remove", "chmod", "link"])


def _act(folder: Path, action: str, path: str, data: bytes) -> None:
    place = folder / path
    try:
        if action == "write":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        elif action == "remove":
            os.unlink(place)
        elif action == "chmod" and place.is_file() and not place.is_symlink():
            place.chmod(0o755)
        elif action == "link":
            place.symlink_to("a")
    except OSError:
        return


class Walk(RuleBasedStateMachine):
    base: Path

    @initialize()
    def begin(self) -> None:
        number = len(os.listdir(self.base))
        self.home = self.base / f"{number}"
        self.folder, self.store = self.home / "project", self.home / "store"
        self.folder.mkdir(parents=True)
        (self.folder / "d").mkdir()
        (self.folder / "d" / "a").write_bytes(b"one\n")
        self.boxes = 0
        self.open()

    def open(self) -> None:
        self.boxes += 1
        self.box = PlainSandbox(self.home / f"box{self.boxes}")
        self.work = Workspace(self.box, self.folder, self.store, swap)

    @rule(changes=st.lists(st.tuples(_ACTIONS, _PATHS, _DATA), max_size=4))
    def block(self, changes: list[tuple[str, str, bytes]]) -> None:
        before = tree_of(self.folder)
        self.box.run = self.acting(changes)  # type: ignore[method-assign]  # One block's acts.
        sh(self.work, "x")
        assert tree_of(self.folder) == before
        self.in_step()

    def acting(self, changes: list[tuple[str, str, bytes]]) -> Any:
        def run(block: CodeBlock, seconds: float) -> Generator[Any, None, ExecResult]:
            for change in changes:
                _act(self.box.folder, *change)
            return ExecResult(0, "")
            yield

        return run

    @rule(path=_PATHS, text=st.sampled_from(["one", "two\n"]))
    def save(self, path: str, text: str) -> None:
        disputed = path in self.work.conflicts()
        result = save(self.work, path, text)
        if result.ok:
            self.block([])
        if result.ok and not disputed:
            assert (self.box.folder / path).read_text() == text.rstrip("\n") + "\n"

    @rule(change=st.tuples(_ACTIONS, _PATHS, _DATA))
    def user(self, change: tuple[str, str, bytes]) -> None:
        _act(self.folder, *change)

    @rule()
    def look(self) -> None:
        before = tree_of(self.folder)
        self.work.look()
        assert tree_of(self.folder) == before
        self.in_step()
        assert self.work.look() == []

    @rule(count=st.integers(1, 3), back=st.booleans())
    def move(self, count: int, back: bool) -> None:
        try:
            self.work.undo(count) if back else self.work.redo(count)
        except UsageError:
            return
        self.in_step()

    @rule()
    def there_and_back(self) -> None:
        self.look()
        self.block([])
        before = tree_of(self.box.folder)
        try:
            self.work.undo()
        except UsageError:
            return
        self.work.redo()
        if not self.work.conflicts():
            assert tree_of(self.box.folder) == before

    @rule()
    def apply(self) -> None:
        before = tree_of(self.folder)
        try:
            self.work.write_back()
        except UsageError:  # ApplyRefused is one.
            assert tree_of(self.folder) == before
            return
        assert self.work.diff() == ""
        self.block([])
        now = {p: (e.kind, e.digest, e.target) for p, e in tree_of(self.folder).items()}
        copy = {p: (e.kind, e.digest, e.target) for p, e in tree_of(self.box.folder).items()}
        assert now == copy

    @rule()
    def undo_apply(self) -> None:
        before = tree_of(self.folder)
        try:
            self.work.undo_apply()
        except UsageError:
            assert tree_of(self.folder) == before

    @rule()
    def resume(self) -> None:
        self.look()
        self.block([])
        before = tree_of(self.box.folder)
        self.work.close()
        self.open()
        self.block([])
        assert tree_of(self.box.folder) == before

    @rule()
    def discard(self) -> None:
        self.look()
        try:
            self.work.discard()
        except UsageError:
            return
        self.block([])
        assert tree_of(self.box.folder) == tree_of(self.folder)

    def in_step(self) -> None:
        """The sandbox holds what the host believes, once there is something in it."""
        if self.box.puts and self.work._mirror.filled:
            assert tree_of(self.box.folder) == self.work.copy.tree

    @invariant()
    def the_diff_can_be_made(self) -> None:
        if hasattr(self, "work") and self.work.copy.opened:
            self.work.diff()

    def teardown(self) -> None:
        if hasattr(self, "work"):
            self.work.close()


def test_a_random_walk(tmp_path: Path) -> None:
    class Here(Walk):
        base = tmp_path

    Here.TestCase.settings = settings(
        max_examples=25,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Here.TestCase().runTest()


def test_options_reach_the_copy(folder: Path, sandbox: PlainSandbox, tmp_path: Path) -> None:
    (folder / "big").write_bytes(b"x" * 2000)
    options = CopyOptions(file_bytes=1000)
    with Workspace(sandbox, folder, tmp_path / "store", swap, options) as work:
        sh(work, "true")
        assert not (sandbox.folder / "big").exists()
