"""From a model's answer to a whole program: what of it is the solution, and how it is completed."""

import ast
import re
import warnings

from assistant.code.fences import UNKNOWN, extract_code

_CHECK = re.compile(r"^def check\(", re.MULTILINE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_PYTHON = ("", "python", "py", "python3", "py3")


def entry_of(definition: str) -> str:
    """The name of the function that a definition begins: the last one at its top level, or ""."""
    tree = _parsed(definition) or _parsed(f"{definition.rstrip()}\n    pass\n")
    names = [node.name for node in (tree.body if tree else ()) if isinstance(node, _FUNCTIONS)]
    found = re.findall(r"^(?:async )?def (\w+)", definition, re.MULTILINE)
    return (names or found or [""])[-1]


def solution_of(response: str, definition: str, entry: str) -> str:
    """The code of an answer: of its fenced blocks the one that defines ``entry``, else the first.

    An answer that is code as it stands, alone or as the rest of the definition, is taken whole.
    What comes from ``def check(`` on is cut off: a test that the model made up.
    """
    text = response
    if _parsed(response) is None and _parsed(_joined(definition, response)) is None:
        blocks = [(lang, code) for lang, code in extract_code(response) if lang != UNKNOWN]
        ours = [code for lang, code in blocks if lang.lower() in _PYTHON] or [c for _, c in blocks]
        defining = [code for code in ours if defines(code, entry)]
        text = (defining or ours or [response])[0]
    check = _CHECK.search(text)
    return text[: check.start()] if check and entry != "check" else text


def program_of(solution: str, definition: str, entry: str) -> str:
    """The program that is judged: a solution that defines ``entry`` itself, or the rest of one.

    AutoGen runs what begins with ``def`` alone and all else behind the definition. Here the
    definition also stands before a whole solution, for the imports and helpers that it has.
    """
    if defines(solution, entry):
        before = f"{definition.rstrip()}\n\n" if _parsed(definition) else ""
        return before + solution
    if solution.startswith("def"):
        return solution
    return _joined(definition, solution)


def defines(code: str, entry: str) -> bool:
    """Whether a program's top level gives ``entry`` a value."""
    tree = _parsed(code)
    if tree is None or not entry:
        return False
    for node in tree.body:
        if isinstance(node, _FUNCTIONS) and node.name == entry:
            return True
        if isinstance(node, ast.Assign) and entry in map(ast.unparse, node.targets):
            return True
    return False


def is_program(code: str) -> bool:
    return _parsed(code) is not None


def _joined(definition: str, rest: str) -> str:
    apart = definition.endswith("\n") or rest.startswith("\n") or not definition
    return f"{definition}{'' if apart else chr(10)}{rest}"


def _parsed(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # An invalid escape in somebody's text is theirs.
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
