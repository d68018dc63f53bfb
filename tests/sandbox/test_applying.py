import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from assistant.events import AssistantError, UsageError
from assistant.sandbox.applying import Applied, ApplyRefused, apply_edits, recover, undo_apply
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.overlay import Edit
from assistant.sandbox.tree import Entry, Tree
from tests.sandbox.faults import at_call, die, in_child
from tests.sandbox.plain import tree_of
from tests.sandbox.trees import BY_DIGEST, CONTENTS, PLAIN, edits, entry, make, trees

OLD: Tree = {
    "same": entry(b"one\n"),
    "changed": entry(b"one\n", 0o755),
    "gone": entry(b"one\ntwo\n"),
    "dir": Entry("dir", 0o755),
    "dir/gone": entry(b"\0bin"),
    "old": Entry("dir", 0o755),
    "old/x": entry(b"crlf\r\n"),
    "turns": entry(b"no end"),
}
NEW: Tree = {
    "same": entry(b"one\n"),
    "changed": entry(b"one\ntwo\n", 0o755),
    "dir": Entry("dir", 0o755),
    "dir/new": entry(b"\xff\xfe", 0o755),
    "fresh": Entry("dir", 0o755),
    "fresh/er": Entry("dir", 0o755),
    "fresh/er/f": entry(b"x" * 5000),
    "link": Entry("link", 0o777, target="changed"),
    "turns": Entry("dir", 0o755),
    "turns/into": entry(b"one\n"),
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    make(tmp_path / "work", OLD)
    return tmp_path / "work"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    with Blobs(path / "blobs") as blobs:
        for data in CONTENTS:
            blobs.put(data)
    return path


def apply(work: Path, store: Path, wanted: dict[str, Edit] | None = None) -> Applied:
    with Blobs(store / "blobs") as blobs:
        return apply_edits(str(work), store, wanted or edits(OLD, NEW), blobs)


def undo(store: Path) -> Applied:
    with Blobs(store / "blobs") as blobs:
        return undo_apply(store, blobs)


def test_the_folder_becomes_the_copy_and_back(work: Path, store: Path) -> None:
    applied = apply(work, store)
    assert tree_of(work) == NEW
    assert set(applied.files) == set(edits(OLD, NEW))
    undo(store)
    assert tree_of(work) == OLD
    with pytest.raises(UsageError, match="no apply to undo"):
        undo(store)
    apply(work, store)
    assert tree_of(work) == NEW
    undo(store)
    assert tree_of(work) == OLD


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda w: (w / "changed").write_bytes(b"mine"), "changed in your folder"),
        (lambda w: (w / "gone").write_bytes(b"mine"), "changed in your folder"),
        (lambda w: (w / "changed").unlink(), "changed in your folder"),
        (lambda w: (w / "dir/new").write_bytes(b"mine"), "exists in your folder"),
        (lambda w: (w / "link").write_bytes(b"mine"), "exists in your folder"),
        (lambda w: (w / "fresh").write_bytes(b"mine"), "exists in your folder"),
        (lambda w: (w / "link").symlink_to("/etc/passwd"), "a symbolic link"),
        (lambda w: (w / "fresh").symlink_to("/etc"), "a symbolic link"),
        (lambda w: os.link(w / "changed", w / "second"), "hard links"),
        (lambda w: ((w / "gone").unlink(), os.mkfifo(w / "gone")), "not a regular file"),
        (lambda w: ((w / "dir/gone").unlink(), (w / "dir").rmdir(), (w / "dir").symlink_to("/tmp")),
         "no folder"),
    ],
)  # fmt: skip
def test_what_the_user_changed_is_never_touched(
    work: Path, store: Path, spoil: Callable[[Path], object], why: str
) -> None:
    spoil(work)
    before = {p: s.lstat().st_mtime_ns for p, s in _all(work)}
    with pytest.raises(ApplyRefused, match=why) as refused:
        apply(work, store)
    assert len(refused.value.reasons) >= 1
    assert {p: s.lstat().st_mtime_ns for p, s in _all(work)} == before
    assert recover(store) == []


def _all(folder: Path) -> Iterator[tuple[str, Path]]:
    return ((str(path), path) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("path", "now", "why"),
    [
        (".git/hooks/pre-commit", entry(b"one\n"), "version control"),
        ("a/.VSCode/x", entry(b"one\n"), "version control"),
        (".bashrc", entry(b"one\n"), "shell"),
        ("a\nb", entry(b"one\n"), "control"),
        ("-rf", entry(b"one\n"), "option"),
        ("l", Entry("link", target="/etc/passwd"), "leads out"),
        ("l", Entry("link", target="../x"), "leads out"),
        ("dir/l", Entry("link", target="../../other/x"), "leads out"),
        ("l", Entry("link", target=".git/config"), "leads out"),
    ],
)
def test_what_is_never_written(work: Path, store: Path, path: str, now: Entry, why: str) -> None:
    with pytest.raises(ApplyRefused, match=why):
        apply(work, store, {path: Edit(None, now), "changed": Edit(OLD["changed"], None)})
    assert tree_of(work) == OLD


