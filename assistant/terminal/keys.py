"""Which key does what at the prompt, beyond prompt_toolkit's own Emacs and vi keys."""

from typing import Protocol

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys


class Desk(Protocol):
    """What the keys act on."""

    buffer: Buffer
    enter_sends: bool
    just_begun: bool
    """What arrives now was typed before the prompt stood."""

    def interrupt(self) -> None:
        """Ctrl-C."""
        ...

    def leave(self) -> None:
        """Ctrl-D on an empty line."""
        ...

    def paste(self, text: str) -> None: ...
    def edit(self) -> None:
        """Open the message in the user's editor."""
        ...


def bindings(desk: Desk) -> KeyBindings:
    """The keys of a session."""
    keys = KeyBindings()
    typing = has_focus(desk.buffer)
    empty = Condition(lambda: not desk.buffer.text)
    _add_enter(keys, desk)

    @keys.add("f2")
    def _toggle(event: KeyPressEvent) -> None:
        desk.enter_sends = not desk.enter_sends

    @keys.add("c-c", filter=typing, eager=True)
    @keys.add("<sigint>")
    def _interrupt(event: KeyPressEvent) -> None:
        desk.interrupt()

    @keys.add("c-d", filter=typing & empty)
    def _leave(event: KeyPressEvent) -> None:
        desk.leave()

    @keys.add(Keys.BracketedPaste, filter=typing)
    def _paste(event: KeyPressEvent) -> None:
        desk.paste(event.data)

    @keys.add("c-x", "c-e", filter=typing)
    def _edit(event: KeyPressEvent) -> None:
        desk.edit()

    @keys.add("c-z")
    def _suspend(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    return keys


def _add_enter(keys: KeyBindings, desk: Desk) -> None:
    """The keys that send the message or begin a new line of it."""
    typing = has_focus(desk.buffer)
    sends = Condition(lambda: desk.enter_sends)

    def send(event: KeyPressEvent) -> None:
        desk.buffer.validate_and_handle()

    def line(event: KeyPressEvent) -> None:
        desk.buffer.newline(copy_margin=False)

    keys.add("enter", filter=typing & sends)(send)
    keys.add("enter", filter=typing & ~sends)(line)
    keys.add("escape", "enter", filter=typing & sends)(line)
    keys.add("escape", "enter", filter=typing & ~sends)(send)
    # Enter, where it was pressed before the terminal left its line mode, comes as Ctrl-J.
    early = Condition(lambda: desk.just_begun)
    keys.add("c-j", filter=typing & ~early)(line)
    keys.add("c-j", filter=typing & early)(send)
