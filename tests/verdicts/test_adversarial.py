"""No solution passes that is not right, and none fails that is."""

import os
from collections.abc import Sequence

import pytest

from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.verdicts.pool import OpenExecutor, judge_many
from tests.verdicts.solutions import ATTACKS, HONEST, TASK, Solution

HERE = [one for one in (*ATTACKS, *HONEST) if not one.contained]
SLOW = {"memory", "memory-touched", "huge-answer", "large-output"}


def problems(open_executor: OpenExecutor, solutions: Sequence[Solution]) -> list[str]:
    jobs = [(TASK, solution.candidate) for solution in solutions]
    found = zip(solutions, judge_many(open_executor, jobs, workers=2), strict=True)
    return [
        f"{solution.name}: {verdict}"
        for solution, verdict in found
        if verdict.outcome not in solution.outcomes
    ]


def test_the_set_is_what_it_says() -> None:
    names = [one.name for one in (*ATTACKS, *HONEST)]
    assert len(names) == len(set(names))
    assert len(ATTACKS) >= 60
    assert all(("passed" in one.outcomes) == (one in HONEST) for one in (*ATTACKS, *HONEST))


def test_here() -> None:
    """Outside a container only what needs none of its limits."""
    solutions = [one for one in HERE if one.name not in SLOW and "timeout" not in one.outcomes]
    assert not problems(lambda: LocalSandbox(LocalOptions(dict(os.environ), "pooled")), solutions)


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_in_containers(engine: Engine, sandbox_image: BuiltImage) -> None:
    options = SandboxOptions(sandbox_image.tag, "pooled", SAMPLE)
    assert not problems(lambda: DockerSandbox(engine, options), [*ATTACKS, *HONEST])
