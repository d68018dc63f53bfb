"""The note that stands for old messages: the user's own words, the check, the files, a summary."""

from collections.abc import Iterator, Sequence

from assistant.budget import Left
from assistant.events import Checked, Event, Replied, Reset, Said
from assistant.feedback import one_line, quoted
from assistant.files_in_use import FilesInUse, Read
from assistant.prompts import prompt
from assistant.transcript import by_user, middle_cut

_MOST_NAMES = 60
_SHORT = 150
"""Characters at each end of a message of the user's that cannot stay whole."""


class Note:
    """Writes the note for one history. What is cut is cut the same way each time."""

    def __init__(self, events: Sequence[Event], check: str, left: Left, read: Read) -> None:
        resets = [at for at, event in enumerate(events) if isinstance(event, Reset)]
        self._since = resets[-1] if resets else 0
        self._events, self._check, self._left = events, check, left
        self._in_use = FilesInUse(events[self._since :], read)

    def text(self, border: int, summary: str, files: int, said: int) -> str:
        """In place of the messages up to number ``border``.

        At most ``files`` characters of files, and about ``said`` of the user's messages beyond
        the first and the last, which stay whole.
        """
        what = prompt("compacted_summary", summary=summary) if summary else ""
        said_so = self._said(border, said)
        elsewhere = "\n\n".join([*said_so, *self._kept(border)])
        return prompt(
            "compacted",
            said="\n\n".join(said_so),
            files=self._files(files, elsewhere),
            check=self._verdict(),
            summary=f"{what or prompt('compacted_without')}\n",
            budget=_budget(self._left),
        )

    def _said(self, border: int, most: int) -> list[str]:
        """The user's messages up to the border: the first and the last whole, others as room is."""
        number, texts = 0, list[str]()
        for at, event in enumerate(self._events):
            if isinstance(event, Said | Replied):
                number += 1
            if by_user(event) and number <= border and at >= self._since:
                texts.append(event.text)
        shown: list[str] = []
        for index in range(len(texts) - 1, -1, -1):
            text = texts[index]
            if index not in (0, len(texts) - 1):
                whole = len(text) <= most
                most -= len(text) if whole else 0
                text = text if whole else middle_cut(text, _SHORT)
            shown.append(quoted(text))
        return shown[::-1]

    def _kept(self, border: int) -> Iterator[str]:
        """The texts of the messages after the border, which stay."""
        number = 0
        for event in self._events:
            if isinstance(event, Said | Replied):
                number += 1
                if number > border:
                    yield event.text

    def _verdict(self) -> str:
        if not self._check:
            return ""
        last = next((e for e in reversed(self._events) if isinstance(e, Checked)), None)
        told = ""
        if last:
            outcome = "passed" if last.passed else f"failed ({one_line(last.detail)})"
            told = f" (when it last ran it {outcome})"
        return prompt("compacted_check", command=self._check, verdict=told) + "\n\n"

    def _files(self, most: int, elsewhere: str) -> str:
        """The files in use: what was changed by name, the latest used with their texts."""
        used = self._in_use
        if most < 0:
            return ""
        texts, rest = used.texts(most, elsewhere)
        changed = [one_line(path) for path in used.changed[-_MOST_NAMES:]]
        parts = []
        if changed:
            parts.append(prompt("compacted_changed", names=", ".join(changed)))
        if texts:
            quotes = (f"{one_line(path)}\n{quoted(text)}" for path, text in texts)
            parts.append(prompt("compacted_files", texts="\n\n".join(quotes)))
        if rest:
            names = ", ".join(one_line(path) for path in rest[-_MOST_NAMES:])
            parts.append(prompt("compacted_left_out", names=names))
        return "".join(f"{part}\n\n" for part in parts)


def _budget(left: Left) -> str:
    parts = [
        f"{max(rest, 0):,.0f} {name}"
        for name, rest in left._asdict().items()
        if name != "dollars" and rest < float("inf")
    ]
    return ", ".join(parts) or "no cap"
