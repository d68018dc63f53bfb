"""How containers are made, of which images, and that none outlives its owner."""

import gc
import io
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from docker.api.client import APIClient
from docker.errors import APIError, NotFound

from assistant.events import CodeBlock, Notice, SandboxError, SandboxKilled, UsageError
from assistant.sandbox.container import Container
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.haste import EngineHaste
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import GIB, MIB, Limits, Mounted, SandboxOptions, roomy
from assistant.sandbox.owners import abandoned, owner_labels, reap
from assistant.sandbox.pulse import Pulse
from assistant.sandbox.ready import LAYERS, READY, ready_image
from tests.sandbox.contract import Make, Store, go

pytestmark = pytest.mark.docker
# What is interrupted inside the engine's library leaves its socket to the garbage collector.
LIBRARY_LEAKS = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

RUN = secrets.token_hex(4)
"""Of this run alone: an earlier one may have been killed and left something."""

ODD = """
FROM {base}
USER root
RUN rm -rf /workspace /home/sandbox && sed -i /10001/d /etc/passwd /etc/group \
    && mkdir -m 777 /data && echo kept >/data/file
VOLUME /data
ENV LEAK=canary RUSTUP_HOME=/rust PYTHONPATH=/data HTTP_PROXY=x
ENV PATH=/odd:/usr/local/bin:/usr/bin:/bin
LABEL assistant.image=
HEALTHCHECK --interval=1s CMD touch /data/health
ENTRYPOINT ["/bin/false"]
USER nobody
WORKDIR /data
"""


@pytest.fixture(scope="module")
def odd_image(engine: Engine, sandbox_image: BuiltImage) -> Iterator[str]:
    """An image that was not made for this: nothing prepared, and settings of its own."""
    with connect(engine.endpoint) as client:
        text = ODD.format(base=sandbox_image.id).encode()
        image, _ = client.images.build(fileobj=io.BytesIO(text), rm=True, forcerm=True)
        assert image.id
        yield image.id
        for layered in client.images.list(filters={"label": f"{READY}={image.id}"}):
            client.images.remove(str(layered.id), force=True)
        with suppress(NotFound):  # It went with its last layer.
            client.images.remove(image.id, force=True)


@pytest.fixture
def make(engine: Engine, sandbox_image: BuiltImage) -> Iterator[Make]:
    with ExitStack() as stack:

        def make(**options: Any) -> DockerSandbox:
            given = {"image": sandbox_image.tag, **options}
            return stack.enter_context(DockerSandbox(engine, SandboxOptions(**given)))

        yield make


def name_of(sandbox: DockerSandbox) -> str:
    place = sandbox._place
    assert isinstance(place, Container)
    return place.name


