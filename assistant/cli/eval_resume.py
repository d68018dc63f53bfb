"""What ``assistant eval run --resume`` goes on with: the runs that one command line began."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.cli.evaluating import resumed
from assistant.cli.model import REPLAY
from assistant.evals.run_reader import Listed, Runs, begun_together, count
from assistant.evals.runs import SAMPLES, Manifest
from assistant.events import UsageError


@dataclass(frozen=True)
class Resumed:
    """The runs of the command that the named one belongs to, in the order of its models."""

    all: Sequence[Listed] = ()
    wanted: Sequence[Listed] = ()
    """Those whose models are asked for: all of them, where ``--model`` does not choose."""

    @property
    def on(self) -> Sequence[Listed]:
        """What is gone on with: those that lack samples, where any does."""
        lacking = [one for one in self.wanted if count(one.path).decided < _samples(one.manifest)]
        return lacking or self.wanted

    @property
    def begun(self) -> Manifest | None:
        """With what they were begun: the same for all of them but for the model."""
        return self.wanted[0].manifest if self.wanted else None


def to_resume(runs: Runs, options: argparse.Namespace) -> Resumed:
    """What the flags say is to be gone on with; nothing, where a new run is asked for.

    Raises:
        UsageError: there is no such run, it asks no model, or it was begun with other models.
    """
    found = resumed(runs, options)
    if found is None:
        return Resumed()
    if found.manifest.pipeline.name == SAMPLES:
        raise UsageError(
            f"run {found.id} has the samples of a file, and no model to ask for more",
            f"Go on with: assistant eval score FILE.jsonl DATASET --resume {found.id}",
        )
    together = begun_together(found)
    names = [_recorded(runs, name) for name in getattr(options, "models", ())]
    models = [one.manifest.pipeline.model for one in together]
    for name in names:
        if name not in models:
            raise UsageError(
                f"run {found.id} was begun with --model {', '.join(models)}, not {name}",
                "Go on with what it was begun with, or begin a new run.",
            )
    chosen = [one for one in together if not names or one.manifest.pipeline.model in names]
    return Resumed(together, chosen)


def _samples(manifest: Manifest) -> int:
    return len(manifest.data.tasks) * manifest.samples


def _recorded(runs: Runs, name: str) -> str:
    """The model's name as a run has it: that of a recording has the whole id."""
    of = name.removeprefix(REPLAY)
    if of == name or Path(of).is_file():
        return name
    return REPLAY + runs.find(of).parent.name


def kept_settings(was: Manifest) -> Mapping[str, object]:
    """The settings that a run was begun with, as flags would give them; also that one was not."""
    stamp = was.pipeline
    asked = {"temperature": "none", **stamp.parameters}
    names = ["temperature", "max_reply"]
    if was.command.id:  # Runs that were written before it have no effort either.
        asked = {"reasoning_effort": "", **asked}
        names.append("reasoning_effort")
    kept: dict[str, object] = {name: asked[name] for name in names if name in asked}
    return {**kept, "seed": "none" if stamp.seed is None else stamp.seed}
