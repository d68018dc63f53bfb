"""Edit blocks: read what a model wants changed, strictly, and change a text by it.

Two forms: search/replace sections and unified diffs, each for one file or several.
"""

import re

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
