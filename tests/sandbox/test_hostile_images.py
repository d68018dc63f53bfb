"""Images that somebody made against this program: the host keeps its files, memory and time."""

import io
import json
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.events import AssistantError, SandboxError
from assistant.sandbox.attach import _SocketWire
from assistant.sandbox.building.recipe import _missed, _target
from assistant.sandbox.building.workbench import workbench
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.image_checks import check_name_lists
from assistant.sandbox.inside import run_inside
from assistant.sandbox.limits import try_limits
from assistant.sandbox.options import Mounted, SandboxOptions
from assistant.sandbox.ready import _small_file
from assistant.sandbox.running import Manner, RunnerSandbox
from assistant.sandbox.tree import Entry
from tests.sandbox.contract import Store


@pytest.fixture
def images(engine: Engine, sandbox_image: BuiltImage) -> Iterator[Any]:
    """Makes images by lines of a Dockerfile and files; none is left."""
    made = []
    with connect(engine.endpoint) as client:

        def make(lines: str, **files: str) -> str:
            context = io.BytesIO()
            text = f"FROM {sandbox_image.id}\nUSER root\n{lines}\n"
            with tarfile.open(fileobj=context, mode="w") as archive:
                for name, content in {"Dockerfile": text, **files}.items():
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mode = len(content), 0o755
                    archive.addfile(entry, io.BytesIO(content.encode()))
            context.seek(0)
            image, _ = client.images.build(
                fileobj=context, custom_context=True, rm=True, forcerm=True, network_mode="none"
            )
            made.append(str(image.id))
            return made[-1]

        yield make
        for image in made:
            client.images.remove(image, force=True)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("ERROR: No matching distribution found for left-pad>=1 (from x)", "left-pad>=1"),
        ("ERROR: No matching distribution found for a; python_version > '3'", "a"),
        ("ERROR: No matching distribution found for x @ http://127.0.0.1/x.tar.gz", ""),
        ("ERROR: No matching distribution found for git+https://x.test/x", ""),
        ("ERROR: No matching distribution found for -r /etc/passwd", ""),
        ("ERROR: No matching distribution found for --index-url=http://x.test", ""),
        ("ERROR: No matching distribution found for ./x", ""),
        ("ERROR: it broke", ""),
    ],
)
def test_what_pip_missed_is_a_name_or_nothing(said: str, name: str) -> None:
    """It is given to pip on this machine, which runs the code behind an address."""
    assert _missed(said) == name


@pytest.mark.parametrize(
    "said",
    ["", "{}", "[]", "5", "null", '["3.11", 5]', '["3.11", ["--x"]]', "[" * 100_000, '[["a"], []]'],
)
def test_a_python_that_tells_nonsense_of_itself(said: str) -> None:
    with pytest.raises(SandboxError, match="does not tell its version"):
        _target(said)


def test_an_honest_python_is_believed() -> None:
    assert _target(json.dumps(["3.12", ["linux_x86_64"]])).platforms == ("linux_x86_64",)


def slowly(reader: socket.socket) -> None:
    while reader.recv(1 << 14):
        time.sleep(0.01)


def test_who_reads_a_little_at_a_time_is_not_written_to_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_SocketWire, "PATIENCE", 0.3)
    monkeypatch.setattr(_SocketWire, "SLOWEST", 64 << 20)
    ours, theirs = socket.socketpair()
    with theirs:
        wire = _SocketWire(ours, lambda: None, lambda: True)
        ours.settimeout(0.05)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        began = time.monotonic()
        reading = threading.Thread(target=slowly, args=(theirs,), daemon=True)
        reading.start()
        with pytest.raises(TimeoutError):
            wire.write(bytes(64 << 20))
        assert time.monotonic() - began < 10
        wire.release()
        reading.join(10)


@pytest.mark.docker
def test_a_bench_does_not_start_in_a_folder_of_the_images(
    engine: Engine, images: Any, tmp_path: Path
) -> None:
    """Older engines let /proc/self/fd/7 lead to the host."""
    image = images("WORKDIR /proc/self/fd/7")
    with connect(engine.endpoint) as client, workbench(client, image, tmp_path / "log") as bench:
        assert bench.run("readlink /proc/1/cwd").strip() == "/"


