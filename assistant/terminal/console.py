"""What a session needs of a terminal, the options of one, and which kind there is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, Self, get_args

from assistant.terminal.folding import LINES
from assistant.terminal.pictures import Wanted
from assistant.terminal.screen import Screen

if TYPE_CHECKING:
    from assistant.chat import Chat
    from assistant.events import AssistantError

Ask = Literal["never", "apply", "all"]
MODES: tuple[Ask, ...] = get_args(Ask)


@dataclass(frozen=True, slots=True)
class TerminalOptions:
    """How a session is set up. Nothing here is needed: the defaults make a session."""

    ask: Ask = "apply"
    """Questions: none, only before the user's folder is written to, or before each block too."""
    allow: Sequence[str] = ()
    deny: Sequence[str] = ()
    """Patterns (fnmatch) of code that runs unasked, and of code that is never run."""
    theme: str = "auto"
    """auto, dark, light, mono or text."""
    output_lines: int = LINES
    """Rows of a long output that a terminal shows; 0: all."""
    history: Path | None = None
    """The file that keeps what was typed; None keeps it for this session only."""
    commands: Path | None = None
    """A folder of text files, each a command of its name; ``$1`` stands for an argument."""
    pictures: Wanted = "off"
    """How PNG are drawn: off, auto, kitty or iterm."""
    pictures_folder: "Callable[[str], Path] | None" = None
    """Where the pictures of a session are kept."""
    vi: bool = False
    ended: Callable[[], bool] = lambda: False
    """Whether the program was told to end: what ran was stopped by that, and no user goes on."""
    enter_sends: bool = True
    """Else Enter makes a line, and Alt-Enter sends."""
    redact: Callable[[str], str] = str
    """Applied to each line before it is shown, and to what goes into the history."""
    models: Callable[[], Sequence[str]] = tuple
    """Names that /model completes."""
    dearest: Decimal | None = None
    """A message whose first call may cost more dollars than this is asked about."""
    resume: "Callable[[str], Chat] | None" = None
    sessions: Callable[[], Sequence[str]] | None = None
    session_lines: Callable[[], Sequence[str]] | None = None
    """The same with what is known of each, a line for a session."""
    """Open an earlier session; name those there are, newest first."""
    session_titles: Callable[[], Mapping[str, str]] = dict
    """What each was about and when, by its name."""
    sandbox_state: Callable[[], str] = str
    """In a word or two, for the line under the prompt; ``str`` says nothing."""
    sandbox_trouble: "Callable[[], AssistantError | None]" = lambda: None
    """Why no code can run, once that is known."""
    fork: "Callable[[], Chat] | None" = None
    """Open a copy of the session that is open, its files included."""
    crashed: Callable[[Exception], str] = repr
    """Keep the trace of a bug of ours, and say in a line what happened and where it is kept."""
    first: str = ""
    """A message to begin with, as if it had been typed."""


class Console(Screen, Protocol):
    """A screen with someone in front of it, or a pipe."""

    @property
    def interactive(self) -> bool:
        """Whether questions can be answered."""
        ...

    def read(self) -> str:
        """The next thing typed. Raises EOFError when the user leaves."""
        ...

    def ask(self, question: str) -> str:
        """The answer to a question, stripped; empty where there is none."""
        ...

    def draw(self, sequences: str) -> None:
        """Control sequences of our own making, as a line of their own; nothing in a pipe."""
        ...

    def page(self, lines: Sequence[str]) -> bool:
        """Show lines, which are safe, in the user's pager; False where they are to be shown here:
        there is no pager, or no need for one."""
        ...

    def status(self, text: str) -> None:
        """What the line under the prompt says."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: object, /, *_: object) -> None: ...