def test_modes_of_the_user_are_kept_and_no_rights_are_given_away(work: Path, store: Path) -> None:
    (work / "changed").chmod(0o640)
    (work / "same").chmod(0o664)
    wide = {
        "changed": Edit(OLD["changed"], NEW["changed"]),
        "same": Edit(entry(b"one\n", 0o664), entry(b"one\n", 0o777)),
        "new": Edit(None, entry(b"one\n", 0o666)),
        "closed": Edit(None, entry(b"one\n", 0o000)),
        "gone": Edit(OLD["gone"], entry(b"one\ntwo\n", 0o744)),
    }
    apply(work, store, wide)
    modes = {path: tree_of(work)[path].mode for path in wide}
    assert modes == {
        "changed": 0o640, "same": 0o775, "new": 0o644, "closed": 0o600, "gone": 0o744,
    }  # fmt: skip
    undo(store)
    assert tree_of(work)["same"].mode == 0o664
    assert tree_of(work)["changed"].mode == 0o640
    assert tree_of(work)["gone"].mode == 0o644


def test_an_umask_is_kept_to(work: Path, store: Path) -> None:
    before = os.umask(0o077)
    try:
        apply(work, store)
    finally:
        os.umask(before)
    assert tree_of(work)["dir/new"].mode == 0o700
    assert tree_of(work)["fresh/er"].mode == 0o700
    assert tree_of(work)["changed"].mode == 0o755


def test_a_removed_folder_with_files_of_the_users_own_stays(work: Path, store: Path) -> None:
    (work / "old" / "mine").write_bytes(b"ignored, so never copied")
    apply(work, store)
    assert os.listdir(work / "old") == ["mine"]
    undo(store)
    assert tree_of(work)["old/x"] == OLD["old/x"]


