"""Where the conversation was when the files were as they are now, after undo and redo."""

from collections.abc import Sequence

from assistant.events import Event, Moved, Ran, Replied, Restored, Rewound, Said


class _Fold:
    """The blocks that changed files, as stacks of what stands and of what was undone.

    Each is the number of the message before the reply that it came in, and of the last message
    when it ran: where the conversation was before it, and whether the same reply did more.
    """

    def __init__(self) -> None:
        self.done: list[int] = []
        self.undone: list[int] = []
        self.number = self.before = 0
        self.whole = 0
        """The last message when nothing was undone."""
        self.moved = self.rewound = False
        self.at = 0
        """The message that the conversation goes on from."""

    def take(self, event: Event) -> None:
        match event:
            case Replied():
                self.before = self.number
                self._message()
            case Said():
                self._message()
                self.before = self.number
            case Ran(_, result) if result.files:
                self._changed()
            case Moved(blocks):
                self._move(blocks)
                self.moved = True
            case Restored():
                if not self.moved:  # All was thrown away: a change like that of a block.
                    self._changed()
                self.moved = False
            case Rewound(messages):
                self.at, self.rewound = messages, bool(self.undone)

    def _message(self) -> None:
        self.number += 1
        self.at = self.number

    def _changed(self) -> None:
        self.done.append(self.before)
        self.undone.clear()
        self.rewound = False

    def _move(self, blocks: int) -> None:
        if not self.undone:
            self.whole = self.number
        for _ in range(abs(blocks)):
            here, there = (self.done, self.undone) if blocks < 0 else (self.undone, self.done)
            if here:
                there.append(here.pop())


def where_the_files_are(events: Sequence[Event]) -> int | None:
    """The number of the message to go on from, so that the model sees what the files show.

    None where the conversation is there already, or where a reply of whose blocks some were
    undone would have to be split.
    """
    fold = _Fold()
    for event in events:
        fold.take(event)
    if fold.undone:
        target = fold.undone[-1]
        split = target in fold.done
    else:
        target, split = fold.whole if fold.rewound else 0, False
    return target if target and not split and target != fold.at else None
