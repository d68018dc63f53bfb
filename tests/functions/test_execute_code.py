"""execute_code: one behaviour with and without a container, and what only one of them promises."""

import logging
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant import code_utils
from assistant.code_utils import execute_code
from assistant.events import SandboxError, UsageError
from assistant.functions.images import first_image, named_after, tag_of, wanted
from assistant.functions.interpreters import extension, script
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.image import DEFAULT_IMAGE, BuiltImage, find_image

EITHER = pytest.mark.parametrize(
    "use_docker",
    [pytest.param(False, id="here"), pytest.param(True, id="container", marks=pytest.mark.docker)],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture(autouse=True)
def _no_tags_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.node.get_closest_marker("docker"):
        with connect(request.getfixturevalue("engine").endpoint) as client:
            tags = [tag for image in client.images.list(name="python") for tag in image.tags]
            for tag in tags:
                if "probe" in tag:
                    client.images.remove(tag)


@EITHER
def test_code_with_a_name_is_written_run_and_kept(folder: Path, use_docker: bool) -> None:
    code, text, image = execute_code(
        "print('hello world')",
        filename="a/probe.py",
        work_dir=folder,
        use_docker=DEFAULT_IMAGE if use_docker else False,
    )
    assert (code, text) == (0, "hello world\n")
    assert (folder / "a/probe.py").read_text() == "print('hello world')"
    assert isinstance(image, str) if use_docker else image is None


@EITHER
def test_code_sees_the_folder_and_what_it_writes_appears_there(
    folder: Path, use_docker: bool
) -> None:
    folder.mkdir()
    (folder / "in.txt").write_text("seven\n")
    (folder / "old.txt").write_text("old")
    (folder / ".gitignore").write_text("*.txt\n")
    made = "import os; t = open('in.txt').read(); open('sub/out.txt', 'w').write(t * 2)"
    lines = (
        f"import os\nos.mkdir('sub')\n{made}\nos.remove('old.txt')\nopen('in.txt', 'a').write('x')"
    )
    code, text, _ = execute_code(lines, work_dir=folder, use_docker=use_docker)
    assert (code, text) == (0, "")
    assert (folder / "sub/out.txt").read_text() == "seven\nseven\n"
    assert (folder / "in.txt").read_text() == "seven\nx"
    assert sorted(os.listdir(folder)) == [".gitignore", "in.txt", "sub"]


@EITHER
def test_a_file_that_is_there_runs_without_code(folder: Path, use_docker: bool) -> None:
    folder.mkdir()
    (folder / "probe.py").write_text("print(6 * 7)")
    assert execute_code(filename="probe.py", work_dir=folder, use_docker=use_docker)[:2] == (
        0,
        "42\n",
    )
    shell = execute_code("python probe.py", lang="sh", work_dir=folder, use_docker=use_docker)
    assert shell[:2] == (0, "42\n")


@EITHER
def test_a_failure_tells_the_error_without_the_paths(folder: Path, use_docker: bool) -> None:
    code, text, _ = execute_code("assert 1 == 2", work_dir=folder, use_docker=use_docker)
    assert code == 1
    assert 'File "", line 1' in text
    assert "AssertionError" in text
    assert os.listdir(folder) == []


@EITHER
def test_the_exit_code_is_the_programs(folder: Path, use_docker: bool) -> None:
    ended = execute_code("exit 7", lang="sh", work_dir=folder, use_docker=use_docker)
    assert ended[0] == 7


@EITHER
def test_a_timeout_ends_the_whole_tree_and_keeps_what_was_written(
    folder: Path, use_docker: bool
) -> None:
    mark = f"31{os.getpid()}.{time.time_ns() % 1000}"
    lines = (
        "import subprocess, time\n"
        f"subprocess.Popen(['setsid', 'sleep', '{mark}'])\n"
        "open('kept', 'w').write('1')\ntime.sleep(60)"
    )
    began = time.monotonic()
    code, text, image = execute_code(lines, timeout=1, work_dir=folder, use_docker=use_docker)
    assert (code, text) == (1, "Timeout")
    assert time.monotonic() - began < 30
    assert isinstance(image, str) if use_docker else image is None
    assert os.listdir(folder) == ["kept"]
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert f"sleep {mark}" not in shown.stdout


@EITHER
def test_much_output_is_kept(folder: Path, use_docker: bool) -> None:
    lines = "for n in range(100_000): print(n)"
    code, text, _ = execute_code(lines, work_dir=folder, use_docker=use_docker)
    assert code == 0
    assert text == "".join(f"{n}\n" for n in range(100_000))


@pytest.mark.parametrize(
    "name",
    ["../x.py", "/tmp/x.py", "a/../../x.py", "a//b.py", "", "-c", ".bashrc", "a\0b", "\ud800"],
)
def test_a_name_outside_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"work_dir|name|file") as caught:
        execute_code("print(1)", filename=name, work_dir=folder, use_docker=False)
    assert isinstance(caught.value, UsageError)
    assert not folder.exists() or not os.listdir(folder)


