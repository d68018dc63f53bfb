"""Edit blocks: read what a model wants changed, strictly, and change a text by it.

Two forms: search/replace sections and unified diffs, each for one file or several.
"""

import re
from dataclasses import replace

from assistant.code.changes import Applied, Edit, EditError, EditFault, Hunk, Note
from assistant.code.patching import apply_edit
from assistant.code.search_replace import SEARCH, parse_sections
from assistant.code.unified import parse_diff

__all__ = [
    "Applied",
    "Edit",
    "EditError",
    "EditFault",
    "Hunk",
    "Note",
    "apply_edit",
    "named_edits",
    "parse_edit",
    "parse_edits",
]

_DIFF = re.compile(r"@@|diff |--- |\+\+\+ |Index: ")
_SECTION = re.compile(r"<{5,}|={5,}\s*\Z|>{5,}")


def parse_edits(code: str) -> tuple[Edit, ...]:
    """The edits of a block, one for each file that it names, in order.

    Raises EditError (fault "malformed") with the line and the reason.
    """
    lines = code.replace("\r\n", "\n").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if line.rstrip() == SEARCH:
            return tuple(parse_sections(lines))
        if _DIFF.match(line):
            return tuple(parse_diff(lines))
        if _SECTION.match(line):
            raise EditError("malformed", f"expected {SEARCH}, found: {line[:60]}", number)
    raise EditError("malformed", f"neither a section ({SEARCH}) nor a diff (@@ ... @@) is here", 1)


def parse_edit(code: str) -> Edit:
    """The edit of a block that changes one file; several are an EditError."""
    edits = parse_edits(code)
    if len(edits) != 1:
        names = ", ".join(edit.path or "(no name)" for edit in edits[:5])
        raise EditError("malformed", f"it changes {len(edits)} files: {names}", 1)
    return edits[0]


def named_edits(code: str, path: str | None) -> tuple[Edit, ...]:
    """The edits of a block whose fence line names ``path``, each with its file's name.

    For one file the fence line's name is the one that counts; in a block for several each has its
    own. A file that neither names is an EditError. A later edit of a file finds it as left by the
    earlier ones.
    """
    edits = parse_edits(code)
    if path and len(edits) == 1:
        return (replace(edits[0], path=path),)
    named = tuple(replace(edit, path=edit.path or path) for edit in edits)
    for edit in named:
        if not edit.path:
            line = edit.hunks[0].line if edit.hunks else 1
            raise EditError("malformed", "no file is named", line)
    return named
