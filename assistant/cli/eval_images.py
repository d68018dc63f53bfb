"""The image that a data set in other languages is judged in, and whether it can be."""

import os
from collections.abc import Sequence
from dataclasses import replace

from assistant.cli.setup import Setup
from assistant.evals.file_judges import FileJudges
from assistant.evals.in_files import InFiles
from assistant.evals.problems import Problem
from assistant.evals.toolchains import needed
from assistant.events import SandboxError
from assistant.verdicts.task import Candidate, TaskLimits

PATIENCE = 120.0
"""Seconds for a first program: a compiler is read from disk."""


def fitted(setup: Setup, problems: Sequence[Problem]) -> Setup:
    """With the image that was built for such tasks, unless one was asked for by name."""
    wanted = needed(problems)
    if not wanted or setup.settings.image or setup.settings.local:
        return setup
    from assistant.sandbox.building.build import for_purpose
    from assistant.sandbox.engine import connect, find_engine
    from assistant.sandbox.image import find_image

    with connect(find_engine(os.environ).endpoint) as client:
        for toolchain in wanted:
            tag = for_purpose(toolchain.purpose).tag
            if find_image(client, tag):
                return replace(setup, settings=replace(setup.settings, image=tag))
    return setup


def check_toolchains(judges: FileJudges, problems: Sequence[Problem]) -> None:
    """Raises SandboxError, with the remedy, where the tests of a task cannot run at all."""
    for toolchain in needed(problems):
        tests, answer = toolchain.probe
        task = InFiles(tests, TaskLimits(seconds=PATIENCE))
        verdict = judges.submit(task, Candidate(answer)).result()
        if not verdict.passed:
            lines = verdict.detail.strip().split("\n")
            telling = [line for line in lines if "rror: " in line or "not found" in line]
            said = (telling or lines)[-1].strip()[-200:]
            raise SandboxError(
                f"these tests need {toolchain.words}, which does not run in the sandbox: {said}",
                f"Make its image: assistant sandbox build --for {toolchain.purpose}",
            )
