"""``assistant implement FILE.py:NAME``: fill a function from its signature and docstring."""

import argparse
import shlex
import warnings
from typing import TYPE_CHECKING

from assistant.budget import Exhausted
from assistant.chat import Chat
from assistant.cli.improve_command import offered, shown, tell, writable
from assistant.cli.improving import Improvement, open_improvement
from assistant.cli.model import REPLAY, recorded
from assistant.cli.output import ask, at_terminal
from assistant.cli.setup import Setup, read_setup
from assistant.cli.wiring import terms_of
from assistant.code.filling import Stub, filled, read_stub
from assistant.code.functions import NoFunction
from assistant.code.whole import whole_text
from assistant.events import (
    CodeBlock,
    ExecResult,
    Finished,
    Notice,
    Ran,
    Running,
    Said,
    SandboxError,
    UsageError,
)
from assistant.protocols import Model
from assistant.purse import Purse
from assistant.sandbox.linediff import changed_blocks
from assistant.tasks.answer import Answer, Scope
from assistant.tasks.asked import Kept, Recording
from assistant.tasks.improve import Attempt, Job
from assistant.tasks.targets import locate, text
from assistant.transcript import steady

if TYPE_CHECKING:
    from assistant.functions.completion import Opener

Config = dict[str, object]


def run(options: argparse.Namespace) -> int:
    file, _, name = options.function.rpartition(":")
    if not file or not name:
        raise UsageError(f"{options.function}: which function?", "Say FILE.py:NAME")
    targets = locate([file], getattr(options, "folder", None) or "", ask if at_terminal() else None)
    options.folder, path = str(targets.folder), targets.files[0]
    try:
        stub = read_stub(text(targets, path).text, name)
    except NoFunction as error:
        raise UsageError(f"{file}: {error}") from error
    if not stub.empty and not options.replace:
        raise UsageError(f"{file}: {name} has a body already", "To replace it: --replace")
    setup = read_setup(options, {"check": _doctests(path)} if stub.doctests else None)
    options.allow_test_changes = False
    writable(options.mode == "write", setup, options.unchecked, targets)
    recording = _recording(setup)
    served = _served(setup, recording)
    job = Job(f"Implement {name} in {path}", Scope((path,)), setup.settings.check)
    with (
        open_improvement(
            setup, job, model=_cascade(served, recording), briefed=False
        ) as improvement,
        shown(options, setup, options.mode == "diff") as show,
    ):
        improvement.chat.attend(show)
        served["opener"] = _opener(improvement.chat, recording)
        ending = _filled(improvement, stub, setup, served)
        improvement.chat.pour(ending)
        found = offered(improvement, improvement.outcome(ending), targets, options)
    return tell(options, found)


def _doctests(path: str) -> str:
    """The file's own examples as a check, with a runner whose completed report counts."""
    return f"python3 -m pytest -q -p no:cacheprovider --doctest-modules {shlex.quote(path)}"


def _asked(served: Config) -> list[str]:
    """The model of each way of asking."""
    from assistant.functions.implementing import cascade

    return [{**config, **served}["model"] for config in cascade()]


def _cascade(served: Config, recording: Recording | None) -> Model:
    """Stands for the models of the cascade in the record: the chat itself asks nobody."""
    from assistant.model.replay import ScriptedModel

    name = recording.name if recording else ", ".join(dict.fromkeys(_asked(served)))
    return ScriptedModel([], name=name)


def _recording(setup: Setup) -> Recording | None:
    """What answers in place of models, where the settings name a record."""
    name = setup.settings.model
    if not name.startswith(REPLAY):
        return None
    events = recorded(setup, name.removeprefix(REPLAY))
    return Recording(events, lambda said: steady(setup.redactor.text(said)))


def _served(setup: Setup, recording: Recording | None) -> Config:
    """Which model and server the settings of this run name, and the purse that pays for all."""
    settings = setup.settings
    named = {"model": settings.model, "base_url": settings.base_url, "api_key": settings.api_key}
    if recording:  # Which asks nobody, and needs no key.
        several = ", " in recording.name
        named = {"model": "" if several else recording.name, "base_url": REPLAY}
    served: Config = {name: value for name, value in named.items() if value}
    return {**served, "purse": Purse(terms_of(settings).budget)}


def _opener(chat: Chat, recording: Recording | None) -> "Opener":
    """What opens the models of the cascade, so that each call goes into the chat's record."""
    from assistant.functions.request import opened

    return lambda request, settings: Kept(recording or opened(request, settings), chat.pour)


def _filled(improvement: Improvement, stub: Stub, setup: Setup, served: Config) -> Finished:
    """Ask the cascade; the copy holds what passed, else the last answer that fitted."""
    from assistant.functions.completion import UnknownPriceWarning
    from assistant.tasks.implement import implement_function

    chat, settings = improvement.chat, setup.settings
    chat.pour(Said(improvement.draft.job.objective))
    use_docker = False if settings.local else settings.image or True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnknownPriceWarning)
            done = implement_function(
                stub,
                lambda program: _accepted(improvement, stub, program),
                use_docker,
                lambda said: chat.pour(Notice(said)),
                served,
            )
    except RuntimeError as error:
        raise SandboxError(f"no sandbox to judge answers in: {error}") from error
    except Exhausted as exhausted:
        return Finished("budget", str(exhausted))
    except KeyboardInterrupt as interrupt:
        return Finished("interrupted", str(interrupt))
    cost = "unknown" if done.cost is None else f"${done.cost:.4f}"
    chat.pour(Notice(f"cost: {cost}"))
    if done.index is not None:
        models = _asked(served)
        return Finished("done", f"with {models[done.index]}" if len(set(models)) > 1 else "")
    return Finished("check-failed" if improvement.draft.attempts else "gave-up", done.detail)


def _accepted(improvement: Improvement, stub: Stub, program: str) -> bool:
    """Put a solution into the copy, and let the check judge it. Raises NoFit."""
    chat, draft = improvement.chat, improvement.draft
    path = draft.job.scope.files[0]
    before = draft.before(path).text
    new = whole_text(before, filled(before, stub.name, program), changed_blocks)
    block = CodeBlock("python", program, path, "save")
    chat.pour(Running(block))
    draft.take(Answer({path: new}, (block,)))
    chat.pour(Ran(block, ExecResult(0, "", files=(path,))))
    if chat.terms.check is None:
        return True
    checked = chat.run_check()
    draft.attempts.append(Attempt(draft.point, checked))
    return checked.passed
