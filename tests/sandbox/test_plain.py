"""The plain way, without a runner, keeps what of the contract it can; images without Python."""

import io
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from docker.errors import APIError

from assistant.events import CodeBlock, Notice, SandboxError
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import Life, Limits, SandboxOptions
from assistant.sandbox.ready import READY
from tests.sandbox.contract import Contract, Make, Sandbox, Store, go

pytestmark = pytest.mark.docker


class TestPlain(Contract):
    @pytest.fixture
    def make(self, engine: Engine, sandbox_image: BuiltImage) -> Iterator[Make]:
        with ExitStack() as stack:

            def make(life: Life = "session", **more: Any) -> DockerSandbox:
                options = SandboxOptions(sandbox_image.tag, life, **more)
                sandbox = stack.enter_context(DockerSandbox(engine, options))
                sandbox._plain = True
                return sandbox

            yield make

    # The same with the shell, and with time for a container to start.

    def test_fresh_timeouts_kill_at_once(self, fresh: Sandbox) -> None:
        code = "trap '' INT TERM; echo x; sleep 60; sleep 60"
        result = go(fresh, code, "bash", seconds=4)
        assert (result.exit_code, result.reason, result.output) == (124, "timeout", "x\n")

    def test_a_real_ctrl_c_while_nothing_comes(self, session: Sandbox) -> None:
        go(session, "echo 1 > kept", "bash")
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        result = go(session, "while :; do :; done", "bash", seconds=60)
        assert (result.reason, result.exit_code) == ("cancelled", 130)
        assert go(session, "cat kept", "bash").output == "1\n"

    def test_a_timeout_ends_the_whole_tree(  # type: ignore[override]  # It asks for an engine, too.
        self, make: Make, engine: Engine
    ) -> None:
        """With its container, which is gone."""
        session = f"tree{os.getpid()}"
        sandbox = make(session=session)
        code = "(trap '' INT TERM HUP; sleep 300) & setsid sleep 300 & echo on; sleep 300"
        result = go(sandbox, code, "bash", seconds=4)
        assert (result.reason, result.output) == ("timeout", "on\n")
        with connect(engine.endpoint) as client:
            label = {"label": f"assistant.session={session}"}
            assert not client.api.containers(filters=label)


# What needs an interpreter or a shell that stays, or a watch from within.
for _name in (
    "test_files_come_also_to_a_place_that_was_opened_before",
    "test_figures_that_are_left_open_are_saved",
    "test_an_exception_is_a_result_with_a_clean_traceback",
    "test_a_syntax_error_shows_its_line",
    "test_code_that_is_no_text",
    "test_python_keeps_its_names",
    "test_a_failing_block_keeps_what_it_had_done",
    "test_the_last_value_is_shown",
    "test_the_shell_keeps_folder_variables_and_functions",
    "test_a_block_cannot_have_its_shell_take_another_for_done",
    "test_the_shell_survives_exit_and_errexit",
    "test_an_interpreter_that_dies_is_replaced_and_that_is_told",
    "test_late_timers_do_not_end_the_interpreter",
    "test_an_interpreter_that_dies_between_blocks_is_told",
    "test_a_timeout_interrupts_and_keeps_the_state",
    "test_a_timeout_kills_what_does_not_listen",
    "test_background_programs_live_on_and_are_told",
    "test_a_changed_module_is_imported_anew",
    "test_files_in_and_out",
):
    assert hasattr(Contract, _name)
    setattr(TestPlain, _name, None)


BARE = """
FROM {base} AS full
LABEL {label}=1
USER root
RUN mkdir /bare && cd / && cp -L --parents -t /bare /bin/sh $(bash -c 'type -P \\
 ls cat rm mkdir sleep ln mkfifo truncate id touch') \\
 $(ls /lib/*-linux-*/lib[cpas]*.so* /lib64/ld-linux* || true)
FROM scratch
LABEL {label}=1
COPY --from=full /bare /
"""


@pytest.fixture(scope="module")
def bare_image(engine: Engine, sandbox_image: BuiltImage) -> Iterator[str]:
    """A small image without Python and bash: a shell and a few commands."""
    label = f"assistant.test.bare{os.getpid()}"
    with connect(engine.endpoint) as client:
        text = BARE.format(base=sandbox_image.id, label=label).encode()
        image, _ = client.images.build(fileobj=io.BytesIO(text), rm=True, forcerm=True)
        assert image.id
        yield image.id
        ready = client.images.list(filters={"label": f"{READY}={image.id}"})
        for one in (*ready, *client.images.list(all=True, filters={"label": label})):
            with suppress(APIError):  # It went with one that was made of it.
                client.images.remove(str(one.id), force=True)


def test_an_image_without_python(engine: Engine, bare_image: str) -> None:
    session = "plainly"
    blobs = Store()
    with DockerSandbox(engine, SandboxOptions(bare_image, session=session)) as sandbox:
        sandbox.put(blobs.files(a_txt="old", d__b_txt="keep", gone="x"), blobs)
        events = list(sandbox.run(CodeBlock("sh", "cat a.txt; id -u"), 60))
        assert isinstance(events[0], Notice)
        assert "no python3" in events[0].text
        assert go(sandbox, "echo new > a.txt; rm gone; mkfifo pipe; ln -s / root", "bash").ok
        assert go(
            sandbox, "mkdir node_modules; echo > node_modules/x; truncate -s 70M big", "sh"
        ).ok
        delta = sandbox.pull(blobs)
        assert set(delta.written) == {"a.txt", "root"}
        assert delta.removed == ("gone",)
        assert {word for note in sandbox.left_out for word in ("pipe", "big") if word in note}
        sandbox.put(blobs.files(c_txt="3"), blobs)
        assert (
            go(sandbox, "cat a.txt c.txt d/b.txt; ls node_modules", "sh").output == "new\n3keepx\n"
        )
        missing = go(sandbox, "print(1)")
        assert (missing.exit_code, missing.ok) == (127, False)
        stubborn = "trap '' TERM INT; sleep 300 & echo on; while :; do :; done"
        ended = go(sandbox, stubborn, "sh", seconds=3)
        assert (ended.reason, ended.exit_code, ended.output) == ("timeout", 124, "on\n")
        assert go(sandbox, "exit 7", "sh").exit_code == 7
        with pytest.raises(SandboxError, match="verdicts need"):
            sandbox.prepare("def main(fd): return 0")
    with connect(engine.endpoint) as client:
        found = client.api.containers(all=True, filters={"name": f"assistant-{session}-"})
        assert not found
        label = {"label": f"assistant.session={session}"}
        assert not client.api.volumes(filters=label)["Volumes"]


def test_hostile_archives_are_held_to_the_caps(engine: Engine, bare_image: str) -> None:
    blobs = Store()
    with DockerSandbox(engine, SandboxOptions(bare_image, limits=Limits(disk=4 << 30))) as sandbox:
        deep = "i=0; while [ $i -lt 80 ]; do mkdir d; cd d; i=$((i+1)); done"
        go(sandbox, f"truncate -s 3G hole; ln a b; touch a; ln a b; {deep}", "sh")
        delta = sandbox.pull(blobs)
        assert max(path.count("/") for path in delta.written) < 64
        assert "hole" not in delta.written
        assert sandbox.left_out