def ours(client: Any, session: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.api.containers(
        all=True, filters={"label": f"assistant.session={session}"}
    )
    return found


@contextmanager
def labelled(
    client: Any, base: BuiltImage, labels: dict[str, str], name: str = ""
) -> Iterator[str]:
    """An image of somebody who knows what our labels mean."""
    lines = [f'LABEL "{key}"="{value}"' for key, value in labels.items()]
    text = "\n".join([f"FROM {base.id}", *lines]).encode()
    image, _ = client.images.build(fileobj=io.BytesIO(text), tag=name or None, rm=True)
    try:
        yield str(image.id)
    finally:
        client.images.remove(image.id, force=True)


# Images.


def test_an_image_that_was_not_made_for_this(make: Make, odd_image: str) -> None:
    sandbox = make(image=odd_image)
    output = go(
        sandbox, "id -un; touch a ~/b && ls; cat /data/file; pwd; echo $PATH", "bash"
    ).output
    assert output == "sandbox\na\nkept\n/workspace\n/odd:/usr/local/bin:/usr/bin:/bin\n"
    fill = "for i in $(seq 9); do head -c 20M /dev/zero >/data/$i; done; sleep 9"
    small = make(image=odd_image, limits=Limits(disk=64 * MIB))
    assert go(small, fill, "bash").reason == "disk"
    variables = go(sandbox, "env", "bash").output
    assert "RUSTUP_HOME=/rust" in variables
    assert not [name for name in ("LEAK", "PROXY", "PYTHONPATH") if name in variables]
    time.sleep(1.5)
    assert not go(sandbox, "cat /data/health", "bash").ok
    assert sandbox.image == odd_image


def test_the_layer_is_made_once(client: Any, odd_image: str) -> None:
    first, second = ready_image(client, odd_image), ready_image(client, odd_image)
    assert first == second
    assert first.id != odd_image


def test_a_label_does_not_put_one_image_in_the_place_of_another(
    client: Any, odd_image: str, sandbox_image: BuiltImage
) -> None:
    with labelled(client, sandbox_image, {READY: odd_image}) as forged:
        assert ready_image(client, odd_image).id != forged
    with labelled(client, sandbox_image, {READY: ""}, LAYERS + odd_image[7:]) as forged:
        assert ready_image(client, odd_image).id != forged


def test_our_own_image_needs_no_layer(client: Any, sandbox_image: BuiltImage) -> None:
    assert ready_image(client, sandbox_image.tag).id == sandbox_image.id


def test_images_that_cannot_be_had(make: Make, client: Any) -> None:
    with pytest.raises(SandboxError, match="does not have the image no-such:1") as caught:
        go(make(image="no-such:1"), "1")
    assert "docker pull no-such:1" in caught.value.remedy


# Settings.


def test_the_settings_arrive(make: Make, client: Any) -> None:
    limits = Limits(memory=512 * MIB, processes=99, cpus=0.5, open_files=300)
    sandbox = make(limits=limits, session="settings")
    assert go(sandbox, "1").ok
    seen = client.api.inspect_container(name_of(sandbox))
    host, config = seen["HostConfig"], seen["Config"]
    assert host["Memory"] == host["MemorySwap"] == 512 * MIB
    assert host["PidsLimit"] == 99
    assert (host["CpuPeriod"], host["CpuQuota"]) == (100_000, 50_000)
    assert (host["NetworkMode"], host["IpcMode"]) == ("none", "private")
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["Privileged"]
    assert not host["Binds"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert not any("unconfined" in option for option in host["SecurityOpt"])
    assert host["LogConfig"]["Type"] == "none"
    assert config["User"] == "10001:10001"
    assert config["OpenStdin"]
    assert config["StdinOnce"]
    assert not config["Tty"]
    assert {mount["Type"] for mount in seen["Mounts"]} == {"volume"}
    assert {mount["Destination"] for mount in seen["Mounts"]} == {"/workspace", "/home/sandbox"}
    labels = owner_labels("settings")
    assert {name: config["Labels"].get(name) for name in labels} == labels


SHARE = "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null | cut -d' ' -f1"


def test_what_is_overdue_gets_all_processors_for_the_time(make: Make, client: Any) -> None:
    sandbox = make(limits=Limits(cpus=0.5))
    assert go(sandbox, SHARE, "bash").output == "50000\n"
    haste = EngineHaste(client, name_of(sandbox), 0.5, Pulse("here", client.ping))
    haste.end()
    haste.begin()
    haste.begin()
    assert go(sandbox, SHARE, "bash").output in ("-1\n", "max\n")
    haste.end()
    assert go(sandbox, SHARE, "bash").output == "50000\n"


def test_an_engine_that_gives_no_more_processors_is_not_asked_to_take_them(client: Any) -> None:
    haste = EngineHaste(client, f"assistant-none-{RUN}", 0.5, Pulse("here", client.ping))
    haste.begin()
    haste.end()


RUNNERS_TIME = "print(sum(map(int, open('/proc/1/stat').read().rpartition(')')[2].split()[11:13])))"


def test_to_wait_for_a_block_takes_no_processor(make: Make) -> None:
    """Neither before its limit nor in its time of grace."""
    sandbox = make()
    before = int(go(sandbox, RUNNERS_TIME).output)
    deaf = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(60)"
    assert go(sandbox, deaf, seconds=0.5).reason == "timeout"
    took = int(go(sandbox, RUNNERS_TIME).output) - before
    assert took < 0.4 * os.sysconf("SC_CLK_TCK")


def test_room_for_sessions() -> None:
    assert roomy(64 * GIB, 8) == Limits(memory=4 * GIB, cpus=7.0, tmp=512 * MIB)
    assert roomy(2 * GIB, 1) == Limits(memory=GIB, cpus=1.0, tmp=256 * MIB)
    assert roomy(0, 0).memory == 2 * GIB


@pytest.mark.parametrize(
    "options",
    [
        {"network": "host"},
        {"network": "container:x"},
        {"session": "a b"},
        {"session": "../x"},
        {"mount": Mounted("relative")},
        {"mount": Mounted("/no/such/folder")},
    ],
)
def test_options_that_cannot_be_meant(make: Make, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        go(make(**options), "1")


def test_a_runtime_that_is_not_there(make: Make) -> None:
    with pytest.raises(SandboxError, match="no runtime 'runsc-of-tests'"):
        go(make(runtime="runsc-of-tests"), "1")


@pytest.mark.parametrize("before", ["x = 1", "x = bytearray(1 << 30)"], ids=["well", "no memory"])
def test_a_container_that_does_not_answer_is_given_up(make: Make, client: Any, before: str) -> None:
    """Nor is that blamed on a program that ran before and was killed for its memory."""
    sandbox = make(session=RUN + "frozen", limits=Limits(memory=256 * MIB))
    go(sandbox, before)
    client.api.pause(name_of(sandbox))
    began = time.monotonic()
    with pytest.raises(SandboxError, match="did not end a block in time; it was closed\n") as told:
        go(sandbox, "x", seconds=0.5)
    assert not isinstance(told.value, SandboxKilled)
    assert time.monotonic() - began < 25
    assert not ours(client, RUN + "frozen")


def test_a_network_only_when_asked_for(make: Make) -> None:
    code = "import os; print(sorted(os.listdir('/sys/class/net')))"
    assert go(make(), code).output == "['lo']\n"
    assert "eth0" in go(make(network="full"), code).output


def test_a_mounted_folder(make: Make, tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    (tmp_path / "f").write_text("theirs")
    os.chown(tmp_path, 4321, 4321)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    blobs = Store()
    sandbox = make(mount=Mounted(str(tmp_path), write=True))
    sandbox.put(blobs.files(f="ours"), blobs)
    assert go(sandbox, "cat f; id -u; echo made > made; touch ~/x", "bash").output == "theirs4321\n"
    assert (tmp_path / "made").stat().st_uid == 4321
    assert not sandbox.pull(blobs)
    reading = make(mount=Mounted(str(tmp_path)))
    assert "Read-only" in go(reading, "touch g", "bash").output


def test_an_engine_that_does_not_know_a_limit_gets_on_without(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = APIClient.create_container

    def strict(self: APIClient, *arguments: Any, **named: Any) -> Any:
        """As Podman refuses it."""
        if "nr_inodes" in str(named["host_config"]["Tmpfs"]):
            raise APIError('unknown mount option "nr_inodes=100000": invalid mount option')
        return create(self, *arguments, **named)

    monkeypatch.setattr(APIClient, "create_container", strict)
    sandbox = make()
    events = list(sandbox.run(CodeBlock("python", "x = 1"), 60))
    assert Notice("The engine cannot limit how many files /tmp holds") in events
    assert go(sandbox, "print(x)").output == "1\n"


# Owners.


def test_a_container_goes_with_its_sandbox(make: Make, client: Any) -> None:
    sandbox = make(session=RUN + "gone")
    go(sandbox, "setsid sleep 300 &", "bash")
    (row,) = ours(client, RUN + "gone")
    volumes = [mount["Name"] for mount in row["Mounts"]]
    began = time.monotonic()
    sandbox.close()
    assert time.monotonic() - began < 25
    assert not ours(client, RUN + "gone")
    left = client.api.volumes(filters={"label": f"assistant.session={RUN}gone"})["Volumes"] or []
    assert not {volume["Name"] for volume in left} & set(volumes)


def test_fresh_leaves_one_container_at_most(make: Make, client: Any) -> None:
    sandbox = make(session=RUN + "fresh1", life="fresh")
    for _ in range(3):
        go(sandbox, "1")
        assert len(ours(client, RUN + "fresh1")) == 1
    sandbox.close()
    assert not ours(client, RUN + "fresh1")


@LIBRARY_LEAKS
def test_ctrl_c_while_the_container_starts(make: Make, client: Any) -> None:
    for delay in (0.02, 0.1, 0.18, 0.25):
        sandbox = make(session=RUN + "early")
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with suppress(KeyboardInterrupt):
            result = go(sandbox, "import time; time.sleep(20)", seconds=60)
            assert result.reason == "cancelled"
        timer.join()
        sandbox.close()
        assert not ours(client, RUN + "early")
    gc.collect()


OWNER = """
import os, sys, time
from assistant.events import CodeBlock
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import find_engine
from assistant.sandbox.options import SandboxOptions
options = SandboxOptions(sys.argv[1], session=sys.argv[2])
with DockerSandbox(find_engine(os.environ), options) as box:
    for event in box.run(CodeBlock("python", "print('up', flush=True)\\nwhile True: pass"), 100):
        print("up", flush=True)
"""


def start_owner(image: str, session: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, image, session], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def test_the_dead_are_reaped_and_the_living_are_not(client: Any, sandbox_image: BuiltImage) -> None:
    with (
        start_owner(sandbox_image.tag, RUN + "dead") as dead,
        start_owner(sandbox_image.tag, RUN + "live") as live,
    ):
        try:
            dead.kill()
            dead.wait()
            deadline = time.monotonic() + 10
            while (
                ours(client, RUN + "dead")[0]["State"] == "running" and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            # Its runner saw the end of its input, and left by itself.
            assert ours(client, RUN + "dead")[0]["State"] in ("exited", "stopped")
            (row,) = ours(client, RUN + "dead")
            assert row["Names"][0].lstrip("/") in reap(client)
            assert not ours(client, RUN + "dead")
            assert ours(client, RUN + "live")[0]["State"] == "running"
        finally:
            live.kill()
    deadline = time.monotonic() + 10
    while ours(client, RUN + "live") and time.monotonic() < deadline:
        reap(client)
    assert not ours(client, RUN + "live")


def test_a_container_with_labels_of_its_image_alone_is_left_alone(
    client: Any, sandbox_image: BuiltImage
) -> None:
    labels = {**owner_labels(), "assistant.pid": "4194305", "assistant.deadline": "1"}
    assert abandoned(labels, False, 1000)
    with labelled(client, sandbox_image, labels) as image:
        theirs = client.containers.create(image, ["true"], network_mode="none")
        try:
            assert theirs.name not in reap(client)
            assert theirs.id in {one.id for one in client.containers.list(all=True)}
        finally:
            theirs.remove(force=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_kill_at_any_moment_leaves_anything(client: Any, sandbox_image: BuiltImage) -> None:
    session = RUN + "kill"
    volumes = {"label": f"assistant.session={session}"}
    for moment in range(60):
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, sandbox_image.tag, session], stdout=subprocess.DEVNULL
        )
        time.sleep(0.2 + moment * 0.02)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            reap(client)
            if not ours(client, session) and not client.api.volumes(filters=volumes)["Volumes"]:
                break
            time.sleep(0.1)
        assert not ours(client, session)
        assert not client.api.volumes(filters=volumes)["Volumes"]


def test_who_is_abandoned() -> None:
    mine = owner_labels("s")
    assert not abandoned(mine, True, 1e6)
    assert abandoned({**mine, "assistant.pid": "999999999"}, True, 0)
    assert abandoned({**mine, "assistant.start": "1"}, True, 0)
    assert abandoned({**mine, "assistant.deadline": "5"}, True, 0)
    assert not abandoned({**mine, "assistant.deadline": str(int(time.time()) + 60)}, True, 0)
    elsewhere = {**mine, "assistant.machine": "other/boot/pids", "assistant.pid": "999999999"}
    assert not abandoned(elsewhere, True, 1e6)
    assert not abandoned(elsewhere, False, 1.0)
    assert abandoned(elsewhere, False, 1e6)


@LIBRARY_LEAKS
def test_a_block_is_told_when_the_engine_is_gone(engine: Engine, sandbox_image: BuiltImage) -> None:
    from dataclasses import replace

    nowhere = replace(engine, endpoint=replace(engine.endpoint, url="unix:///no/such.sock"))
    with DockerSandbox(nowhere, SandboxOptions(sandbox_image.tag)) as sandbox:
        with pytest.raises(SandboxError, match="No such file"):
            go(sandbox, "1")
        with pytest.raises(SandboxError):
            list(sandbox.run(CodeBlock("bash", "true"), 5))
    gc.collect()
