"""The rules that a program can check: who imports whom, what is used where, how long things get."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

import assistant

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "assistant"

# Lower layers know nothing of higher ones. A part is one name here, or several that belong
# together, and parts do not know each other.
WORDS = {"closing", "errors", "events", "following", "languages", "prompts", "redact", "shapes"}
WORDS |= {"transcript", "values"}
PARTS = (
    {"code"},
    {"model"},
    {"sandbox"},
    {"record*", "event_lines"},
)
LAYERS = (
    WORDS,
    set().union(*PARTS),
    {
        "loop",
        "asking",
        "compaction*",
        "files_in_use",
        "rewinding",
        "protocols",
        "budget",
        "purse",
        "feedback",
        "briefing",
        "meaning",
    },
    {"chat", "conversation"},
    {"settings*", "config_files", "options"},
    {"sessions", "session_summary"},
    {"functions", "code_utils", "tasks", "terminal", "verdicts", "evals", "traces", "demo"},
    {"cli", "__main__"},
)
# Each foreign library in the one place that knows it, and loaded when first needed ("late").
LIBRARIES = {
    "docker": ("sandbox/", "late"),
    "openai": ("model/openai_model.py", "late"),
    "tiktoken": ("model/tokens.py", "late"),
    "genai_prices": ("model/prices.py", "late"),
    "prompt_toolkit": ("terminal/", "any"),
    "pygments": ("terminal/", "any"),
    "weave": ("traces/weave_adapter.py", "late"),
    "opentelemetry": ("traces/otlp.py", "late"),
    "autoflake": ("evals/formatter.py", "late"),
    "autopep8": ("evals/formatter.py", "late"),
    "isort": ("evals/formatter.py", "late"),
    "pyarrow": ("evals/export.py", "late"),
    "numpy": ("evals/statistics.py", "late"),
    "scipy": ("evals/statistics.py", "late"),
}
# Doors may speak to the user, and wiring may read the environment.
DOORS = (
    *("terminal/", "cli/", "cli.py", "settings", "config_files.py", "__main__.py"),
    # Programs that were written for AutoGen read there what image is pulled.
    "functions/images.py",
)
# A program of its own, which runs in a container: the rules of the house end at its door. The
# module says so in its own first words.
SENT_INSIDE = re.compile(r"sent\s+as\s+text", re.I)
# Its parameters are AutoGen's.
GIVEN_SIGNATURES = ("eval_function_completions",)
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 300, 60, 6


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    name: str
    late: bool
    """Inside a function."""
    for_types: bool
    """Under TYPE_CHECKING."""


@cache
def sources() -> dict[str, tuple[str, ast.Module]]:
    files = sorted(PACKAGE.rglob("*.py"))
    texts = {str(file.relative_to(PACKAGE)): file.read_text("utf-8") for file in files}
    return {name: (text, ast.parse(text)) for name, text in texts.items()}


@cache
def sent_inside(file: str) -> bool:
    return bool(SENT_INSIDE.search(ast.get_docstring(sources()[file][1]) or ""))


def nodes(*, inside: bool = True) -> Iterator[tuple[str, ast.AST]]:
    for file, (_, tree) in sources().items():
        if inside or not sent_inside(file):
            yield from ((file, node) for node in ast.walk(tree))


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for file, (_, tree) in sources().items() for found in _imports(file, tree))


def _imports(
    file: str, node: ast.AST, late: bool = False, for_types: bool = False
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{file}:{child.lineno} imports by dots"
            whole = child.module == "assistant"
            names = [f"assistant.{a.name}" for a in child.names] if whole else [child.module or ""]
        else:
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            yield from _imports(file, child, late or function, for_types or typing)
            continue
        for name in names:
            yield Import(file, child.lineno, name, late, for_types)


def own(name: str) -> str | None:
    """The name below ``assistant`` that an import means, None for others and for plain values."""
    first, _, rest = name.partition(".")
    found = rest.split(".")[0]
    return None if first != "assistant" or found in ("", "__version__") else found


def among(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def layer(name: str) -> int:
    levels = [level for level, names in enumerate(LAYERS) if among(name, names)]
    assert levels, f"assistant/{name} has no place among LAYERS in {Path(__file__).name}"
    return levels[0]


def none(problems: Iterable[str]) -> None:
    found = sorted(set(problems))
    assert not found, "\n" + "\n".join(found)


def test_imports_run_downward() -> None:
    def problems() -> Iterator[str]:
        for found in imports():
            user, used = found.file.removesuffix(".py").split("/")[0], own(found.name)
            if user == "__init__" or used is None or user == used:
                continue
            where = f"{found.file}:{found.line} imports {found.name}"
            if layer(used) > layer(user):
                yield f"{where}, which lies above it"
            together = any(among(user, part) and among(used, part) for part in PARTS)
            if layer(user) == 1 and layer(used) == 1 and not together:
                yield f"{where}, another part"

    none(problems())


def test_no_circles() -> None:
    graph: dict[str, set[str]] = {}
    names = {
        ("assistant/" + file).removesuffix(".py").removesuffix("/__init__").replace("/", "."): file
        for file in sources()
    }
    for found in imports():
        if not found.for_types:
            user = next(name for name, file in names.items() if file == found.file)
            graph.setdefault(user, set()).add(found.name)

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        for used in graph.get(start, ()):
            if used == goal:
                return True
            if used not in seen and used in names:
                seen.add(used)
                if reaches(used, goal, seen):
                    return True
        return False

    none(f"{name} imports itself by way of others" for name in graph if reaches(name, name, set()))


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_library_has_one_place(library: str) -> None:
    place, when = LIBRARIES[library]
    for found in imports():
        if found.name.split(".")[0] == library and not found.for_types:
            where = f"{found.file}:{found.line}"
            assert found.file.startswith(place), f"{where} imports {library}: only {place} may"
            if when == "late":
                assert found.late, f"{where} loads {library} at once"


def test_late_imports_say_why() -> None:
    def problems() -> Iterator[str]:
        for found in imports():
            lines = sources()[found.file][0].splitlines()
            if not found.late or found.for_types or found.file.startswith(("settings", "cli")):
                continue
            if sent_inside(found.file):
                continue
            above = found.line - 1
            while above and re.match(r"\s*(from|import)\s", lines[above - 1]):
                above -= 1
            if not any("#" in line for line in lines[max(above - 1, 0) : found.line]):
                yield f"{found.file}:{found.line} imports {found.name} late and does not say why"

    none(problems())


def test_only_doors_speak_and_read_the_environment() -> None:
    def problems() -> Iterator[str]:
        for file, node in nodes(inside=False):
            if file.startswith(DOORS):
                continue
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id in ("print", "input", "exit", "quit"):
                    yield f"{file}:{node.lineno} calls {node.func.id}()"
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                words = f"{node.value.id}.{node.attr}"
                if words in ("sys.exit", "os.environ", "os.environb", "os.getenv", "sys.argv"):
                    yield f"{file}:{node.lineno} uses {words}"
            elif isinstance(node, ast.Name) and node.id == "SystemExit":
                yield f"{file}:{node.lineno} uses SystemExit"

    none(problems())


_OUTERMOST = ("cli/__init__.py", "terminal/repl.py")
"""The command line, and the session, which a bug of ours must not end."""


def test_errors_are_named() -> None:
    """Nothing catches everything, but for the outermost door, or to let it go on its way.

    Elsewhere the line says why, behind the mark that the linter wants.
    """

    def problems() -> Iterator[str]:
        for file, node in nodes(inside=False):
            if not isinstance(node, ast.ExceptHandler) or file in _OUTERMOST:
                continue
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            wide = [k for k in kinds if k is None or getattr(k, "id", "") in _EVERYTHING]
            goes_on = any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(node))
            line = sources()[file][0].splitlines()[node.lineno - 1]
            if wide and not goes_on and not re.search(r"noqa: BLE001\W+\w", line):
                yield f"{file}:{node.lineno} catches everything"

    none(problems())


_EVERYTHING = ("Exception", "BaseException")


def test_names_and_endings() -> None:
    def problems() -> Iterator[str]:
        for file, node in nodes():
            if isinstance(node, ast.ClassDef) and re.search(
                r"(Manager|Handler|Base|Utils?|Helper)$", node.name
            ):
                yield f"{file}:{node.lineno} class {node.name}: say what it is"
            if isinstance(node, ast.FunctionDef) and node.name == "__del__":
                yield f"{file}:{node.lineno} __del__: close with `with`"

    none(problems())


def test_files_open_with_a_sentence() -> None:
    none(file for file, (_, tree) in sources().items() if not ast.get_docstring(tree))


_IN_ONE_PIECE = ("sandbox/runner.py",)
"""Sent into every container as one text, so it is one file, in sections."""


def test_files_can_be_read_in_one_sitting() -> None:
    files = {file: text for file, (text, _) in sources().items() if file not in _IN_ONE_PIECE}
    long = {file: len(text.splitlines()) for file, text in files.items()}
    none(f"{file} has {n} lines" for file, n in long.items() if n > LONGEST_FILE)


def test_functions_are_short() -> None:
    def problems() -> Iterator[str]:
        for file, node in nodes():
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = node.body[0]
                told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                said = (first.end_lineno or 0) - first.lineno + 1 if told else 0
                lines = (node.end_lineno or 0) - node.lineno + 1 - said
                if lines > LONGEST_FUNCTION:
                    yield f"{file}:{node.lineno} {node.name} has {lines} lines"
                if node.name in GIVEN_SIGNATURES:
                    continue
                names = [a.arg for a in node.args.posonlyargs + node.args.args]
                names = [n for n in names if n not in ("self", "cls")]
                if len(names + node.args.kwonlyargs) > MOST_PARAMETERS:
                    yield f"{file}:{node.lineno} {node.name} has too many parameters"

    none(problems())


def test_public_names_are_sorted_and_there() -> None:
    names = list(getattr(assistant, "__all__", ()))
    assert names == sorted(names)
    for name in names:
        assert hasattr(assistant, name), name


def test_importing_opens_nothing_and_is_light() -> None:
    code = "import sys, assistant; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {
        "openai",
        "docker",
        "tiktoken",
        "pydantic",
        "httpx",
        "requests",
        "pygments",
    }


def test_every_prompt_is_used_and_there() -> None:
    """A prompt is named by a literal, or by a pattern with a blank in it."""
    asked: set[str] = set()
    for file, node in nodes():
        called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "prompt"
        if called and isinstance(node, ast.Call) and file != "prompts.py":
            asked |= {_pattern(name) for name in _choices(node.args[0])}
    there = {path.stem for path in (ROOT / "prompts").glob("*.txt")}
    none(f"no such prompt: {a}" for a in asked if not any(re.fullmatch(a, t) for t in there))
    none(
        f"prompts/{t}.txt is not used" for t in there if not any(re.fullmatch(a, t) for a in asked)
    )


def _choices(name: ast.expr) -> Iterator[ast.expr]:
    if isinstance(name, ast.IfExp):
        yield from (*_choices(name.body), *_choices(name.orelse))
    else:
        yield name


def _pattern(name: ast.expr) -> str:
    if isinstance(name, ast.Constant):
        return re.escape(str(name.value))
    if isinstance(name, ast.JoinedStr):
        parts = (
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+"
            for part in name.values
        )
        return "".join(parts)
    return r"\w+"


@cache
def committed() -> dict[str, str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    texts = {}
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file():
            texts[name] = path.read_bytes().decode("utf-8", "replace")
    return texts


# Written in pieces, so that this file does not find itself.
_MACHINES = (
    r"/wo" r"rk/",
    r"/ro" r"ot/(?!\.cache|\.npm)",
    r"\.\./sha" r"red",
)
_REGISTRIES = (
    r"py" r"pi\.org",
    r"pythonho" r"sted",
    r"deb\.deb" r"ian",
    r"(security|snapshot)\.deb" r"ian",
    r"archive\.ubu" r"ntu",
    r"registry\.np" r"mjs",
    r"(registry-1|hub)\.dock" r"er",
    r"gh" r"cr\.io",
    r"qu" r"ay\.io",
)
_MAY_LOOK_OUTSIDE = {".ci/run"}
"""Finds data sets beside the checkout, where there are any."""


@pytest.mark.parametrize("pattern", _MACHINES + _REGISTRIES)
def test_nothing_committed_names_a_machine_or_a_registry(pattern: str) -> None:
    none(
        f"{name}:{number} {line.strip()[:100]}"
        for name, text in committed().items()
        if name not in _MAY_LOOK_OUTSIDE
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    )