def test_undo_is_refused_where_the_user_went_on(work: Path, store: Path) -> None:
    apply(work, store)
    (work / "changed").write_bytes(b"more work")
    (work / "dir/new").unlink()
    with pytest.raises(ApplyRefused) as refused:
        undo(store)
    assert set(refused.value.reasons) == {"changed"}
    assert (work / "changed").read_bytes() == b"more work"
    assert tree_of(work)["fresh/er/f"] == NEW["fresh/er/f"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_files_stay_the_property_of_their_owner(work: Path, store: Path) -> None:
    for path in (work, *work.rglob("*")):
        os.lchown(path, 1234, 1235)
    apply(work, store)
    assert (work / "changed").stat().st_uid == 1234
    assert (work / "dir/new").stat().st_gid == 1235


EVERY = pytest.mark.parametrize(
    "stride", [5, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
"""Every fifth system call; all of them in the long form."""


# Faults: a child is killed, or fails, at its k-th system call, for every k.


def _fresh(tmp_path: Path, k: int) -> tuple[Path, Path]:
    work, store = tmp_path / f"work{k}", tmp_path / f"store{k}"
    make(work, OLD)
    shutil.copytree(tmp_path / "store", store)
    return work, store


@EVERY
def test_killed_at_any_step_it_is_all_or_nothing(tmp_path: Path, store: Path, stride: int) -> None:
    outcomes = set()
    for k in range(0, 2000, stride):
        work, own = _fresh(tmp_path, k)

        def body(work: Path = work, own: Path = own, k: int = k) -> None:
            sys.setprofile(at_call(k, die))
            apply(work, own)
            sys.setprofile(None)

        status = in_child(body)
        told = recover(own)
        now = tree_of(work)
        assert now in (OLD, NEW), f"killed before call {k}"
        journal = own / "applies.jsonl"
        assert bool(told) == (journal.exists() and "taken back" in journal.read_text())
        assert recover(own) == []
        outcomes.add((status, now == NEW))
        if now == OLD:
            apply(work, own)
            assert tree_of(work) == NEW
        undo(own)
        assert tree_of(work) == OLD
        shutil.rmtree(work)
        shutil.rmtree(own)
        if status == 0:
            break
    assert {(-9, False), (0, True)} <= outcomes <= {(-9, False), (-9, True), (0, True)}
    assert stride > 1 or len(outcomes) == 3
    assert k > 80


@EVERY
def test_killed_at_any_step_of_the_recovery_too(tmp_path: Path, store: Path, stride: int) -> None:
    work, own = _fresh(tmp_path, 0)

    def half() -> None:
        sys.setprofile(at_call(100, die))
        apply(work, own)

    assert in_child(half) == -9
    kept_work, kept_store = tmp_path / "kept-work", tmp_path / "kept-store"
    shutil.copytree(work, kept_work, symlinks=True)
    shutil.copytree(own, kept_store)
    assert tree_of(kept_work) not in (OLD, NEW)
    for k in range(0, 2000, stride):
        shutil.rmtree(work)
        shutil.rmtree(own)
        shutil.copytree(kept_work, work, symlinks=True)
        shutil.copytree(kept_store, own)

        def body(k: int = k) -> None:
            sys.setprofile(at_call(k, die))
            recover(own)
            sys.setprofile(None)

        status = in_child(body)
        recover(own)
        assert tree_of(work) == OLD, f"killed before call {k}"
        if status == 0:
            break
    assert k > 20


@pytest.mark.parametrize("error", [28, 5, 30])  # Disk full, I/O error, read-only.
@EVERY
def test_an_error_at_any_step_is_taken_back_at_once(
    tmp_path: Path, store: Path, error: int, stride: int
) -> None:
    failed = 0
    for k in range(0, 2000, 2 * stride):
        work, own = _fresh(tmp_path, k)

        def body(work: Path = work, own: Path = own, k: int = k) -> None:
            happened = []

            def fail() -> None:
                happened.append(k)
                raise OSError(error, os.strerror(error))

            sys.setprofile(at_call(k, fail))  # It ends with the error that it raises.
            apply(work, own)
            sys.setprofile(None)
            if not happened:
                os._exit(7)

        status = in_child(body)
        now = tree_of(work)
        if now not in (OLD, NEW):  # The way back failed as well: the next start takes it.
            recover(own)
            now = tree_of(work)
        assert now == (OLD if status == 1 else NEW), f"failed at call {k}"
        failed += status == 1
        recover(own)
        assert tree_of(work) == now
        shutil.rmtree(work)
        shutil.rmtree(own)
        if status == 7:
            break
    assert failed > 80 // stride // 3


def test_a_disk_that_stays_full_leaves_everything_as_it_was(work: Path, store: Path) -> None:
    """No file may grow past 3,000 bytes, so the last of the new files cannot be written."""

    def body() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = (store / "blobs" / "kept.pack").stat().st_size
        assert size > 3000
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        with pytest.raises(AssistantError, match="nothing was applied") as error:
            apply(work, store)
        assert "as they were" in error.value.remedy
        assert tree_of(work) == OLD

    assert in_child(body) == 0
    assert tree_of(work) == OLD
    assert recover(store) == []


def test_a_file_that_the_user_changed_during_a_crash_is_left(work: Path, store: Path) -> None:
    def half() -> None:
        sys.setprofile(at_call(100, die))
        apply(work, store)

    assert in_child(half) == -9
    (work / "changed").write_bytes(b"written after the crash")
    told = recover(store)
    assert any("changed" in sentence and "left as it is" in sentence for sentence in told)
    assert (work / "changed").read_bytes() == b"written after the crash"
    assert {p: e for p, e in tree_of(work).items() if p != "changed"} == {
        p: e for p, e in OLD.items() if p != "changed"
    }


def test_nobody_recovers_what_another_process_is_about(work: Path, store: Path) -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:

            def wait() -> None:
                os.write(writer, b"x")
                signal.pause()

            sys.setprofile(at_call(100, wait))
            apply(work, store)
        finally:
            os._exit(1)
    os.read(reader, 1)
    try:
        before = tree_of(work)
        assert recover(store) == []
        assert tree_of(work) == before
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert len(recover(store)) == 1
    assert tree_of(work) == OLD


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("call", ["rename,renameat,renameat2", "fsync", "unlinkat", "mkdirat"])
def test_killed_by_the_kernel_at_the_kth_call(tmp_path: Path, store: Path, call: str) -> None:
    strace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}"]
    program = (
        "import sys; from pathlib import Path; from tests.sandbox.test_applying import apply;"
        "apply(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    for k in (1, 2, 4, 7):
        work, own = _fresh(tmp_path, k)
        inject = ["-e", f"inject={call}:signal=KILL:when={k}"]
        subprocess.run(
            [*strace, *inject, sys.executable, "-c", program, str(work), str(own)],
            cwd=Path(__file__).parents[2],
            check=False,
            capture_output=True,
        )
        recover(own)
        assert tree_of(work) in (OLD, NEW)


# Random trees.


@given(old=trees(PLAIN), new=trees(PLAIN))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_becomes_any_other_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, old: Tree, new: Tree
) -> None:
    base = tmp_path_factory.mktemp("any")
    work, store = base / "work", base / "store"
    make(work, old)
    wanted = edits(old, new)
    with Blobs(store / "blobs") as blobs:
        for data in BY_DIGEST.values():
            blobs.put(data)
        try:
            apply_edits(str(work), store, wanted, blobs)
        except ApplyRefused as refused:
            for path in refused.reasons:
                entries = (old.get(path), new.get(path))
                assert any(one and one.kind == "link" for one in entries)
            assert tree_of(work) == old
            return
        now = tree_of(work)
        assert {p: (e.kind, e.digest, e.target) for p, e in now.items()} == {
            p: (e.kind, e.digest, e.target) for p, e in new.items()
        }
        assert all(now[p].mode == new[p].mode for p in new if new[p].kind == "file")
        if wanted:
            undo_apply(store, blobs)
        assert tree_of(work) == old
