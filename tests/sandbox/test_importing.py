import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.events import UsageError
from assistant.sandbox import reading
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.gitcopy import safe_config
from assistant.sandbox.gitindex import tracked
from assistant.sandbox.importing import CopyOptions, Imported, import_folder, may_hold_keys, refuse
from assistant.sandbox.overlay import puts, received
from assistant.sandbox.safe_files import contents
from assistant.sandbox.tree import Tree
from tests.sandbox.plain import PlainSandbox, tree_of
from tests.sandbox.trees import make, trees

KEY = "sk-canary-0123456789abcdef"


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[Blobs]:
    with Blobs(tmp_path / "store" / "blobs") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    return path


def put(folder: Path, path: str, data: bytes | str = b"x") -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "gc.auto=0"]
    done = subprocess.run(
        ["git", *settings, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_a_folder_comes_over_as_it_is(folder: Path, blobs: Blobs, tmp_path: Path) -> None:
    put(folder, "a.py", "print(1)\r\n").chmod(0o755)
    put(folder, "pkg/deep/data.bin", bytes(range(256)))
    put(folder, "odd \udce9 名\n", b"\xef\xbb\xbfbom")
    (folder / "empty").mkdir(mode=0o700)
    (folder / "link").symlink_to("pkg/deep")
    (folder / "away").symlink_to("/etc/passwd")
    imported = import_folder(folder, blobs)
    assert imported.tree == tree_of(folder)
    assert imported.skipped == ()
    assert (imported.git, imported.secrets) == ({}, ())
    sandbox = PlainSandbox(tmp_path / "sandbox")
    for delta in puts({}, imported.tree):
        sandbox.put(delta, blobs)
    assert tree_of(sandbox.folder) == imported.tree
    assert not sandbox.pull(blobs)


def test_what_ignore_files_name_stays_out_without_a_word(folder: Path, blobs: Blobs) -> None:
    put(folder, ".gitignore", "*.log\nout/\n")
    put(folder, "x.log")
    put(folder, "out/big")
    put(folder, "node_modules/m/index.js")
    put(folder, "keep.py")
    imported = import_folder(folder, blobs)
    assert set(imported.tree) == {".gitignore", "keep.py"}
    assert imported.skipped == (("node_modules", "a cache or dependency folder"),)
    named = import_folder(folder, blobs, CopyOptions(named=("node_modules/m/index.js", "x.log")))
    assert set(named.tree) == {
        ".gitignore", "keep.py", "x.log", "node_modules", "node_modules/m",
        "node_modules/m/index.js",
    }  # fmt: skip


def test_limits_are_told(folder: Path, blobs: Blobs) -> None:
    put(folder, "large", b"l" * 3000)
    for number in range(6):
        put(folder, f"d/{number}", b"%d" % number * 500)
    put(folder, "top", b"t" * 900)
    options = CopyOptions(file_bytes=2000, files=5, total_bytes=2500)
    imported = import_folder(folder, blobs, options)
    why = dict(imported.skipped)
    assert why.pop("large").startswith("larger than")
    assert why == {
        "d/4": "past the limit of 5 files",
        "d/5": "past the limit of 5 files",
        "top": "past the limit of 0.00238 MB in all",
    }
    assert [p for p in imported.tree if imported.tree[p].kind == "file"] == [
        "d/0", "d/1", "d/2", "d/3",
    ]  # fmt: skip
    named = import_folder(folder, blobs, CopyOptions(file_bytes=2000, named=("large",)))
    assert named.tree["large"].size == 3000


def test_special_files_are_told_and_never_opened(folder: Path, blobs: Blobs) -> None:
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "sock"))
        imported = import_folder(folder, blobs)
    assert imported.skipped == (("pipe", "not a regular file"), ("sock", "not a regular file"))


def test_too_deep_is_told(folder: Path, blobs: Blobs) -> None:
    deep = folder.joinpath(*["d"] * 80)
    deep.mkdir(parents=True)
    imported = import_folder(folder, blobs)
    assert imported.skipped == (("/".join(["d"] * 61), "deeper than 60 folders"),)


def test_files_for_keys_and_files_with_keys_stay_out(folder: Path, blobs: Blobs) -> None:
    for name in (".env", ".env.local", "server.pem", "sub/id_rsa", ".netrc", "tls.KEY"):
        put(folder, name)
    put(folder, "config.py", f"TOKEN = '{KEY}'")
    put(folder, "id_map.py", "x = 1")
    put(folder, "env.py", "x = 1")
    options = CopyOptions(secrets=(KEY, "x", ""))
    imported = import_folder(folder, blobs, options)
    assert {p for p in imported.tree if imported.tree[p].kind == "file"} == {"id_map.py", "env.py"}
    assert imported.secrets == (
        ".env", ".env.local", ".netrc", "config.py", "server.pem", "sub/id_rsa", "tls.KEY",
    )  # fmt: skip
    stored = b"".join(path.read_bytes() for path in blobs.folder.iterdir())
    assert KEY.encode() not in stored
    assert KEY not in repr(options) + repr(imported)
    again = import_folder(folder, blobs, options, imported.known)
    assert again.secrets == imported.secrets
    named = import_folder(folder, blobs, CopyOptions(secrets=(KEY,), named=(".env", "config.py")))
    assert {".env", "config.py"} <= set(named.tree)


