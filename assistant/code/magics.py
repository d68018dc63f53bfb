"""What only IPython understands (``!pip install x``, ``%cd data``), put into plain Python.

What a user expects of a notebook cell, and what becomes of it here:

    !command              runs in a shell; unlike in IPython a failure ends the block
    name = !command       the lines it printed, as a list
    %pip, %conda ...      the same program of this Python, without a shell
    %cd, %env, %run, ...  the Python call that does it
    %time x, %%time       x alone
    %matplotlib, ...      nothing: settings of a notebook
    %%bash, %%sh          the cell as a block of bash
    %%writefile name      the cell, written to that file
    x?, ?x                help(x)
"""

import re
import shlex
from collections.abc import Callable, Iterator

from assistant.code.python_text import LONGEST, parses

_MAGIC = re.compile(
    r"^[ \t]*(?:%%?[A-Za-z]\w*|!{1,2}[^\s=]|\?{1,2}\w|[\w.]+\?{1,2}[ \t]*$)", re.MULTILINE
)
_LINE = re.compile(
    r"(?P<indent>[ \t]*+)(?:(?P<name>[A-Za-z_][\w, .\[\]'\"]{0,80}?) {0,8}= {0,8})?"
    r"(?:!{1,2}(?P<shell>.*)|%(?P<magic>\w+)(?P<rest>.*))$"
)
_HELP = re.compile(
    r"(?P<indent>[ \t]*)(?:\?{1,2}(?P<before>[\w.]+)|(?P<after>[\w.]+)\?{1,2})[ \t]*$"
)
_SETTINGS = """
matplotlib load_ext reload_ext unload_ext autoreload config pylab colors precision pprint xmode
automagic pdb logstart logstop doctest_mode gui who whos who_ls history reset_selective store
capture tensorboard debug
"""
_NOTHING = frozenset(_SETTINGS.split())
_TIMED = ("time", "timeit", "prun", "memit", "lprun", "mprun")
_SHELLS = ("bash", "sh", "shell", "system", "!")
_PROGRAMS = ("pip", "conda", "mamba", "micromamba", "uv")
_RUN = '__import__("subprocess").run'


class Untranslatable(ValueError):
    """A magic that has no plain meaning; the text is its line."""


def has_magics(code: str) -> bool:
    """Whether this is Python but for lines that only IPython understands."""
    return _MAGIC.search(code) is not None and parses(code, LONGEST) == "no"


def translate(code: str) -> tuple[str, str]:
    """The language and the text of a cell in plain words. Raises Untranslatable.

    Lines keep their numbers, but for those of cell magics that take the whole cell.
    """
    first, _, body = code.lstrip("\n").partition("\n")
    if first.startswith("%%"):
        name, _, rest = first[2:].strip().partition(" ")
        if name in _SHELLS:
            return "bash", body
        if name in ("writefile", "file"):
            return "python", _written(rest.split(), body)
        if name not in _NOTHING and name not in (*_TIMED, "python", "python3"):
            raise Untranslatable(first)
        code = f"# {first}\n{body}"
        if not has_magics(code):
            return "python", code
    return "python", "\n".join(_lines(iter(code.split("\n"))))


def _lines(lines: Iterator[str]) -> Iterator[str]:
    quote = ""
    for line in lines:
        if quote or not _LINE.match(line):
            yield line if quote else _helped(line)
            quote = _still_quoted(line, quote)
            continue
        gone = 0
        while line.endswith("\\"):  # one command over several lines
            line = line[:-1] + next(lines, "").strip()
            gone += 1
        yield _line(line)
        yield from [""] * gone


def _written(words: list[str], body: str) -> str:
    mode = "a" if words[:1] == ["-a"] else "w"
    if not words or words[-1] == "-a":
        raise Untranslatable("%%writefile")
    opened = f'open({words[-1]!r}, "{mode}", encoding="utf-8")'
    return f"with {opened} as file:\n    file.write({body!r})\n"


def _still_quoted(line: str, quote: str) -> str:
    """The triple quote that is open after this line, or ""."""
    for mark in re.findall(r'"""|\'\'\'', line):
        quote = "" if quote == mark else quote or mark
    return quote


def _helped(line: str) -> str:
    found = _HELP.match(line)
    return f"{found['indent']}help({found['before'] or found['after']})" if found else line


def _line(line: str) -> str:
    found = _LINE.match(line)
    if found is None:
        return line
    indent, name = found["indent"], found["name"]
    if found["shell"] is not None:
        return indent + _shell(found["shell"].strip(), name)
    said = _magic(found["magic"], found["rest"].strip(), line)
    return f"{indent}{name} = {said}" if name else indent + said


def _shell(command: str, name: str | None) -> str:
    text = _interpolated(command)
    if name is None:
        return f"{_RUN}({text}, shell=True, check=True)"
    return f"{name} = {_RUN}({text}, shell=True, stdout=-1, text=True).stdout.splitlines()"


def _interpolated(command: str) -> str:
    """A literal of the command; ``{name}`` in it is Python's, as in IPython, where it can be."""
    if re.search(r"(?<![${])\{[A-Za-z_][\w.\[\]'\"]*\}(?!\})", command) is None:
        return repr(command)
    parts = re.split(r"(?<![${])\{([A-Za-z_][\w.\[\]'\"]*)\}(?!\})", command)
    return " + ".join(
        f"str({part})" if number % 2 else repr(part) for number, part in enumerate(parts) if part
    )


def _magic(magic: str, rest: str, line: str) -> str:
    if magic in _NOTHING:
        return f"pass  # {line.strip()}"
    if magic in _TIMED:
        return re.sub(r"^(?:-\w+[ \t]*\d*[ \t]+)*", "", rest) or "pass"
    if magic in ("sx", "system"):
        return _shell(rest, None)
    if magic in _COMMANDS:
        return _shell(f"{magic} {rest}".strip(), None)
    if magic in _PROGRAMS:
        return _program(magic, rest, line)
    if call := _CALLS.get(magic):
        return call(rest)
    raise Untranslatable(line.strip())


def _program(program: str, rest: str, line: str) -> str:
    try:
        words = shlex.split(rest, comments=True)
    except ValueError:
        raise Untranslatable(line.strip()) from None
    start = ['__import__("sys").executable', '"-m"', '"pip"']
    said = (start if program == "pip" else [repr(program)]) + [repr(word) for word in words]
    return f"{_RUN}([{', '.join(said)}], check=True)"


def _unquoted(text: str) -> str:
    return text.strip().strip("'\"")


def _env(rest: str) -> str:
    name, equals, value = rest.partition("=")
    if not equals:
        name, _, value = rest.partition(" ")
    if not value and not equals:
        return f'print(__import__("os").environ.get({name.strip()!r}))'
    return f'__import__("os").environ[{name.strip()!r}] = {_unquoted(value)!r}'


def _run(rest: str) -> str:
    words = rest.split()
    file = next((word for word in words if not word.startswith("-")), "")
    return f'__import__("runpy").run_path({_unquoted(file)!r}, run_name="__main__")'


def _cd(rest: str) -> str:
    folder = _unquoted(rest) or "~"
    return f'__import__("os").chdir(__import__("os").path.expanduser({folder!r}))'


_CALLS: dict[str, Callable[[str], str]] = {
    "cd": _cd,
    "pwd": lambda rest: 'print(__import__("os").getcwd())',
    "env": _env,
    "set_env": _env,
    "run": _run,
    "reset": lambda rest: "pass",
}
_COMMANDS = ("ls", "mkdir", "cat", "cp", "mv", "rm")
