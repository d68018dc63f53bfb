import errno
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.sandbox.names import folded, in_git, shown
from assistant.sandbox.safe_files import FileRefused, Root, check_name


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    (tmp_path / "in").mkdir()
    with Root(tmp_path / "in") as opened:
        yield opened


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    return tmp_path / "in"


# Names.


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "a//b",
        "a/",
        ".",
        "..",
        "a/../b",
        "./a",
        "-rf",
        "a/-x",
        "~root",
        "a\\b",
        "a\nb",
        "a\x1b[2J",
        "a\x7f",
        "a\x85b",
        "evil\u202ecod.py",
        "zero\u200bwidth",
        "line\u2028end",
        "nul\0",
        "lone\ud800",
        "x" * 201,
        "é" * 101,
        "/".join(["d" * 150] * 30),
        ".git",
        ".GIT/config",
        "sub/.git/hooks/pre-commit",
        ".Git ",
        ".g\u200dit/config",
        "．git/config",
        ".hg",
        ".vscode/tasks.json",
        ".claude/settings.json",
        "sub/.Cursor/mcp.json",
        "sub/.exrc",
        ".IDEA/x",
        ".bashrc",
        "home/.Zshrc",
        ".gitmodules",
    ],
)
def test_names_that_are_never_written(name: str, root: Root) -> None:
    with pytest.raises(FileRefused) as refused:
        check_name(name)
    assert refused.value.message.isprintable()
    with pytest.raises(FileRefused):
        root.write(name, b"x")
    with pytest.raises(FileRefused):
        root.mkdirs(name)


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a/b.py",
        ".gitignore",
        ".github/workflows/x.yml",
        "naïve/日本.txt",
        "a b",
        "x~",
        "a-b",
        "😀.py",
        "latin-\udce9",
        "'quote\"",
        "x" * 200,
        ".git-blame-ignore-revs",
        ".env",
    ],
)
def test_names_that_may_be_written(name: str, root: Root, inside: Path) -> None:
    assert "/".join(check_name(name)) == name
    if "/" in name:
        root.mkdirs(name.rpartition("/")[0])
    root.write(name, b"x")
    assert (inside / name).read_bytes() == b"x"


@given(st.text())
def test_what_is_shown_can_be_printed(name: str) -> None:
    text = shown(name)
    assert text.isprintable()
    text.encode("utf-8")
    if name.isprintable():
        assert text == name


def test_shown_names_tell_apart_what_is_hidden() -> None:
    assert shown("a\nb\x1b[0m\u202e") == "a\\nb\\x1b[0m<U+202E>"
    assert shown("caf\udce9") == "caf\\xe9"


@given(st.text(alphabet=".gGiItT\u200b\u202e \u0131x/", max_size=8))
def test_every_spelling_of_git_is_found(path: str) -> None:
    assert in_git(path) == any(folded(part) == ".git" for part in path.split("/"))


# Reading.


def test_reads_and_caps(root: Root, inside: Path) -> None:
    (inside / "f").write_bytes(b"12345")
    assert root.read("f", 5) == b"12345"
    with pytest.raises(FileRefused, match="larger than 4 bytes"):
        root.read("f", 4)
    with pytest.raises(FileNotFoundError):
        root.read("none", 4)


def test_a_fifo_is_not_waited_for(root: Root, inside: Path) -> None:
    os.mkfifo(inside / "pipe")
    began = time.monotonic()
    with pytest.raises(FileRefused, match="not a regular file"):
        root.read("pipe", 100)
    assert time.monotonic() - began < 25
    with pytest.raises(FileRefused):
        root.write("pipe", b"x")


def test_links_are_not_followed(root: Root, inside: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"key")
    (inside / "file").symlink_to(secret / "key")
    (inside / "dir").symlink_to(secret)
    (inside / "self").symlink_to("self")
    for path in ("file", "dir/key", "self", "self/x"):
        with pytest.raises(FileRefused):
            root.read(path, 100)
        with pytest.raises(FileRefused):
            root.write(path, b"pwned")
    with pytest.raises(FileRefused):
        root.mkdirs("dir/new")
    with pytest.raises(FileRefused):
        root.remove("dir/key")
    with pytest.raises(FileRefused):
        root.chmod("file", 0o777)
    assert root.stat("dir/key") is None
    assert sorted(os.listdir(secret)) == ["key"]
    assert (secret / "key").read_bytes() == b"key"
    assert root.link("file") == str(secret / "key")
    root.remove("file")  # The link itself.
    root.delete_tree("dir")
    assert (secret / "key").exists()


