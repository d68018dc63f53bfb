"""The info string of a fence: its language tag and its attributes."""

import re
from collections.abc import Mapping
from typing import NamedTuple

LONGEST = 2000
"""Characters of an info string that are looked at."""

_TAG = re.compile(r"[^\s,;{}=\"']*")
_WORD = re.compile(
    r"""([\w.:/@~+#-]+)[ \t]*=[ \t]*(?:"([^"]*)"|'([^']*)'|([^\s,}]+))"""
    r"""|"([^"]*)"|'([^']*)'|([^\s,{}]+)"""
)
_DIRECTIVES = ("code", "code-block", "code-cell", "sourcecode")


class Info(NamedTuple):
    """``text`` is the whole string; ``lang`` its tag as written, "" for none.

    ``attributes`` maps the names of ``name=value`` pairs, in lower case, to their values, and every
    other word, as written, to "". What follows a colon in the tag (``python:src/app.py``) is the
    attribute ``path``.
    """

    text: str
    lang: str
    attributes: Mapping[str, str]


def parse_info(text: str) -> Info:
    """Read an info string in any of the ways that writers use: ``python title="x.py"``,
    ``rust,no_run``, ``{r, echo=FALSE}``, ``{.python .numbered}``, ``js{1,3}``, ``c++``."""
    text = text.strip()
    if not text or text.isalnum():
        return Info(text, text, {})
    head = text[:LONGEST]
    braced = head.startswith("{")
    if braced:
        head = head.lstrip("{= \t")
        directive, _, after = head.partition("}")
        if directive.strip() in _DIRECTIVES:
            head = after.strip()
        elif head.startswith("."):
            head = head[1:]
    found = _TAG.match(head)
    lang = found.group() if found else ""
    rest = head[len(lang) :]
    if rest.lstrip(" \t").startswith("="):  # the first word names an attribute
        lang, rest = "", head
    tag, colon, path = lang.partition(":")
    attributes = {}
    if colon and tag and path and not tag.isdigit() and not path.startswith("/"):
        lang, attributes = tag, {"path": path}
    for name, double, single, bare, *words in _WORD.findall(rest):
        if name:
            attributes[name.lower()] = double or single or bare
        elif word := "".join(words):
            attributes.setdefault(word.lstrip(".") if braced else word, "")
    return Info(text, lang, attributes)