def test_a_link_in_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.mkdir()
    (folder / "there").symlink_to(outside)
    with pytest.raises((UsageError, OSError)):
        execute_code("print(1)", filename="there/x.py", work_dir=folder, use_docker=False)
    assert os.listdir(outside) == []


def test_without_code_and_name_it_is_an_assertion_error() -> None:
    with pytest.raises(AssertionError):
        execute_code()


def test_an_unknown_language_is_told_before_anything_is_written(folder: Path) -> None:
    with pytest.raises(NotImplementedError, match="klingon"):
        execute_code("x", lang="klingon", work_dir=folder, use_docker=False)
    with pytest.raises(NotImplementedError):
        execute_code("x", lang="../../x", work_dir=folder, use_docker=False)
    assert not folder.exists()


def test_here_success_tells_output_and_failure_tells_errors(folder: Path) -> None:
    both = "import sys; print('out'); print('err', file=sys.stderr); sys.exit({})"
    assert execute_code(both.format(0), work_dir=folder, use_docker=False)[1] == "out\n"
    assert execute_code(both.format(3), work_dir=folder, use_docker=False)[:2] == (3, "err\n")


def test_here_secrets_are_not_passed_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-123456")
    look = "import os; print(os.environ.get('OPENAI_API_KEY'))"
    assert execute_code(look, work_dir=folder, use_docker=False)[1] == "None\n"


def test_the_usual_folder_is_the_users_own() -> None:
    code, text, _ = execute_code("import os; print(os.getcwd())", use_docker=False)
    assert code == 0
    assert text.strip() == code_utils.WORKING_DIR
    assert text.startswith(str(Path.home()))


def test_the_environment_decides_where_nothing_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOGEN_USE_DOCKER", "no")
    assert execute_code("print(1)", work_dir=folder) == (0, "1\n", None)
    monkeypatch.setenv("AUTOGEN_USE_DOCKER", "perhaps")
    with pytest.raises(ValueError, match="perhaps"):
        execute_code("print(1)", work_dir=folder)
    assert execute_code("print(1)", work_dir=folder, use_docker=None)[2] is None


def test_a_container_that_is_asked_for_is_never_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setattr("assistant.functions.docker_choice.DOCKER_MARK", Path("/"))
    with pytest.raises(RuntimeError, match=r"(?s)use_docker=False.*AUTOGEN_USE_DOCKER=False"):
        execute_code("print(1)", work_dir=folder, use_docker=True)


# Only in a container.


