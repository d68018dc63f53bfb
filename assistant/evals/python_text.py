"""Python source as text: whether it is sound, which of its lines are code, and its strings."""

import ast
import contextlib
import json
import re
import textwrap
import threading
import warnings
from collections.abc import Iterator
from enum import IntEnum

ONE_AT_A_TIME = threading.RLock()
"""Linters keep state in their modules, and filters of warnings are the whole process's."""

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What the parser raises of text that is no Python: NUL, lone surrogates, endless nesting."""

_PIECES = re.compile(
    r'"""(?:\\.|[^\\])*?"""'
    r"|'''(?:\\.|[^\\])*?'''"
    r'|"(?:\\.|[^"\\])*"'
    r"|'(?:\\.|[^'\\])*'"
    r"|\#(?:(?!\\r?\\?n).)*"
    r"|(?P<end>\\r\\n|\\n)|(?P<tab>\\t)",
    re.DOTALL,
)


class Soundness(IntEnum):
    """How far Python follows a text."""

    NONE = 0
    PARSES = 1
    COMPILES = 2


def parsed(code: str) -> ast.Module | None:
    """Its tree; None where it is no Python."""
    with ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Old escapes are the model's affair.
        try:
            return ast.parse(code)
        except UNREADABLE:
            return None


def soundness(code: str) -> Soundness:
    """Compiles without running anything."""
    if parsed(code) is None:
        return Soundness.NONE
    with ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(code, "<generated>", "exec", dont_inherit=True)
        except UNREADABLE:
            return Soundness.PARSES
    return Soundness.COMPILES


def unescaped(code: str) -> str:
    """Text whose line ends came escaped, with real ones; everything else as it is.

    Only text that has no real line end and is no Python, if it then is. Escapes in string literals
    stay, unless the whole text was escaped once too often.
    """
    if "\n" in code.strip() or "\\n" not in code or parsed(code) is not None:
        return code
    for text in _unescapings(code):
        if parsed(text) is not None:
            return text
    return code


def _unescapings(code: str) -> Iterator[str]:
    with contextlib.suppress(ValueError):  # Bare quotes, which escaped text has not.
        yield json.loads(f'"{code.strip()}"', strict=False)

    def real(found: re.Match[str]) -> str:
        return "\n" if found["end"] else "\t" if found["tab"] else found[0]

    yield _PIECES.sub(real, code)


def dedented(code: str) -> str:
    """The code moved to the left margin; lines inside of string literals keep their place."""
    code = code.strip("\r\n").rstrip()
    first = next((line for line in code.split("\n") if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip())]
    if not margin:
        return code
    strings = _string_lines("if 1:\n" + code)
    if strings is None:
        return textwrap.dedent(code)
    lines = code.split("\n")
    return "\n".join(
        line if number in strings else line.removeprefix(margin)
        for number, line in enumerate(lines, 2)
    )


def indented(code: str, margin: str = "    ") -> str:
    """The code moved to the right; lines inside of string literals keep their place."""
    strings = _string_lines(code) or set()
    return "\n".join(
        line if number in strings or not line.strip() else margin + line
        for number, line in enumerate(code.split("\n"), 1)
    )


def _string_lines(code: str) -> set[int] | None:
    """The numbers of lines that begin inside of a string; None where the code is no Python."""
    tree = parsed(code)
    if tree is None:
        return None
    lines: set[int] = set()
    for node in ast.walk(tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
        if literal or isinstance(node, ast.JoinedStr):
            assert isinstance(node, ast.expr)
            lines.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    return lines


def texts(code: str) -> set[str | bytes]:
    """The values of its string literals; of docstrings without spaces at the ends of lines."""
    tree = parsed(code)
    if tree is None:
        return set()
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: set[str | bytes] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            value = node.value
            if id(node) in alone and isinstance(value, str):
                # Tabs and spaces of a docstring are for people; linters align them.
                value = "\n".join(line.strip() for line in value.strip().splitlines())
            found.add(value)
    return found
