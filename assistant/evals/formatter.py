"""Makes whole, tidy programs of generated code, and never breaks one that was sound."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from assistant.evals.generated import FormattedGeneratedCode, GeneratedCode
from assistant.evals.python_text import (
    ONE_AT_A_TIME,
    Soundness,
    dedented,
    indented,
    parsed,
    soundness,
    texts,
    unescaped,
)
from assistant.events import UsageError

_NAMES = (
    "AbstractSet Any AnyStr AsyncGenerator AsyncIterable AsyncIterator Awaitable Callable ClassVar "
    "Collection Container Coroutine DefaultDict Deque Dict Final FrozenSet Generator Generic "
    "Hashable ItemsView Iterable Iterator KeysView List Literal Mapping MutableMapping "
    "MutableSequence MutableSet NamedTuple NewType NoReturn Optional Protocol Reversible Sequence "
    "Set Sized SupportsFloat SupportsIndex SupportsInt Text Tuple Type TypedDict TypeVar Union "
    "ValuesView cast overload"
)
_TYPING = frozenset(_NAMES.split())
"""What every supported Python has in ``typing``, and what means nothing else there."""


Linter = Literal["autopep8", "ruff"]
LINTERS: tuple[Linter, ...] = get_args(Linter)


class CodeFormatter:
    """Tidies code, and adds imports of ``typing`` that it lacks.

    By autoflake, isort and autopep8, or by ruff alone.

    Each step's result is taken only if it is as sound as what went in and says nothing new in its
    string literals. Tidying may still change a meaning (a comparison with None, an unused
    variable), so code is best scored before and after. What is no Python comes back as it was.
    """

    def __init__(self, linter: Linter = "autopep8") -> None:
        if linter not in LINTERS:
            raise UsageError(f"there is no linter {linter!r}", f"Choose one: {', '.join(LINTERS)}")
        self.name: Linter = linter

    def lint_code(self, code: str) -> str:
        """Unused imports and variables removed, imports sorted, PEP 8.

        Escaped line ends become real ones if the text has no real one and is no Python as it is.
        """
        steps = _ruff() if self.name == "ruff" else _linters()
        with ONE_AT_A_TIME:
            code = unescaped(code)
            for step in steps:
                code = _taken(step, code)
        return code

    def add_imports(self, code: str) -> str:
        """The code with an import of those names of ``typing`` that it uses and nowhere defines."""
        undefined = _missing_finder()
        with ONE_AT_A_TIME:
            return _taken(lambda text: _with_imports(text, undefined), code)

    def format_generated_code(self, generated_code: GeneratedCode) -> FormattedGeneratedCode:
        """The parts of a function as one tidy program."""
        code = assembled(generated_code)
        return FormattedGeneratedCode(full_code=self.lint_code(self.add_imports(code)))


_Step = Callable[[str], str]


def _linters() -> tuple[_Step, ...]:
    try:
        # Late: of an extra.
        import autoflake
        import autopep8
        import isort
    except ImportError as error:
        raise _not_installed() from error

    def unused(code: str) -> str:
        found: str = autoflake.fix_code(
            code, remove_all_unused_imports=True, remove_unused_variables=True
        )
        return found

    def sorted_imports(code: str) -> str:
        # What happens to lie in the current folder has no say in the order.
        found: str = isort.code(code, config=isort.Config(src_paths=()))
        return found

    def pep8(code: str) -> str:
        found: str = autopep8.fix_code(code, options={"aggressive": 2})
        return found

    return unused, sorted_imports, pep8


def _ruff() -> tuple[_Step, ...]:
    beside = Path(sys.executable).with_name("ruff")
    program = str(beside) if beside.is_file() else shutil.which("ruff")
    if program is None:
        raise UsageError("The formatter needs ruff", "Install it: pip install ruff")
    fix = ("check", "--fix-only", "--unsafe-fixes", "--select=F401,F841,I")

    def tidied(code: str) -> str:
        for arguments in (fix, ("format",)):
            command = [program, *arguments, "--isolated", "--no-cache", "--quiet", "-"]
            done = subprocess.run(
                command, input=code.encode(), capture_output=True, check=True, timeout=60
            )
            code = done.stdout.decode()
        return code

    return (tidied,)


def _missing_finder() -> Callable[[ast.Module], set[str]]:
    try:
        # Late: of an extra.
        from pyflakes.checker import Checker
        from pyflakes.messages import UndefinedName
    except ImportError as error:
        raise _not_installed() from error

    def undefined(tree: ast.Module) -> set[str]:
        messages: list[Any] = Checker(tree).messages
        return {str(m.message_args[0]) for m in messages if isinstance(m, UndefinedName)}

    return undefined


def _not_installed() -> UsageError:
    return UsageError(
        "The formatter needs autoflake, isort, autopep8 and pyflakes",
        'Install the extra: pip install "assistant[eval]"; or do without: --formatter none',
    )


def _taken(step: _Step, code: str) -> str:
    """What a step makes of sound code, if that is no worse."""
    before = soundness(code)
    if before is Soundness.NONE:
        return code
    try:
        after = step(code)
    except Exception:  # noqa: BLE001 - a linter that fails on odd code costs only its tidying.
        return code
    if soundness(after) < before or not texts(after) <= texts(code):
        return code
    return after


def _with_imports(code: str, undefined: Callable[[ast.Module], set[str]]) -> str:
    tree = parsed(code)
    names = sorted(undefined(tree) & _TYPING) if tree else []
    if tree is None or not names:
        return code
    # Below the docstring and what must come first, above all else, decorators too.
    line, above = 0, 0
    for place, node in enumerate(tree.body):
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (future or (place == 0 and ast.get_docstring(tree, clean=False) is not None)):
            marks = getattr(node, "decorator_list", [])
            line = min([node.lineno, *(mark.lineno for mark in marks)]) - 1
            break
        above = node.end_lineno or 0
    else:
        line = above
    lines = code.split("\n")
    lines.insert(line, f"from typing import {', '.join(names)}")
    return "\n".join(lines)


def assembled(parts: GeneratedCode) -> str:
    """The function as a program; the first way of putting it together that is sound."""
    with ONE_AT_A_TIME:
        return _assembled(parts)


def _assembled(parts: GeneratedCode) -> str:
    logic = parts.code_logic
    doc = parts.function_args_with_docstring_within_triple_quotes
    signature = dedented(_plain(parts.function_signature))
    whole = _whole_function(logic, signature)
    if whole:
        return whole
    candidates = product(_heads(signature), _documentations(doc), _bodies(logic))
    best, found = Soundness.NONE, ""
    for head, documentation, body in candidates:
        inner = "\n".join(indented(part) for part in (documentation, body) if part.strip())
        code = f"{head}\n{inner or '    pass'}\n"
        level = soundness(code)
        if level > best or not found:
            best, found = level, code
        if best is Soundness.COMPILES:
            break
    return found


def _plain(signature: str) -> str:
    """A signature whose line ends came escaped, as of several arguments in lines of their own."""
    if "\n" in signature.strip() or "\\n" not in signature:
        return signature
    body = "\n    pass"
    for text in (signature, signature.replace("\\n", "\n").rstrip()):
        if parsed(text + body) is not None:
            return text
    return signature


def _whole_function(logic: str, signature: str) -> str:
    """The logic by itself, where it defines the function over again."""
    code = unescaped(dedented(logic))
    tree = parsed(code)
    name = re.search(r"\bdef\s+(\w+)", signature)
    if tree and name and any(getattr(n, "name", "") == name[1] for n in tree.body):
        return code + "\n"
    return ""


def _heads(signature: str) -> Iterator[str]:
    """Some leave out the colon."""
    signature = signature.rstrip()
    yield signature
    yield signature + ":"


def _documentations(text: str) -> Iterator[str]:
    """The docstring: as it came, what it has in triple quotes, or quoted here."""
    code = unescaped(dedented(text.strip()))
    tree = parsed(code)
    if tree and all(isinstance(n, ast.Expr) and _is_text(n.value) for n in tree.body):
        yield code
    for found in re.finditer(r"(?s)[rR]?(\"\"\"|''').*?\1", text):
        if parsed(found[0]) is not None:
            yield found[0]
    words = text.strip().strip("\"'").strip()
    yield '"""' + words.replace("\\", "\\\\").replace('"', '\\"') + '"""' if words else ""
    yield ""


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _bodies(logic: str) -> Iterator[str]:
    """The logic: as it came, or with its first line moved to where the rest stands."""
    yield unescaped(dedented(logic))
    first, _, rest = logic.strip().partition("\n")
    margins = [len(line) - len(line.lstrip()) for line in rest.split("\n") if line.strip()]
    if margins:
        yield dedented(" " * min(margins) + first + "\n" + rest)
        # Or it opens a block, whose lines stand one step deeper than they seem to.
        yield first + "\n" + dedented(rest)