@pytest.mark.docker
def test_the_image_has_autogens_name_only_for_a_named_file(folder: Path, engine: Engine) -> None:
    named = execute_code("print(1)", filename="probe (x).py", work_dir=folder, use_docker=True)
    assert named == (0, "1\n", "python:probe__x_.py")
    assert execute_code("print(2)", work_dir=folder, use_docker=named[2])[:2] == (0, "2\n")
    unnamed = execute_code("print(1)", work_dir=folder, use_docker=True)
    assert unnamed == (0, "1\n", DEFAULT_IMAGE)
    with connect(engine.endpoint) as client:
        assert find_image(client, "python:probe__x_.py") is not None
        own, found = find_image(client, DEFAULT_IMAGE), find_image(client, "python:probe__x_.py")
        assert own is not None
        assert found is not None
        assert own.id == found.id
        assert named_after(client, DEFAULT_IMAGE, "3-slim") == DEFAULT_IMAGE
        there = find_image(client, "python:3-slim")
        assert there is None or there.id != own.id


@pytest.mark.docker
def test_the_first_image_that_can_be_had(
    engine: Engine, sandbox_image: BuiltImage, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = "127.0.0.1:9/no-such-image:1"
    with connect(engine.endpoint) as client:
        assert first_image(client, [missing, DEFAULT_IMAGE]) == DEFAULT_IMAGE
        told = capsys.readouterr().out
        assert told == f"Pulling image {missing}\nFailed to pull image {missing}\n"
        with pytest.raises(SandboxError, match="no-such-image"):
            first_image(client, [missing])


@pytest.mark.docker
def test_hostile_writes_do_not_leave_the_folder(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir()
    lines = f"""
import os
os.symlink({str(tmp_path)!r}, "out")
os.symlink("/etc/passwd", "passwd")
open(".bashrc", "w").write("evil")
open("fine", "w").write("fine")
os.mkfifo("pipe")
"""
    with caplog.at_level(logging.WARNING):
        assert execute_code(lines, work_dir=folder, use_docker=True)[0] == 0
    assert os.listdir(folder) == ["fine"]
    assert ".bashrc" in caplog.text
    assert "leads out" in caplog.text


@pytest.mark.docker
def test_keys_stay_outside_and_there_is_no_network(folder: Path) -> None:
    folder.mkdir()
    (folder / ".env").write_text("KEY=1")
    lines = """
import os, socket
print(os.listdir())
try:
    socket.create_connection(("1.1.1.1", 53), 3)
except OSError as error:
    print("shut")
"""
    code, text, _ = execute_code(lines, work_dir=folder, use_docker=True)
    assert code == 0
    assert ".env" not in text
    assert text.endswith("shut\n")
    assert (folder / ".env").read_text() == "KEY=1"


# The pieces.


def test_images_by_what_is_asked_for() -> None:
    assert wanted("one:1") == ["one:1"]
    assert wanted(["a", "b"]) == ["a", "b"]
    assert wanted(True)[0] == DEFAULT_IMAGE


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("codetest.py", "codetest.py"),
        ("x (y z)", "x__y_z_"),
        (".a/b", "_a_b"),
        ("é" * 200, "_" * 128),
    ],
)
def test_a_tag_from_a_file_name(name: str, tag: str) -> None:
    assert tag_of(name) == tag
    assert re.fullmatch(r"\w[\w.-]{0,127}", tag, re.ASCII)


@pytest.mark.parametrize(
    ("lang", "has"),
    [
        ("python", "exec python"),
        ("Python", "exec python"),
        ("py", "exec python"),
        ("python3.12", "exec python3.12 "),
        ("bash", "exec bash"),
        ("shell", "exec sh "),
        ("sh", "exec sh "),
        ("javascript", "exec node"),
        ("ps1", "exec pwsh"),
        ("powershell", "exec pwsh"),
        ("ruby", "exec ruby"),
    ],
)
def test_the_interpreter_of_a_language(lang: str, has: str) -> None:
    made = script(lang, "a b.x")
    assert has in made
    assert "a b.x'" in made


def test_extensions() -> None:
    assert [extension(name) for name in ("python", "python3.9", "sh")] == ["py", "py", "sh"]
