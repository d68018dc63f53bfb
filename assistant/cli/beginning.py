"""How a record begins, or goes on: what the run is made of, and what the model is told first."""

from typing import Any

from assistant import __version__
from assistant.briefing import Briefing, system_message
from assistant.chat import Chat
from assistant.cli.sandboxes import runs_here
from assistant.cli.setup import Setup
from assistant.events import Notice, Said, Started
from assistant.prompts import prompt
from assistant.record import Loaded

_MOUNTED = "the folder itself is mounted: nothing is copied, so there is no diff, apply or undo"


def begin(chat: Chat, setup: Setup, past: Loaded | None) -> None:
    """The first events of a record, or what a resumed one must say."""
    if past is None:
        chat.pour(started(chat, setup))
        chat.pour(_system(setup))
        if setup.settings.mount != "none":
            chat.pour(Notice(_MOUNTED))
        if setup.project_file:
            tokens = chat.model.count([Said(setup.project_words)])
            chat.pour(Notice(f"{setup.project_file} is sent to the model: {tokens:,} tokens"))
    else:
        chat.pour(
            Notice(
                f"session {chat.session} goes on; files are as its last block left them, variables"
                " and what ran beside it are gone"
            )
        )
        for damage in past.damaged:
            chat.pour(Notice(f"line {damage.line} of its record cannot be read: {damage.why}"))
        if lost := past.unfinished:
            name = lost.block.path or lost.block.lang
            was, so = (
                ("waited for your yes", "it did not run")
                if past.waiting
                else ("was running", "it is not run again")
            )
            chat.pour(Notice(f"a block ({name}) {was} when the session ended; {so}"))
        chat.pour(Said(prompt("resumed"), "result"))


def started(chat: Chat, setup: Setup, task: str = "") -> Started:
    settings = setup.settings
    budget = chat.terms.budget
    caps: dict[str, Any] = {
        "replies": budget.replies,
        "tokens": budget.tokens,
        "dollars": budget.dollars,
        "seconds": budget.seconds,
        "blocks": budget.blocks,
    }
    written = {name: "none" if cap is None else str(cap) for name, cap in caps.items()}
    return Started(
        __version__,
        chat.model.name,
        chat.folder,
        "local" if settings.local else settings.image,
        settings.check,
        {**written, "dollars_required": str(budget.dollars_required).lower()},
        task,
    )


def _system(setup: Setup) -> Said:
    settings = setup.settings
    return Said(
        system_message(
            Briefing(
                folder=setup.folder.name,
                languages=runs_here(setup),
                place="local" if settings.local else "container",
                network=settings.network,
                block_seconds=settings.block_seconds,
                check=settings.check,
                project_file=setup.project_file,
                project_words=setup.project_words,
            )
        ),
        "system",
    )


class Told:
    """What the recorder has to say goes to the chat's other sinks, once there is a chat.

    Not into the record: where its disk is full, that would be a circle.
    """

    def __init__(self) -> None:
        self._waiting: list[Notice] = []
        self._chat: Chat | None = None

    def __call__(self, notice: Notice) -> None:
        if self._chat is None:
            self._waiting.append(notice)
            return
        for sink in self._chat.sinks[1:]:
            sink(notice)

    def join(self, chat: Chat) -> None:
        for notice in self._waiting:
            chat.pour(notice)
        self._chat = chat
