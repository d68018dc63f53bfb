"""What a transcript means: prompts stripped, output dropped, magics put in plain words."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assistant.code.magics import Untranslatable, has_magics, translate
from assistant.code.python_text import LONGEST, is_python2, looks_like_python2, parses

_SHELL = re.compile(
    r"[ \t]*(?:\([\w.-]+\)[ \t]*)?"  # (venv)
    r"(?:[$❯]|\[[^\]\s]+@[^\]\n]+\][$#]|[\w.-]+@[\w.-]+:[^\s$#]*[$#])(?:[ \t]+|$)"
)
_POWERSHELL = re.compile(r"[ \t]*(?:\([\w.-]+\)[ \t]*)?PS\d?(?:[ \t][^>\n]*)?>(?:[ \t]|$)")
_PYTHON = re.compile(r"[ \t]*>>>(?: |$)")
_PYTHON_MORE = re.compile(r"[ \t]*(?:\.\.\.|>>>)(?: |$)")
_IPYTHON = re.compile(r"[ \t]*In ?\[[\d ]*\]: ?")
_IPYTHON_MORE = re.compile(r"[ \t]*\.{3,}: ?")
_HEREDOC = re.compile(r"(?<!<)<<-?[ \t]*(['\"]?)([A-Za-z_]\w*)\1")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|(?<![^\s])#[^\n]*")
_QUOTED_POWERSHELL = re.compile(r"'[^']*'|\"(?:`.|[^\"`])*+\"|`.|(?<![^\s])#[^\n]*")
_OPENERS = re.compile(
    r"(?:^|[;&|\n(]|\b(?:do|then|else)\b)[ \t]*(?:if|for|while|until|case|select)\b|[ )]\{[ \t]*$",
    re.MULTILINE,
)
_CLOSERS = re.compile(r"(?:^|[;&|\n])[ \t]*(?:fi|done|esac|\})(?!\w)")
_LOOKED_AT = 4000
_LINES_OPEN = 100
_LONG = 8000
"""A command that is not complete within so many lines and characters never will be."""
_MOST_OPEN = 2000
"""How many lines are taken for the rest of a command, in all."""


@dataclass(frozen=True, slots=True)
class Runnable:
    """What to run for a block: ``changed`` is "" when that is the block as it was written."""

    lang: str
    code: str
    changed: Literal["", "prompts", "magics"] = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a block cannot be run as what it says it is; ``detail`` is the line that says so."""

    reason: Literal["python2", "magic"]
    detail: str = ""


def runnable(lang: str, code: str) -> Runnable | Refusal:
    """What a block that is about to run means. ``lang`` is a name of the table of languages.

    Transcripts in blocks of python, bash, sh and powershell lose their prompts and their output and
    run as what their prompts say; magics of IPython are translated; Python 2 is refused. Other
    languages, and code that is none of these, come back unchanged.
    """
    changed: Literal["", "prompts", "magics"] = ""
    if lang in ("python", "bash", "sh", "powershell") and (found := unprompt(code)):
        told, code = found
        lang = lang if (lang, told) == ("sh", "bash") else told
        changed = "prompts"
    if lang != "python":
        return Runnable(lang, code, changed)
    if has_magics(code):
        try:
            lang, code = translate(code)
        except Untranslatable as error:
            return Refusal("magic", str(error))
        changed = "magics"
    if lang == "python" and is_python2(code):
        return Refusal("python2")
    return Runnable(lang, code, changed)


_CELL = re.compile(
    r"^(?:%%?(?:pip|conda|time|timeit|capture|matplotlib|load_ext|reload_ext|autoreload|cd|env|run"
    r"|writefile|bash|sh)\b|!(?:pip3?|python3?|apt|apt-get|git|ls|cd|wget|curl|cat|mkdir|npm|conda|rm|cp"
    r"|mv|unzip|tar|echo|uv|bash|sh|sudo|nvidia-smi|jupyter|head|tail|grep|find|\./)\b)",
    re.MULTILINE,
)


