"""What the model hears about the blocks of its reply: status first, then output as data."""

import re
from collections.abc import Sequence

from assistant.events import Checked, CodeBlock, ExecResult
from assistant.prompts import prompt
from assistant.transcript import middle_cut

ENDS = 8_000
"""Characters of output that are fed back from each end."""

LONGEST_NAME = 160
"""Characters of a path that are told."""
_PLAIN_NAME = re.compile(r"[\w./+@=#~()\[\]-]+")

_REASONS = {
    "timeout": "stopped: over its time limit",
    "memory": "killed: over its memory limit",
    "output": "killed: too much output",
    "disk": "killed: over its disk limit",
    "files": "killed: too many files",
    "cancelled": "interrupted by the user",
    "declined": "not run: the user declined it",
}
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""What steers a terminal or cannot be seen: tags, joiners, directions, odd line ends."""
_SPECIAL = re.compile(r"<([|｜])([^<>|｜\n]{1,40})([|｜])>")


def results(
    found: Sequence[CodeBlock], ran: Sequence[tuple[CodeBlock, ExecResult]], unsure: int = 0
) -> str:
    """The message about one reply's blocks: each one that ran, those left out, and why."""
    wanted = [block for block in found if block.action != "show"]
    parts = [
        _one(number, len(wanted), block, result)
        for number, (block, result) in enumerate(ran, start=1)
    ]
    if len(ran) < len(wanted):
        parts.append(prompt("blocks_skipped", count=len(wanted) - len(ran), failed=len(ran)))
    if unsure:
        parts.append(prompt("untagged", count=unsure))
    return "\n\n".join(parts)


def verdict(checked: Checked) -> str:
    """The message about a failed check."""
    return prompt(
        "check_failed",
        command=checked.command,
        exit_code=checked.exit_code,
        detail=checked.detail or "it failed",
        notes="".join(f"\n{note}" for note in checked.notes),
        output=fenced(checked.output),
    )


def _one(number: int, of: int, block: CodeBlock, result: ExecResult) -> str:
    status = f"exit {result.exit_code}"
    if result.reason:
        status += f", {_REASONS[result.reason]}"
    name = one_line(block.path or block.lang)
    lines = [f"Block {number} of {of} ({block.action} {name}): {status}"]
    if result.files:
        shown = ", ".join(named(path) for path in result.files[:20])
        more = f" and {len(result.files) - 20} more" if len(result.files) > 20 else ""
        lines.append(f"Files changed: {shown}{more}")
    lines.extend(clean(note) for note in result.notes)
    if result.cut:
        lines.append(f"{result.cut} bytes in the middle of its output were left out.")
    if block.action == "run" or result.output:
        lines.append(fenced(result.output) if result.output.strip() else "It printed nothing.")
    return "\n".join(lines)


def fenced(output: str) -> str:
    """Output as data: cleaned, cut in the middle, in a fence longer than any run inside it."""
    return quoted(middle_cut(clean(output).rstrip("\n"), ENDS), "output")


def quoted(text: str, tag: str = "text") -> str:
    """Text as it is, in a fence longer than any run of backticks inside it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{tag}\n{text}\n{fence}"


def one_line(text: str) -> str:
    """A name as it may stand in a line of ours."""
    return clean(text).replace("\n", "\\n").replace("\t", "\\t")


def named(path: str) -> str:
    """A path as it may stand in a sentence of ours, so that it cannot go on with that: in quotes
    where it could be read as words, and cut where nobody would read it."""
    name = one_line(path)
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 43]}...{name[-40:]}"
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', "'") + '"'


def clean(text: str) -> str:
    """Text without control characters and without anything that imitates a chat template."""
    text = text.replace("\r\n", "\n")
    text = _CONTROL.sub(_escaped, text)
    text = _SPECIAL.sub(r"<\\\1\2\\\3>", text)
    return text.encode("utf-8", "replace").decode("utf-8")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def set_check_of(told: str) -> str | None:
    """The check that ``Chat.set_check`` told the model of, "" for none; None: it told else."""
    if told == prompt("check_unset"):
        return ""
    before, _, after = prompt("check_set", command="\0").partition("\0")
    is_one = told.startswith(before) and told.endswith(after)
    return told[len(before) : len(told) - len(after)] if is_one else None