@pytest.mark.parametrize("name", ["id_rsa", "id_ed25519", "ID_DSA", ".env.production", "a.p12"])
def test_names_for_keys(name: str) -> None:
    assert may_hold_keys(name)


@pytest.mark.parametrize("name", ["id_generator.py", "environment", "keyboard.py", "monkey", "id"])
def test_names_not_for_keys(name: str) -> None:
    assert not may_hold_keys(name)


def test_folders_that_are_never_copied(tmp_path: Path) -> None:
    home = Path.home()
    store = tmp_path / "data" / "store"
    (home / "project").mkdir(parents=True)
    store.mkdir(parents=True)
    for folder in ("/", home, home.parent, "/run"):
        with pytest.raises(UsageError) as refused:
            refuse(folder)
        assert refused.value.remedy
    for folder in (tmp_path / "data", store):
        with pytest.raises(UsageError, match="which no code may see"):
            refuse(folder, (str(store),))
    (tmp_path / "link").symlink_to(home)
    with pytest.raises(UsageError):
        refuse(tmp_path / "link")
    refuse(home / "project", (str(store),))
    (store / "work").mkdir()
    with pytest.raises(UsageError):
        refuse(store / "work", (str(store),))


def test_the_next_look_reads_only_what_changed(
    folder: Path, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        put(folder, f"f{number}", b"%d" % number)
    time.sleep(0.06)
    first = import_folder(folder, blobs)
    read: list[str] = []
    really = contents

    def noting(fd: int, name: str, cap: int, path: str) -> Iterator[bytes]:
        read.append(path)
        return really(fd, name, cap, path)

    monkeypatch.setattr(reading, "contents", noting)
    assert import_folder(folder, blobs, None, first.known) == first
    assert read == []
    put(folder, "f3", b"new")
    (folder / "f4").unlink()
    put(folder, "f99", b"99")
    second = import_folder(folder, blobs, None, first.known)
    assert sorted(read) == ["f3", "f99"]
    assert second.tree == tree_of(folder)


def test_a_change_right_after_a_look_is_seen(folder: Path, blobs: Blobs) -> None:
    """Same size, same inode, perhaps the same tick of the clock: it is read again to be sure."""
    known: Imported | None = None
    for number in range(300):
        path = folder / "f"
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(b"%06d" % number)
        known = import_folder(folder, blobs, None, known.known if known else None)
        assert blobs.get(known.tree["f"].digest) == b"%06d" % number


def test_a_file_that_never_holds_still_is_taken_as_it_is(
    folder: Path, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = put(folder, "log", b"")
    really = contents

    def growing(fd: int, name: str, cap: int, path: str) -> Iterator[bytes]:
        yield from really(fd, name, cap, path)
        log.write_bytes(log.read_bytes() + b"x")

    monkeypatch.setattr(reading, "contents", growing)
    first = import_folder(folder, blobs)
    assert blobs.get(first.tree["log"].digest) == b"xx"
    second = import_folder(folder, blobs, None, first.known)
    assert blobs.get(second.tree["log"].digest) == b"xxxxx"


def test_an_unreadable_file_is_told(
    folder: Path, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "f")
    put(folder, "g")
    really = contents

    def refusing(fd: int, name: str, cap: int, path: str) -> Iterator[bytes]:
        if name == "f":
            raise PermissionError(13, "Permission denied")
        return really(fd, name, cap, path)

    monkeypatch.setattr(reading, "contents", refusing)
    imported = import_folder(folder, blobs)
    assert imported.skipped == (("f", "Permission denied"),)
    assert set(imported.tree) == {"g"}


# The history.


@pytest.fixture
def repository(folder: Path) -> Path:
    git(folder, "init", "-q", "-b", "main")
    put(folder, "a.py", "one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first words")
    put(folder, "a.py", "two\n")
    git(folder, "remote", "add", "origin", f"https://user:{KEY}@example.org/x.git")
    git(folder, "config", "core.hooksPath", "/evil")
    git(folder, "config", "core.fsmonitor", "/evil")
    git(folder, "config", "credential.helper", "store")
    put(folder, ".git/hooks/post-checkout", "#!/bin/sh\ntouch /tmp/pwned\n").chmod(0o755)
    put(folder, ".git/COMMIT_EDITMSG")
    return folder


def test_the_history_can_be_read_in_the_copy(
    repository: Path, blobs: Blobs, tmp_path: Path
) -> None:
    imported = import_folder(repository, blobs, CopyOptions(secrets=(KEY,)))
    assert set(imported.tree) == {"a.py"}
    assert (imported.skipped, imported.secrets) == ((), ())
    modes = {(entry.kind, entry.mode) for entry in imported.git.values()}
    assert modes == {("file", 0o444), ("dir", 0o555)}
    held = b"".join(blobs.get(entry.digest) for entry in imported.git.values() if entry.digest)
    assert b"example.org" not in held
    assert b"evil" not in held
    assert not [path for path in imported.git if "hooks" in path or "EDITMSG" in path]
    sandbox = PlainSandbox(tmp_path / "sandbox")
    for delta in puts({}, {**imported.tree, **imported.git}):
        sandbox.put(delta, blobs)
    assert tree_of(sandbox.folder) == {**imported.tree, **imported.git}
    assert "first words" in git(sandbox.folder, "log", "--oneline")
    assert "+two" in git(sandbox.folder, "diff")
    assert git(sandbox.folder, "status", "--short") == " M a.py\n"


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_what_git_tracks_is_copied_even_if_ignored(
    folder: Path, blobs: Blobs, version: int, kind: str
) -> None:
    git(folder, "init", "-q", f"--object-format={kind}")
    put(folder, ".gitignore", "/build/\n*.gen\n")
    for path in ("build/kept.js", "build/other.js", "a.gen", "b.gen", "build/deep/er/x", "new.py"):
        put(folder, path)
    git(folder, "add", "-f", "build/kept.js", "a.gen", "build/deep/er/x", ".gitignore")
    if version == 3:
        git(folder, "add", "-N", "new.py")
    git(folder, "update-index", f"--index-version={version}")
    imported = import_folder(folder, blobs)
    files = {path for path, one in imported.tree.items() if one.kind == "file"}
    assert files == {".gitignore", "build/kept.js", "a.gen", "build/deep/er/x", "new.py"}


@given(st.binary(max_size=200), st.sampled_from([20, 32]), st.integers(2, 4))
def test_a_broken_index_names_nothing_or_something_but_never_fails(
    data: bytes, size: int, version: int
) -> None:
    head = b"DIRC" + version.to_bytes(4, "big") + (3).to_bytes(4, "big")
    assert isinstance(tracked(head + data, size), frozenset)
    assert isinstance(tracked(data, size), frozenset)


@given(tree=trees())
@settings(max_examples=30, deadline=None)
def test_any_folder_goes_in_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, tree: Tree
) -> None:
    base = tmp_path_factory.mktemp("round")
    make(base / "project", tree)
    sandbox = PlainSandbox(base / "sandbox")
    with Blobs(base / "blobs") as blobs:
        imported = import_folder(base / "project", blobs)
        assert imported.tree == tree
        for delta in puts({}, imported.tree):
            sandbox.put(delta, blobs)
        sandbox.agreed = {}
        assert received({}, sandbox.pull(blobs)) == tree


def test_packed_histories_come_over_too(repository: Path, blobs: Blobs, tmp_path: Path) -> None:
    git(repository, "gc", "-q")
    git(repository, "tag", "v1")
    imported = import_folder(repository, blobs)
    sandbox = PlainSandbox(tmp_path / "sandbox")
    for delta in puts({}, {**imported.tree, **imported.git}):
        sandbox.put(delta, blobs)
    assert git(sandbox.folder, "describe", "--tags").strip() == "v1"


@pytest.mark.parametrize("case", ["file", "large", "alternates", "nested", "off"])
def test_histories_that_stay_out(case: str, repository: Path, blobs: Blobs) -> None:
    options = CopyOptions()
    if case == "file":
        os.rename(repository / ".git", repository / "elsewhere")
        put(repository, ".git", "gitdir: elsewhere\n")
        put(repository, ".gitignore", "elsewhere\n")
    elif case == "large":
        options = CopyOptions(git_bytes=100)
    elif case == "alternates":
        put(repository, ".git/objects/info/alternates", "/other/objects\n")
    elif case == "nested":
        os.rename(repository / ".git", repository / "inner.git")
        (repository / "sub").mkdir()
        os.rename(repository / "inner.git", repository / "sub" / ".git")
    else:
        options = CopyOptions(git_bytes=0)
    imported = import_folder(repository, blobs, options)
    assert imported.git == {}
    assert not [path for path in imported.tree if ".git" in path.split("/")]
    assert bool(imported.skipped) == (case != "off")


def test_only_harmless_settings_are_kept() -> None:
    config = b"""[core]
    repositoryformatversion = 1
    fileMode = true
    sshCommand = rm -rf /
    pager = "!evil"
    worktree = /elsewhere
[extensions]
    objectFormat = sha256
[include]
    path = /evil
[core "sub"]
    fileMode = false
[remote "origin"]
    url = https://u:p@example.org
"""
    assert safe_config(config).decode() == (
        "[core]\n\tbare = false\n[core]\n\trepositoryformatversion = 1\n[core]\n\tfileMode = true\n"
        "[extensions]\n\tobjectFormat = sha256\n"
    )
    assert safe_config(b"\xff\n[core\nx") == b"[core]\n\tbare = false\n"
