"""The containers that judge an evaluation's answers, and what tests may use there."""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from assistant.cli.eval_images import check_toolchains
from assistant.cli.sandboxes import choose_image
from assistant.cli.setup import Setup
from assistant.evals.file_judges import BothJudges, FileJudges
from assistant.evals.in_files import Files
from assistant.evals.problems import Problem
from assistant.evals.runs import Manifest
from assistant.events import SandboxError
from assistant.sandbox.options import SAMPLE
from assistant.settings import Settings
from assistant.verdicts.pool import JudgePool
from assistant.verdicts.task import Candidate, Cases, CheckFunction, Task, TaskLimits

_PROBE = Task(CheckFunction("def check(f):\n    assert f() == 1\n"), "f")
SECONDS, SECONDS_OF_CASES = 10.0, 60.0
"""The limit of a task's tests; sets with thousands of inputs, which their reference answers in the
same time, get more."""


@contextmanager
def open_judges(
    setup: Setup, workers: int, problems: Sequence[Problem]
) -> Iterator[tuple[BothJudges, str]]:
    """A pool of sandboxes that stand ready, and the image that they were made of.

    Raises:
        SandboxError: there is none to be had, or it lacks what the tasks need, which is known
            before a model is paid.
    """
    images: set[str] = set()
    opener = _opener(setup)

    def opened() -> Any:
        sandbox = opener()
        return _Watched(sandbox, images)

    with JudgePool(opened, workers) as pool, FileJudges(opener, workers) as in_files:
        verdict = pool.judge(_PROBE, Candidate("def f():\n    return 1\n"))
        if not verdict.passed:
            raise SandboxError(
                f"the sandbox cannot judge: {verdict.label} {verdict.detail[-300:]}",
                "See: assistant sandbox check",
            )
        check_toolchains(in_files, problems)
        yield BothJudges(pool, in_files), next(iter(images), "")


def _opener(setup: Setup) -> Callable[[], AbstractContextManager[Any]]:
    settings = setup.settings
    if settings.local:
        from assistant.sandbox.local import LocalOptions, LocalSandbox

        return lambda: LocalSandbox(LocalOptions(dict(os.environ), "pooled", values=False))
    from assistant.sandbox.docker_sandbox import DockerSandbox
    from assistant.sandbox.engine import connect, find_engine
    from assistant.sandbox.options import SandboxOptions
    from assistant.sandbox.owners import reap

    engine = find_engine(os.environ)
    with connect(engine.endpoint) as client:
        image = choose_image(client, setup)
        reap(client)  # What an assistant that was killed has left.
    limits = replace(
        SAMPLE,
        memory=settings.eval_memory,
        processes=settings.eval_processes,
        cpus=settings.eval_processors,
    )
    runtime = settings.runtime or None
    options = SandboxOptions(image, "pooled", limits, runtime=runtime, values=False)
    return lambda: DockerSandbox(engine, options)


class _Watched:
    """A sandbox's context that tells which image it came to be made of."""

    def __init__(self, sandbox: Any, images: set[str]) -> None:
        self._sandbox, self._images = sandbox, images

    def __enter__(self) -> Any:
        self._entered = self._sandbox.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._sandbox.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entered, name)

    def open(self) -> None:
        self._entered.open()
        self._images.add(self._entered.image)


def workers_of(options: argparse.Namespace) -> int:
    """As many sandboxes as asked for, else as the machine has processors."""
    return int(getattr(options, "workers", 0)) or max(1, min(8, os.cpu_count() or 1))


def usual_seconds(problems: Sequence[Problem]) -> float:
    """The limit of a task's tests where none was asked for."""
    cases = any(isinstance(problem.tests, Cases) for problem in problems)
    in_files = [p.tests.seconds for p in problems if isinstance(p.tests, Files)]
    return max([SECONDS_OF_CASES if cases else SECONDS, *in_files])


def limits_of(settings: Settings, seconds: float) -> TaskLimits:
    return TaskLimits(seconds, settings.eval_memory)


def with_places(first: Manifest, settings: Settings) -> Manifest:
    """A manifest that tells the limits of its containers where they are not the usual ones."""
    own = {"processes": settings.eval_processes, "processors": settings.eval_processors}
    usual = {"processes": SAMPLE.processes, "processors": SAMPLE.cpus}
    other = {name: f"{value:g}" for name, value in own.items() if value != usual[name]}
    return replace(first, limits={**first.limits, **other})
