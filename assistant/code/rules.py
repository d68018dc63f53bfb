"""What a text says of its own language: prompts, shebangs, first lines, and shapes of only one."""

import json
import re
from functools import cache

from assistant.code.python_text import is_python2, looks_like_python2, parses
from assistant.code.transcripts import is_cell, unprompt
from assistant.languages import TABLE

_VERBS = (
    "Get|Set|New|Remove|Add|Import|Export|Invoke|Write|Read|Start|Stop|Test|Select|Where|ForEach"
    "|Sort|Out|ConvertTo|ConvertFrom|Install|Uninstall|Update|Clear|Copy|Move|Register|Enable"
    "|Disable|Join|Split|Measure|Find|Show|Push|Pop|Enter|Exit|Wait|Resolve|Format|Group|Compare"
    "|Expand|Compress|Save|Publish|Assert|Rename"
)
# The first that is found decides. Each was seen in no other language of some 2,600 snippets.
_RULES = (
    ("php", r"\A<\?php\b"),
    ("xml", r"\A<\?xml\b"),
    ("html", r"(?i)\A<!doctype html\b"),
    ("diff", r"^(?:@@ -\d|diff --git |\+(?![-+]).)|^--- .*\n\+\+\+ "),
    ("text", r"\ATraceback \(most recent call last\)|\A(?:.*\n)?[│├└]"),
    ("text", r"^[| \t]*:?-{3,}:?(?:[ \t]*[|+ ][ \t]*:?-{3,}:?)+[| \t]*$"),
    ("dockerfile", r"\A# ?syntax ?= ?docker/"),
    (
        "powershell",
        rf"^[ \t]*(?:(?:\$\w+ *= *|[Ff]unction +)?(?:{_VERBS})-[A-Z]\w+(?![-:=\w])|\.SYNOPSIS\b)"
        r"|\$PSScriptRoot\b|\$env:\w|\[(?:CmdletBinding|Parameter)\(",
    ),
    ("bash", r"\A(?:#.*\n|\s)*curl[ \t]+(?:--?\w|[\"'$<]|\w[\w.-]*[:/.])"),
)
_SHEBANG = re.compile(r"#!\s*\S*?/?(?:env\s+(?:-S\s+)?)?([A-Za-z]+)[\d.]*(?:\s|$)")
_INTERPRETERS = {"node": "javascript", "zsh": "bash", "pwsh": "powershell", "Rscript": "r"}
_COMMAND = re.compile(r"(?:python3?(?:\.\d+)?|pip3?)[ \t]+[-\w./\"']")


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, re.compile(pattern, re.MULTILINE)) for name, pattern in _RULES)


def ruled(text: str, *, whole: bool = True) -> str | None:
    """The language of a stripped text by the rules alone; None where they say nothing.

    ``whole`` is False for the sample of a longer text.
    """
    if text.startswith("#!") and (found := _SHEBANG.match(text)):
        told = _INTERPRETERS.get(found[1], found[1])
        if told in TABLE:
            return told
    if transcript := unprompt(text):
        lang, kept = transcript
        if lang != "python" or parses(kept) != "no" or is_python2(kept) or is_cell(kept):
            return lang
    for lang, pattern in _patterns():
        if pattern.search(text):
            return lang
    if text[0] in "{[" and whole and _is_json(text):
        return "json"
    if _is_commands(text):
        return "sh"
    if _is_yaml(text):
        return "yaml"
    return "python" if is_cell(text) or looks_like_python2(text) else None


def _is_json(text: str) -> bool:
    try:
        return bool(json.loads(text))
    except (ValueError, RecursionError):
        return False


def _is_commands(text: str) -> bool:
    """Whether every line that is no comment calls pip or python."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return bool(lines) and all(map(_COMMAND.match, lines)) and parses(text) != "yes"


_NAME = r"(?:\"[^\"\n]+\"|'[^'\n]+'|[A-Za-z_$][\w./-]*)"
_KEY = re.compile(rf"{_NAME}:(?:[ \t].*)?|-(?: .*)?|#.*|\.\.\.|\{{\{{.*")
_NESTED = re.compile(
    rf"^[ -]*+{_NAME}: *(?:#.*|[|>][+-]?)?\n(?: *+\n)*(?: +(?:- )?[\w\"]|- )", re.MULTILINE
)
_SCALAR = re.compile(r"^( *+)\S[^\n]*: *[|>][+-]?\n(?:(?:\1 +[^\n]*)?\n)*", re.MULTILINE)
_CODE = re.compile(r"[;{(,]$|^ *[}\])]|\n\t", re.MULTILINE)


def _is_yaml(text: str) -> bool:
    """Whether keys stand at the left edge, one over others, and nothing looks like code."""
    if not _NESTED.search(text) or _CODE.search(_SCALAR.sub("", f"{text}\n")):
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    left = min(len(line) - len(line.lstrip(" ")) for line in lines)
    edge = [line[left:] for line in lines if line[left] != " "]
    return all(map(_KEY.fullmatch, edge)) and parses(text) != "yes"
