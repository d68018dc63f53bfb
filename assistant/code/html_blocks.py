"""What begins an HTML block and what ends it, by CommonMark 0.31, section 4.6.

Text in such a block is no fence: in a comment the reader does not even see it.
"""

import re

_ELEMENTS = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|"
    "dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|"
    "head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|"
    "p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul"
)
_ATTRIBUTE = (
    r"[ \t]++[A-Za-z_:][\w.:-]*+"
    r"(?:[ \t]*+=[ \t]*+(?:[^\s\"'=<>`]++|'[^']*+'|\"[^\"]*+\"))?+"
)

_STARTS = (
    (r"<(?:script|pre|textarea|style)(?:[ \t>]|\Z)", r"</(?:script|pre|textarea|style)>"),
    (r"<!--", r"-->"),
    (r"<\?", r"\?>"),
    (r"<![A-Za-z]", r">"),
    (r"<!\[CDATA\[", r"\]\]>"),
    (rf"</?(?:{_ELEMENTS})(?:[ \t]|/?>|\Z)", r""),
)
_ANY_TAG = re.compile(
    rf"(?:<[A-Za-z][A-Za-z0-9-]*+(?:{_ATTRIBUTE})*+[ \t]*+/?>|"
    r"</[A-Za-z][A-Za-z0-9-]*+[ \t]*+>)[ \t]*+\Z"
)

BLANK = re.compile(r"[ \t]*+\Z")
"""A blank line ends an HTML block that has no mark of its own for its end."""

_KINDS = tuple(
    (re.compile(start, re.IGNORECASE), re.compile(end, re.IGNORECASE) if end else BLANK)
    for start, end in _STARTS
)


def html_end(line: str, at: int, *, in_paragraph: bool) -> re.Pattern[str] | None:
    """What will end the HTML block that begins at ``at``; None where none begins."""
    for start, end in _KINDS:
        if start.match(line, at):
            return end
    return BLANK if not in_paragraph and _ANY_TAG.match(line, at) else None