@pytest.mark.docker
@pytest.mark.parametrize("script", ["yes", "sleep 60"])
def test_a_command_is_ended_from_outside(
    engine: Engine, images: Any, tmp_path: Path, script: str
) -> None:
    image = images("COPY timeout /usr/local/bin/timeout", timeout='#!/bin/sh\nshift 3\nexec "$@"\n')
    with connect(engine.endpoint) as client, workbench(client, image, tmp_path / "log") as bench:
        began = time.monotonic()
        with pytest.raises(SandboxError, match="A command in the image"):
            run_inside(bench.container, ["timeout", "-k", "5", "1", *script.split()], 3, 1 << 20)
        assert time.monotonic() - began < 20


@pytest.mark.docker
@pytest.mark.parametrize(
    "lines",
    [
        "RUN rm /etc/passwd && mkfifo /etc/passwd",
        "RUN rm /etc/group && mkfifo /pipe && ln -s /pipe /etc/group",
        "RUN rm /etc/passwd && mkdir /etc/passwd",
        "RUN truncate -s 1G /etc/group",
    ],
)
def test_what_the_engine_would_read_for_ever_is_not_started(
    engine: Engine, images: Any, tmp_path: Path, lines: str
) -> None:
    """A pipe there holds up the whole engine, a device takes all memory of the machine."""
    image = images(lines)
    with connect(engine.endpoint) as client:
        made = client.api.create_container(image, ["true"])["Id"]
        try:
            with pytest.raises(SandboxError, match="no plain file"):
                check_name_lists(client, made)
        finally:
            client.api.remove_container(made, force=True)


@pytest.mark.docker
def test_a_list_that_is_put_there_later_is_seen(
    engine: Engine, images: Any, tmp_path: Path
) -> None:
    swaps = "rm /etc/passwd; mkfifo /etc/passwd"
    with (
        connect(engine.endpoint) as client,
        workbench(client, images(""), tmp_path / "log") as bench,
    ):
        bench.run(swaps)
        with pytest.raises(SandboxError, match="/etc/passwd is no plain file"):
            bench.run("true")


@pytest.mark.docker
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("RUN rm -rf /home && ln -s /workspace /home", "The image's /home is a link"),
        ("RUN ln -s /workspace/x /y\nVOLUME /y/z", "The image's /y is a link"),
        ("VOLUME /tmp/../workspace/x", "has a volume of its own in /workspace"),
        ("VOLUME /workspace/x", "has a volume of its own in /workspace"),
    ],
)
def test_nothing_of_an_image_lands_in_a_mounted_folder(
    engine: Engine, images: Any, tmp_path: Path, lines: str, said: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o777)
    options = SandboxOptions(images(lines), mount=Mounted(str(folder), True))
    with DockerSandbox(engine, options) as sandbox, pytest.raises(AssistantError, match=said):
        sandbox.open()
    assert not list(folder.iterdir())


@pytest.mark.docker
def test_a_folder_in_the_place_of_a_list_is_not_taken_in(engine: Engine, images: Any) -> None:
    image = images("RUN rm /etc/passwd && mkdir /etc/passwd && truncate -s 5M /etc/passwd/a")
    with connect(engine.endpoint) as client:
        made = client.api.create_container(image, ["true"])["Id"]
        try:
            assert _small_file(client, made, "/etc/passwd") == b""
            assert b"root" in _small_file(client, made, "/etc/group")
        finally:
            client.api.remove_container(made, force=True)


@pytest.mark.docker
@pytest.mark.parametrize("says", ["nonsense", "{}", '{"memory": 1}', "[" * 5000])
def test_a_python_that_tells_nonsense_of_its_limits(engine: Engine, images: Any, says: str) -> None:
    image = images("COPY python3 /usr/local/bin/python3", python3=f"#!/bin/sh\necho '{says}'\n")
    with connect(engine.endpoint) as client, pytest.raises(SandboxError, match="be tried"):
        try_limits(client, image)


class Forger:
    """A link, and its place, to a runner that tells of files that nobody asked it for."""

    lost = False
    warnings = ()

    def open(self) -> Any:
        return self

    def close(self) -> None:
        pass

    def pull(self, *_: object) -> tuple[dict[str, Entry], list[str], dict[str, Any]]:
        file = Entry("file", 0o755, 0, "")
        paths = ["kept", ".git/hooks/pre-commit", "a/.venv/bin/python", "__pycache__/x.pyc"]
        return dict.fromkeys(paths, file), [".git/config"], {}


def test_files_that_nobody_asked_for_are_not_taken_over() -> None:
    sandbox = RunnerSandbox("x", Forger, Manner())  # type: ignore[arg-type]  # No runs are made.
    sandbox.open()
    assert list(sandbox.pull(Store()).written) == ["kept"]