def test_a_sparse_file_of_a_terabyte_is_refused_at_once(root: Root, inside: Path) -> None:
    with (inside / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileRefused, match="larger"):
        root.read("sparse", 1 << 20)


def test_a_file_that_grows_while_it_is_read_is_capped(root: Root, inside: Path) -> None:
    path, stop = inside / "grows", threading.Event()
    path.write_bytes(b"")

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set() and file.tell() < 50 << 20:
                file.write(b"x" * 65536)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                assert len(root.read("grows", 1 << 20)) <= 1 << 20
            except FileRefused:
                break
        else:
            pytest.fail("it never grew past the cap")
    finally:
        stop.set()
        writer.join()


# Writing.


def test_writes_keep_the_mode_and_leave_nothing_behind(root: Root, inside: Path) -> None:
    (inside / "f").write_bytes(b"old")
    (inside / "f").chmod(0o750)
    root.write("f", b"new")
    assert stat.S_IMODE((inside / "f").stat().st_mode) == 0o750
    root.write("g", b"new", 0o600)
    assert stat.S_IMODE((inside / "g").stat().st_mode) == 0o600
    before = os.umask(0o027)
    try:
        root.write("h", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((inside / "h").stat().st_mode) == 0o640
    assert sorted(os.listdir(inside)) == ["f", "g", "h"]


def test_a_file_with_other_links_is_not_replaced(root: Root, inside: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"other")
    os.link(tmp_path / "other", inside / "f")
    with pytest.raises(FileRefused, match="hard links"):
        root.write("f", b"new")
    assert (tmp_path / "other").read_bytes() == b"other"


def test_a_folder_in_the_place_of_a_file(root: Root, inside: Path) -> None:
    (inside / "d").mkdir()
    with pytest.raises(FileRefused, match="not a regular file"):
        root.write("d", b"x")
    with pytest.raises(FileNotFoundError):
        root.write("none/f", b"x")
    (inside / "f").write_bytes(b"")
    with pytest.raises(FileRefused):
        root.mkdirs("f/g")


def test_mkdirs_says_what_is_new(root: Root, inside: Path) -> None:
    assert root.mkdirs("a/b") == ["a", "a/b"]
    assert root.mkdirs("a/b/c") == ["a/b/c"]
    assert root.mkdirs("a/b/c") == []
    root.write("a/b/c/f", b"x")
    with pytest.raises(OSError, match="not empty"):
        root.remove("a/b/c")


def test_without_strictness_only_escapes_are_refused(inside: Path) -> None:
    inside.mkdir()
    with Root(inside, strict=False) as root:
        root.mkdirs(".git/-x")
        root.write(".git/-x/a\nb", b"x")
        assert [path for path, _ in root.walk()] == [".git", ".git/-x", ".git/-x/a\nb"]
        for path in ("../x", "/x", "a/../../x"):
            with pytest.raises(FileRefused):
                root.write(path, b"x")


# Races: a thread swaps a folder for a link to a place outside, again and again.


class _Swapping(threading.Thread):
    def __init__(self, place: Path, target: Path) -> None:
        super().__init__()
        self.place, self.target, self.stop = place, target, threading.Event()
        self.aside = place.with_name("aside")

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                os.rename(self.place, self.aside)
                os.symlink(self.target, self.place)
                os.unlink(self.place)
                os.rename(self.aside, self.place)
            except OSError:
                self._mend()
        self._mend()

    def _mend(self) -> None:
        if self.place.is_symlink():
            self.place.unlink()
        if self.aside.exists() and not self.place.exists():
            os.rename(self.aside, self.place)


def test_no_write_or_read_escapes_through_a_swapped_folder(
    root: Root, inside: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"outside")
    (inside / "d").mkdir()
    (inside / "d" / "f").write_bytes(b"inside")
    swapping = _Swapping(inside / "d", outside)
    swapping.start()
    written = 0
    try:
        for number in range(250):
            for act in (
                lambda: root.write("d/f", b"inside"),
                partial(root.write, f"d/new{number}", b"inside"),
                partial(root.mkdirs, f"d/sub{number}/x"),
                lambda: root.remove("d/gone"),
                partial(root.delete_tree, f"d/sub{number}"),
                lambda: root.chmod("d/f", 0o644),
                lambda: list(root.walk()),
            ):
                with suppress(OSError, FileRefused):
                    act()
                    written += 1
            with suppress(OSError, FileRefused):
                assert root.read("d/f", 100) == b"inside"
    finally:
        swapping.stop.set()
        swapping.join()
    assert written > 20
    assert os.listdir(outside) == ["f"]
    assert (outside / "f").read_bytes() == b"outside"


def test_a_file_swapped_for_a_link_is_not_written_through(
    root: Root, inside: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"outside")
    place, stop = inside / "f", threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.symlink(outside, inside / "link")
            os.replace(inside / "link", place)
            (inside / "file").write_bytes(b"inside")
            os.replace(inside / "file", place)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(1500):
            try:
                root.write("f", b"inside", 0o600)
                assert root.read("f", 100) in (b"inside", b"")
                root.chmod("f", 0o640)
            except (OSError, FileRefused):
                continue
    finally:
        stop.set()
        thread.join()
    assert outside.read_bytes() == b"outside"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# Depth and size.


def _deep(folder: Path, levels: int) -> None:
    fd = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


def test_trees_of_3500_levels_are_walked_and_deleted(root: Root, inside: Path) -> None:
    (inside / "top").mkdir()
    _deep(inside / "top", 3500)
    found = [path for path, _ in root.walk()]
    assert len(found) == 3502
    assert found[-1].count("/") == 3501
    root.delete_tree("top")
    assert os.listdir(inside) == []


def test_a_walk_is_bounded_and_goes_where_it_is_told(root: Root, inside: Path) -> None:
    for number in range(20):
        (inside / f"f{number:02}").write_bytes(b"")
    (inside / "d").mkdir()
    (inside / "d" / "x").write_bytes(b"")
    with pytest.raises(FileRefused, match="more than 10 files"):
        list(root.walk(limit=10))
    assert "d/x" not in [path for path, _ in root.walk(lambda path, _: path != "d")]
    assert "d/x" in [path for path, _ in root.walk()]


def test_wide_trees_are_deleted_with_few_descriptors(root: Root, inside: Path) -> None:
    for number in range(300):
        (inside / "w" / f"{number}" / "x").mkdir(parents=True)
    open_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc") else 0
    root.delete_tree("w")
    if open_before:
        assert len(os.listdir("/proc/self/fd")) == open_before
    root.delete_tree("w")  # Nothing there is no error.


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_deleting_lifts_modes_as_an_ordinary_user(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "t" / "a" / "b").mkdir(parents=True)
    (work / "t" / "a" / "b" / "f").write_bytes(b"")
    for path in (work, *work.rglob("*")):
        os.chown(path, 65534, 65534)
    for path in (work / "t/a/b", work / "t/a", work / "t"):
        path.chmod(0)
    fd = os.open(work, os.O_RDONLY)
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            with Root(f"/proc/self/fd/{fd}") as root:
                root.delete_tree("t")
            os._exit(0)
        finally:
            os._exit(1)
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert os.listdir(work) == []


def test_a_folder_that_cannot_be_written_is_named_by_the_file_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refusing(path: str, flags: int, *rest: int, **more: int) -> int:
        if str(path).startswith(".assistant-"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, flags, *rest, **more)

    monkeypatch.setattr("assistant.sandbox.safe_files.os.open", refusing)
    with Root(tmp_path) as root, pytest.raises(PermissionError) as caught:
        root.write("notes.txt", b"x")
    assert caught.value.filename == "notes.txt"
