"""The workspace over the real sandboxes, as a session uses them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.events import CodeBlock, ExecResult
from assistant.following import followed
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SandboxOptions
from assistant.sandbox.workspace import Workspace
from tests.sandbox.plain import tree_of

KINDS = ["local", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.fixture(params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "local":
        with LocalSandbox(LocalOptions({"PATH": "/usr/local/bin:/usr/bin:/bin"})) as local:
            yield local
        return
    engine = request.getfixturevalue("engine")
    image = request.getfixturevalue("sandbox_image")
    with DockerSandbox(engine, SandboxOptions(image.tag)) as container:
        yield container


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    (path / "sub").mkdir(parents=True)
    (path / "a.py").write_text("print('one')\n")
    (path / "sub" / "run.sh").write_text("#!/bin/sh\necho run\n")
    (path / "sub" / "run.sh").chmod(0o755)
    (path / "link").symlink_to("a.py")
    (path / "naïve name").write_bytes(b"\xff\x00")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for words in (["init", "-q"], ["add", "a.py"], ["commit", "-qm", "the first"]):
        subprocess.run([*git, *words], cwd=path, check=True)
    return path


def no_edit(text: str | None, code: str) -> tuple[str | None, list[str]]:
    return (text or "").replace("one", code.strip()), []


def block(
    work: Workspace, lang: str, code: str, path: Any = None, action: Any = "run"
) -> ExecResult:
    result = followed(work.run(CodeBlock(lang, code, path, action), 60))
    assert result.ok, result.output
    return result


def test_a_session(sandbox: Any, folder: Path, tmp_path: Path) -> None:
    before = tree_of(folder)
    with Workspace(sandbox, folder, tmp_path / "store", no_edit) as work:
        listing = block(
            work, "bash", "sub/run.sh; cat link; stat -c %a sub/run.sh; git log --format=%s"
        )
        assert listing.output == "run\nprint('one')\n755\nthe first\n"
        assert listing.files == ()
        block(work, "python", "two", "a.py", "edit")
        made = block(work, "python", "import os; os.mkdir('d'); open('d/f', 'w').write('x'); x = 1")
        assert made.files == ("d/f",)
        assert block(work, "python", "print(x, 'saved')", "new/s.py", "save").files == ("new/s.py",)
        gone = block(
            work, "bash", "python3 a.py; rm -r sub link; chmod 600 'naïve name'; mkdir sub2"
        )
        assert gone.output == "two\n"
        assert gone.files == ("link", "naïve name", "sub/run.sh", "sub2")
        after = {p: e for p, e in work.copy.tree.items() if not p.startswith(".git")}
        work.undo()
        assert block(
            work, "bash", "cat sub/run.sh link | head -1; ls -d sub2 || echo none"
        ).output == ("#!/bin/sh\nls: cannot access 'sub2': No such file or directory\nnone\n")
        (folder / "user.txt").write_text("user\n")
        assert "user.txt" in work.look()[0]
        work.redo()
        assert (
            block(work, "bash", "cat user.txt; ls").output
            == "user\na.py\nd\nnaïve name\nnew\nsub2\nuser.txt\n"
        )
        assert {p: e for p, e in tree_of(folder).items() if p != "user.txt"} == before
        work.apply()
        applied = {p: e for p, e in tree_of(folder).items() if not p.startswith(".git")}
        assert applied == after | {"user.txt": applied["user.txt"]}
        work.undo_apply()
        assert {p: e for p, e in tree_of(folder).items() if p != "user.txt"} == before


def test_a_copy_goes_on_in_another_sandbox(sandbox: Any, folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with LocalSandbox(LocalOptions()) as first, Workspace(first, folder, store, no_edit) as work:
        block(work, "bash", "echo new > n; rm a.py; chmod 555 sub")
        block(work, "bash", "echo newer > n")
        work.undo()
    with Workspace.resume(sandbox, store, no_edit) as work:
        assert block(work, "bash", "cat n; ls").output == "new\nlink\nn\nnaïve name\nsub\n"
        work.redo()
        assert block(work, "bash", "cat n; stat -c %a sub").output == "newer\n555\n"
        work.undo(2)
        assert block(work, "bash", "ls").output == "a.py\nlink\nnaïve name\nsub\n"
