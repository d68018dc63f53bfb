"""Suggestions for files: a numbered list from the model, nothing changed."""

import re
from collections.abc import Sequence

from assistant.asking import Ended, Run
from assistant.events import CodeBlock, Replied, Said
from assistant.loop import Turn
from assistant.prompts import prompt

_NUMBERED = re.compile(r" {0,3}(?:\*\*)?\d{1,3}[.)](?:\*\*)?[ \t]+(.*)")
_BULLET = re.compile(r" {0,3}[-*+][ \t]+(.*)")
_FENCE = re.compile(r" *(`{3,}|~{3,})")


def suggestions(reply: str) -> list[str]:
    """The items of a reply's list, in order, each with the lines that belong to it."""
    return _items(reply, _NUMBERED) or _items(reply, _BULLET)


def _items(reply: str, item: re.Pattern[str]) -> list[str]:
    found: list[list[str]] = []
    fence = blank = ""
    for line in reply.splitlines():
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        begins = None if fence else item.match(line)
        if begins:
            found.append([begins[1]])
        elif found and blank and not fence and line[:1] not in (" ", "\t", ""):
            break  # Words behind the list.
        elif found:
            found[-1].append(line)
        blank = "" if line.strip() or fence else "yes"
    return ["\n".join(lines).strip() for lines in found]


class Suggesting(Turn):
    """A turn that ends with the first reply that holds suggestions."""

    def follow(self, found: Sequence[CodeBlock]) -> Run:
        reply = next(event for event in reversed(self.events) if isinstance(event, Replied))
        if suggestions(reply.text):
            raise Ended("done")
        if self.stopped_before:
            raise Ended("gave-up", "two replies without a numbered suggestion")
        self.stopped_before = True
        yield self.keep(Said(prompt("suggest_again"), "result"))
