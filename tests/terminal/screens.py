"""Screens and consoles without a terminal."""

from collections.abc import Iterable, Sequence
from typing import Self

from assistant.terminal.markdown import Preview
from assistant.terminal.theme import Line, plain


class ListScreen:
    """Keeps what is shown."""

    def __init__(self, columns: int = 80, *, rich: bool = True) -> None:
        self.columns, self.rich = columns, rich
        self.rows: list[Line] = []
        self.preview: Preview | None = None
        self.pulses: list[str] = []

    def show(self, rows: Iterable[Line], live: Preview | None = None) -> None:
        self.rows.extend([tuple(row) for row in rows])
        self.preview = live

    def pulse(self, text: str) -> None:
        self.pulses.append(text)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in plain(self.rows))


class ListConsole(ListScreen):
    """Answers questions from a list."""

    def __init__(self, *answers: str, interactive: bool = True) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[str] = []
        self.interactive = interactive
        self.line = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self) -> str:
        raise EOFError

    def ask(self, question: str) -> str:
        self.asked.append(question)
        answer = self.answers.pop(0)
        if answer == "^C":
            raise KeyboardInterrupt
        return answer

    def draw(self, sequences: str) -> None:
        self.drawn = getattr(self, "drawn", "") + sequences

    def page(self, lines: Sequence[str]) -> bool:
        return False

    def status(self, text: str) -> None:
        self.line = text
