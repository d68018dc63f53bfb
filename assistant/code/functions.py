"""Where a function stands in a Python file, and whether a change kept to it."""

import ast
import re
import threading
import warnings
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\r|\n")
_WARNING = threading.Lock()  # The filters of warnings belong to the whole process.
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class NoFunction(ValueError):
    """The file does not parse, or has no such function, or several; says which."""


@dataclass(frozen=True, slots=True)
class Span:
    """A function's lines, ``first`` to ``last`` from 1, decorators included, and their offsets."""

    first: int
    last: int
    start: int
    stop: int
    node: _Function


def parse(source: str) -> ast.Module:
    """The file's tree. Raises NoFunction where Python cannot read it."""
    try:
        with _WARNING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        raise NoFunction(f"line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise NoFunction(str(error) or "it is nested too deep") from error


def fault(source: str) -> str:
    """Why Python cannot read a file, "" where it can."""
    try:
        parse(source)
    except NoFunction as error:
        return str(error)
    return ""


def find_function(source: str, name: str) -> Span:
    """The function or method ``name``: ``run``, ``Shape.area``, ``outer.inner``.

    A plain name that is not at the top is found inside classes and functions, if there is only
    one. Raises NoFunction.
    """
    found = list(_functions(parse(source), ""))
    exact = [node for path, node in found if path == name]
    nested = [node for path, node in found if path.rpartition(".")[2] == name]
    fits = exact or nested
    if not fits:
        known = ", ".join(path for path, _ in found[:20]) or "none"
        raise NoFunction(f"there is no function {name!r}; it has: {known}")
    if len(fits) > 1:
        lines = ", ".join(str(node.lineno) for node in fits)
        raise NoFunction(f"there are {len(fits)} functions {name!r}, at lines {lines}")
    return _span(source, fits[0])


def kept_to(before: str, after: str, name: str) -> str:
    """Why ``after`` changed more of ``before`` than the lines of its function; "" if it did not.

    Both texts are compared character by character outside the function.
    """
    span = find_function(before, name)
    head, tail = before[: span.start], before[span.stop :]
    if not after.startswith(head):
        return f"lines before the function (1 to {span.first - 1}) have changed"
    if len(after) < len(head) + len(tail) or not after.endswith(tail):
        return f"lines after the function (from {span.last + 1} on) have changed"
    try:
        now = find_function(after, name)
    except NoFunction as error:
        return str(error)
    if now.start != len(head):
        return "something else was put before the function"
    behind = after[now.stop : len(after) - len(tail)]
    if now.stop > len(after) - len(tail) or not _belongs(behind, now.node.col_offset):
        return "something else was put behind the function"
    return ""


def _belongs(behind: str, indent: int) -> bool:
    """Whether these lines are comments of the function before them; its tree has none."""
    lines = [line for line in behind.splitlines() if line.strip()]
    return all(line.lstrip().startswith("#") and line[: indent + 1].isspace() for line in lines)


def _functions(node: ast.AST, above: str) -> list[tuple[str, _Function]]:
    found: list[tuple[str, _Function]] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function | ast.ClassDef):
            path = f"{above}.{child.name}" if above else child.name
            if not isinstance(child, ast.ClassDef):
                found.append((path, child))
            found += _functions(child, path)
        else:
            found += _functions(child, above)
    return found


def _span(source: str, node: _Function) -> Span:
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    last = node.end_lineno or node.lineno
    starts = [0, *(end.end() for end in _LINE_END.finditer(source)), len(source)]
    stop = starts[last] if last < len(starts) else len(source)
    return Span(first, last, starts[first - 1], stop, node)
