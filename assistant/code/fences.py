"""Fenced code in a text: of a reply that still comes, or of a whole one (``extract_code``)."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from assistant.code.scanner import Fence, FenceScanner

__all__ = [
    "CODE_BLOCK_PATTERN",
    "UNKNOWN",
    "Fence",
    "FenceScanner",
    "content_str",
    "extract_code",
    "fences",
]

UNKNOWN = "unknown"

CODE_BLOCK_PATTERN = r"```[ \t]*(\w+)?[ \t]*\r?\n(.*?)\r?\n[ \t]*```"
"""Stands for "fences as CommonMark has them": this very pattern is never run."""

Message = str | Sequence[Mapping[str, object]] | None

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TICKS = re.compile(r"`++")


def fences(text: str) -> list[Fence]:
    """All fences of a whole text, one that its end cut off included."""
    scanner = FenceScanner()
    return scanner.feed(text) + scanner.close()


def content_str(content: Message) -> str:
    """A message's content as one text: parts are joined, an image is ``<image>``, None is ""."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        raise TypeError(f"content must be None, a str or a list of parts, not {type(content)}")
    return "".join(_part(part) for part in content)


def _part(part: object) -> str:
    if not isinstance(part, Mapping):
        raise TypeError(f"each part of a message must be a dict, not {type(part)}")
    kind = part.get("type")
    if kind == "text":
        return str(part.get("text", ""))
    if kind in ("image_url", "image"):
        return "<image>"
    raise ValueError(f"Wrong content format: unknown type of message part {kind!r}")


def extract_code(
    text: Message,
    pattern: str = CODE_BLOCK_PATTERN,
    detect_single_line_code: bool = False,
) -> list[tuple[str, str]]:
    """The (language, code) pairs of a text, in order; ``[("unknown", text)]`` when there are none.

    The language is the fence's tag as written, "" for none. Fences with nothing but blanks in them
    are left out. Another ``pattern`` is run as a regular expression (DOTALL) and its matches are
    returned as ``re.findall`` gives them. With ``detect_single_line_code`` (the pattern is not
    used) inline code comes too, as ("", code); all code is stripped then, and no match is [].
    """
    whole = content_str(text)
    if detect_single_line_code:
        return _with_inline(whole)
    if pattern != CODE_BLOCK_PATTERN:
        return re.findall(pattern, whole, flags=re.DOTALL) or [(UNKNOWN, whole)]
    found = [(fence.lang, fence.code) for fence in fences(whole) if not _is_blank(fence.code)]
    return found or [(UNKNOWN, whole)]


def _is_blank(code: str) -> bool:
    return not code or code.isspace()


def _with_inline(text: str) -> list[tuple[str, str]]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found, at = [], 0
    for fence in fences(text):
        found += _inline(lines[at : fence.line - 1])
        if not _is_blank(fence.code):
            found.append((fence.lang, fence.code.strip()))
        at = fence.end
    return found + _inline(lines[at:])


def _inline(lines: Iterable[str]) -> list[tuple[str, str]]:
    prose = _COMMENT.sub("", "\n".join(lines))
    spans = (span for part in re.split(r"\n[ \t]*\n", prose) for span in _spans(part))
    return [("", code) for span in spans if (code := " ".join(span.split("\n")).strip())]


def _spans(text: str) -> Iterable[str]:
    """Code spans by CommonMark (section 6.1): a run of backticks up to the next one as long."""
    runs = [found.span() for found in _TICKS.finditer(text)]
    by_size: dict[int, list[int]] = defaultdict(list)
    for start, end in runs:
        by_size[end - start].append(start)
    at = 0
    for start, end in runs:
        if start < at:
            continue
        slashes = len(text[:start]) - len(text[:start].rstrip("\\"))
        size = end - start - slashes % 2
        starts = by_size[size]
        closing = bisect_right(starts, start)
        if size and closing < len(starts):
            yield text[end : starts[closing]]
            at = starts[closing] + size