def is_cell(code: str) -> bool:
    """Whether this is a notebook's cell: known magics (``%pip``, ``!ls``), and Python otherwise."""
    if not _CELL.search(code):
        return False
    try:
        lang, text = translate(code)
    except Untranslatable:
        return False
    return lang == "bash" or parses(text) != "no" or looks_like_python2(text)


def unprompt(code: str) -> tuple[str, str] | None:
    """The language and the commands of a transcript; None when the text is not one.

    A transcript is a text whose first line that is neither blank nor a comment opens with a prompt:
    ``$ ``, ``user@host:~$ ``, ``root@host:~# ``, ``PS C:\\> ``, ``>>> ``, ``In [1]: ``. A lone
    ``# `` is a comment. What follows a prompt and the lines that complete it (``... ``, a
    backslash, an open quote or bracket, a here-document, a loop) are kept, and nothing else. Texts
    over 200,000 characters are none: nobody writes them.
    """
    if len(code) > LONGEST:
        return None
    opened = _first(code)
    for prompt, reader in _READERS:
        if prompt.match(opened):
            lang, kept = reader(code.splitlines())
            text = "\n".join(kept).strip("\n")
            return (lang, text + "\n") if text.strip() else None
    return None


def _first(code: str) -> str:
    for line in code[:_LOOKED_AT].splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("# "):
            return line
    return ""


def _python(lines: list[str]) -> tuple[str, list[str]]:
    return "python", _followed(lines, _PYTHON, _PYTHON_MORE)


def _ipython(lines: list[str]) -> tuple[str, list[str]]:
    return "python", _followed(lines, _IPYTHON, _IPYTHON_MORE)


def _followed(lines: list[str], prompt: re.Pattern[str], more: re.Pattern[str]) -> list[str]:
    """Statements of an interpreter, a blank line after each compound one as it was typed."""
    kept: list[str] = []
    inside = False
    for line in lines:
        found = prompt.match(line)
        if found is None and inside:
            found = more.match(line)
        inside = found is not None
        if found:
            kept.append(line[found.end() :])
    return kept


def _shell(lines: list[str]) -> tuple[str, list[str]]:
    return "bash", _commands(lines, _SHELL, "> ", _is_open_shell)


def _powershell(lines: list[str]) -> tuple[str, list[str]]:
    return "powershell", _commands(lines, _POWERSHELL, ">> ", _is_open_powershell)


def _commands(
    lines: list[str], prompt: re.Pattern[str], more: str, is_open: Callable[[str], bool]
) -> list[str]:
    kept: list[str] = []
    at, left = 0, _MOST_OPEN
    while at < len(lines):
        found = prompt.match(lines[at])
        at += 1
        if found is None:
            continue
        command = first = found.string[found.end() :]
        for end in range(at, min(at + _LINES_OPEN, len(lines)) + 1):
            if not is_open(command):
                at = end
                break
            line = lines[end] if end < len(lines) and len(command) <= _LONG and left else None
            if line is None or prompt.match(line):
                command = first  # it never closes: an apostrophe, or the transcript was cut
                break
            stripped = line.lstrip()
            command += "\n" + (stripped[len(more) :] if stripped.startswith(more) else line)
            left -= 1
        else:
            command = first
        kept.append(command)
    return kept


def _is_open_shell(command: str) -> bool:
    """Whether a shell would ask for another line before it does anything."""
    if (len(command) - len(command.rstrip("\\"))) % 2 or command.rstrip().endswith(("|", "&&")):
        return True
    heredoc = _HEREDOC.search(command)
    if heredoc:
        return heredoc[2] not in map(str.strip, command.split("\n")[1:])
    bare = _QUOTED.sub("", command)
    if "'" in bare or '"' in bare:
        return True
    return len(_OPENERS.findall(bare)) > len(_CLOSERS.findall(bare))


def _is_open_powershell(command: str) -> bool:
    if command.endswith("`"):
        return True
    bare = _QUOTED_POWERSHELL.sub("", command)
    if "'" in bare or '"' in bare:
        return True
    return len(re.findall(r"[(\[{]", bare)) > len(re.findall(r"[)\]}]", bare))


_READERS = (
    (_PYTHON, _python),
    (_IPYTHON, _ipython),
    (_POWERSHELL, _powershell),
    (_SHELL, _shell),
)
