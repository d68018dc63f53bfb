"""The parser of commands, and the kinds of values that flags take."""

import argparse
import difflib
import itertools
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line and leaves with 2, or with ``usage_code``."""

    usage_code = 2
    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """A command tells itself what it does not know: its flags are not those of the whole."""
        self._given = sys.argv[1:] if args is None else list(args)
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, []

    def error(self, message: str) -> NoReturn:
        if "invalid choice" in message and (flag := self._unknown_flag(message)):
            message = f"unrecognized arguments: {flag}"
        self.exit(self.usage_code, f"assistant: {message}\n{self._remedy(message)}\n")

    def _unknown_flag(self, message: str) -> str:
        """The flag that nobody knows, whose value was taken for a command."""
        before: Sequence[str] = ("", *self._given)
        for flag, value in itertools.pairwise(before):
            known = flag.partition("=")[0] in self._option_string_actions
            if flag.startswith("--") and not known and f"invalid choice: {value!r}" in message:
                return flag
        return ""

    def _remedy(self, message: str) -> str:
        """The nearest right command or flag, where one is near."""
        found = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: (\S+)", message)
        wrong = (found[1] or found[2]) if found else ""
        known = [*self._option_string_actions]
        for action in self._actions:
            known += list(action.choices or ())
        near = difflib.get_close_matches(wrong, known, 1)
        return f"Did you mean {near[0]}?" if near else f"See: {self.prog} --help"


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""What commands, or the actions of one, are added to."""


def _whole(text: str, most: int, wanted: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"expected {wanted}, got {text!r}")
    return int(text)


def number(text: str) -> int:
    """A whole number from 1 up, for argparse."""
    return _whole(text, 10**6, "a number from 1 up")


def jobs(text: str) -> int:
    """How many may run side by side, for argparse."""
    return _whole(text, 64, "a number from 1 to 64")


def positive(text: str) -> float:
    """Seconds, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86400:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text!r}")
    return seconds


def share(text: str) -> float:
    """A rate, as a fraction of 1, for argparse."""
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise argparse.ArgumentTypeError(f"expected a rate from 0 to 1, got {text!r}")
    return rate


def numbers(text: str) -> list[int]:
    """Whole numbers from 1 up with commas between, for argparse."""
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= 10**6 for part in parts):
        raise argparse.ArgumentTypeError(f"expected numbers like 1,10, got {text!r}")
    return sorted({int(part) for part in parts})
