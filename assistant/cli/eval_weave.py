"""Runs in a project of Weave, where ``--weave`` names one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.cli.output import say
from assistant.cli.setup import Setup
from assistant.evals.datasets import DataSet
from assistant.evals.run_reader import load_run
from assistant.events import UsageError

Send = Callable[[Path, DataSet], None]


@contextmanager
def open_weave(setup: Setup, project: str) -> Iterator[Send]:
    """What sends a stored run to ``project``; nothing is sent where that is "".

    Sending raises UsageError where Weave does not take the run; the end waits until all is there.

    Raises:
        UsageError: Weave is not installed, the project cannot be opened, or, at the end, Weave has
            stopped taking what was sent.
    """
    if not project:
        yield lambda path, data: None
        return
    # Late: only those who ask for it have Weave.
    from assistant.traces.weave_adapter import Weave
    from assistant.traces.weave_run import send_run
    from assistant.traces.weave_shapes import in_a_line

    with Weave(project, setup.redactor) as weave:

        def send(path: Path, data: DataSet) -> None:
            found, failed = load_run(path), None
            try:
                count = send_run(weave, found, data)
            except UsageError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever Weave or its server has to say.
                failed = error
            if failed is not None:
                why = in_a_line(failed)
                raise UsageError(f"Weave did not take run {found.id}: {why}") from failed
            say(f"{found.id}: {count:,} samples for {project}", error=True)

        yield send
    if weave.stalled:
        raise UsageError(
            "Weave has stopped taking what was sent: some of it is missing there",
            "Send it again: assistant eval export RUN --weave PROJECT",
        )


@contextmanager
def also_in_weave(setup: Setup, project: str, data: DataSet) -> Iterator[list[Path]]:
    """Around runs that go to ``project`` at their end: those whose files are put into the list.

    What Weave does not take then is told and costs nothing else: the runs are in the store.

    Raises:
        UsageError: as ``open_weave``, before anything is paid for.
    """
    later: list[Path] = []
    try:
        with open_weave(setup, project) as send:
            yield later
            for path in later:
                send(path, data)
    except UsageError as error:
        if not later:
            raise
        say(f"assistant: {error}", error=True)
