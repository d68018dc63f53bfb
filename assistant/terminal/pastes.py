"""Long pastes, shown folded as one label in the prompt and put back when the message is sent."""

import re

_LINES, _CHARACTERS = 20, 2_000
"""A paste beyond either is folded."""
LABEL = re.compile(r"\[paste \d+: [\d,]+ lines?(?:, about \d+k tokens)?\]")


class Pastes:
    """The pastes of one message, by their labels."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """What to put into the prompt for a paste: the text itself, or a label if it is long."""
        lines = text.count("\n") + 1
        if lines <= _LINES and len(text) <= _CHARACTERS:
            return text
        tokens = len(text) // 4_000
        size = f", about {tokens}k tokens" if tokens else ""
        label = f"[paste {len(self._texts) + 1}: {lines:,} line{'s' if lines > 1 else ''}{size}]"
        self._texts[label] = text
        return label

    def unfold(self, text: str) -> str:
        """The message with its pastes whole."""
        return LABEL.sub(lambda match: self._texts.get(match.group(), match.group()), text)


def tidy(text: str) -> str:
    """Typed or pasted text as a message: one kind of newline, nothing that UTF-8 cannot hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
