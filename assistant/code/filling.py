"""Filling a function: the body that a model wrote, under the file's signature and docstring."""

import ast
import re
import textwrap
from dataclasses import dataclass

from assistant.code.functions import NoFunction, Span, find_function, parse

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class NoFit(ValueError):
    """A solution that cannot be put into the function; says why."""


@dataclass(frozen=True, slots=True)
class Stub:
    """A function of a file: what a model is shown of it (``definition``) and whether it is empty.

    ``definition`` holds the file's imports, the signature and the docstring.
    """

    name: str
    definition: str
    empty: bool
    doctests: bool


def read_stub(source: str, name: str) -> Stub:
    """The function ``name`` at the top of a file. Raises NoFunction."""
    span = find_function(source, name)
    if span.node.col_offset or "." in name:
        raise NoFunction(f"{name} is not at the top of the file; only such functions are filled")
    tree = parse(source)
    imports = [
        ast.get_source_segment(source, node) or ""
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    docstring = ast.get_docstring(span.node) or ""
    header = _header(source, span)
    before = "\n".join(imports) + "\n\n\n" if imports else ""
    return Stub(
        span.node.name, before + header, all(map(_nothing, _body(span.node))), ">>>" in docstring
    )


def filled(source: str, name: str, solution: str) -> str:
    """The file with the function's body taken from ``solution``; all else stays.

    A solution is a program that defines the function. Its imports and helpers that the file lacks
    are put before the function. Raises NoFit.
    """
    span = find_function(source, name)
    try:
        tree = parse(solution)
    except NoFunction as error:
        raise NoFit(str(error)) from error
    found = [n for n in tree.body if isinstance(n, _Function) and n.name == span.node.name]
    if not found:
        raise NoFit(f"it does not define {span.node.name}")
    made = found[-1]  # What stands before may be the definition itself.
    if ast.dump(made.args) != ast.dump(span.node.args):
        raise NoFit("it has other parameters than the function")
    body = _body(made)
    if all(map(_nothing, body)):
        raise NoFit("it does nothing")
    text = _header(source, span) + _text(solution, body, _indent(span.node))
    more = _more(source, solution, tree, made)
    new = source[: span.start] + more + text + source[span.stop :]
    try:
        parse(new)
    except NoFunction as error:
        raise NoFit(str(error)) from error
    return new


def _body(node: _Function) -> list[ast.stmt]:
    """The statements, without the docstring."""
    return node.body[1:] if ast.get_docstring(node) is not None else node.body


def _nothing(node: ast.stmt) -> bool:
    """pass, ..., raise NotImplementedError."""
    if isinstance(node, ast.Pass):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.Raise) and "NotImplemented" in ast.unparse(node)


def _header(source: str, span: Span) -> str:
    """Decorators, signature and docstring, as they are, with a line end."""
    node = span.node
    lines = source[span.start : span.stop].splitlines(keepends=True)
    if ast.get_docstring(node) is not None:
        last = node.body[0].end_lineno or node.lineno
        return _ended("".join(lines[: last - span.first + 1]))
    first = node.body[0]
    if first.lineno > _signature_end(node):
        return "".join(lines[: first.lineno - span.first])
    line = lines[first.lineno - span.first].encode("utf-8")
    head = line[: first.col_offset].decode("utf-8").rstrip()
    return "".join(lines[: first.lineno - span.first]) + head + "\n"


def _signature_end(node: _Function) -> int:
    """The last line that surely belongs to the signature."""
    parts: list[ast.AST | None] = [node.returns, *node.args.defaults, *node.args.kw_defaults]
    parts += [*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs]
    ends = [getattr(part, "end_lineno", 0) or 0 for part in parts if part]
    return max([node.lineno, *ends])


def _indent(node: _Function) -> str:
    offset = node.body[0].col_offset
    return " " * (offset if node.body[0].lineno > node.lineno and offset else 4)


def _text(solution: str, body: list[ast.stmt], indent: str) -> str:
    """The statements with another indent; they mean the same."""
    lines = solution.splitlines()
    first, last = body[0].lineno, body[-1].end_lineno or body[-1].lineno
    before = lines[first - 1].encode("utf-8")[: body[0].col_offset].decode("utf-8")
    if before.strip():  # On the line of the signature, or behind the docstring.
        return textwrap.indent("\n".join(map(ast.unparse, body)), indent) + "\n"
    taken = "\n".join(lines[first - 1 : last])
    if before == indent:
        return taken + "\n"
    moved = textwrap.indent(textwrap.dedent(taken), indent)
    if not _same(moved, body):
        moved = textwrap.indent("\n".join(map(ast.unparse, body)), indent)
    return moved + "\n"


def _same(text: str, body: list[ast.stmt]) -> bool:
    """Whether an indented text is these statements."""
    try:
        (around,) = parse(f"if 1:\n{text}\n").body
    except (NoFunction, ValueError):
        return False
    inside = around.body if isinstance(around, ast.If) else []
    return ast.dump(ast.Module(inside, [])) == ast.dump(ast.Module(body, []))


def _more(source: str, solution: str, tree: ast.Module, made: _Function) -> str:
    """Imports, constants and helpers of a solution that the file does not have."""
    have = {ast.dump(node) for node in parse(source).body}
    names = {getattr(node, "name", None) for node in parse(source).body}
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, _Function, ast.ClassDef)
    parts = []
    for node in tree.body:
        if node is made or getattr(node, "name", "") == made.name or ast.dump(node) in have:
            continue
        if getattr(node, "name", "") in names or not isinstance(node, kinds):
            continue
        segment = ast.get_source_segment(solution, node, padded=True) or ""
        apart = "\n\n" if isinstance(node, _Function | ast.ClassDef) else ""
        parts.append(f"{segment}\n{apart}")
    text = "".join(parts)
    return text if not text or text.endswith("\n\n\n") else text + "\n\n"


def _ended(text: str) -> str:
    return text if re.search(r"[\r\n]\Z", text) else text + "\n"
