"""What events are called on the screen: short lines about blocks, results, money and endings."""

from collections.abc import Iterable
from decimal import Decimal
from math import isfinite

from assistant.events import Checked, CodeBlock, ExecResult, Replied, Usage
from assistant.terminal.pictures import named
from assistant.terminal.sanitize import one_line

BETWEEN = " · "
_REASONS = {
    "timeout": "stopped at its time limit",
    "memory": "killed: out of memory",
    "output": "killed: too much output",
    "disk": "killed: disk full",
    "files": "killed: too many files",
    "cancelled": "stopped by you",
    "declined": "not run: you declined",
}
_FINISHES = {
    "length": "the reply was cut at its length limit; nothing of it runs",
    "broken": "the reply broke off; nothing of it runs",
    "interrupted": "you stopped the reply; what came of it is kept, nothing of it runs",
    "refused": "the model refused",
    "filtered": "the reply was withheld by the provider's content filter",
}
_SHOWN_FILES = 8


def count(number: int, noun: str) -> str:
    """``1 reply``, ``2,000 tokens``; ``noun`` is the singular."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def size(number: int) -> str:
    """Bytes, as people read them."""
    kilobytes = max(1, round(number / 1000))
    return f"{kilobytes} kB" if kilobytes < 1000 else f"{kilobytes / 1000:.1f} MB"


def money(amount: Decimal | None) -> str:
    """Dollars, to the hundredth of a cent below one dollar; an unknown price is never 0."""
    if amount is None:
        return "cost unknown"
    if amount <= 0:
        return "$0"
    return f"${amount:.2f}" if amount >= 1 else f"${max(amount, Decimal('0.0001')):.4f}"


def seconds(amount: float) -> str:
    if amount < 60:
        return f"{amount:.1f} s"
    if not isfinite(amount):
        return "? s"
    return f"{int(amount // 60)} min {int(amount % 60)} s"


def joined(parts: Iterable[str]) -> str:
    return BETWEEN.join(part for part in parts if part)


def usage(used: Usage, took: float) -> str:
    """What one reply used; empty where nothing was counted."""
    if not used.total:
        return ""
    about = "about " if used.estimated else ""
    cached = f" ({used.cached:,} cached)" if used.cached else ""
    thought = f" ({used.reasoning:,} reasoning)" if used.reasoning else ""
    parts = (
        f"{about}{used.prompt:,} tokens in{cached}",
        f"{used.completion:,} out{thought}",
        money(used.cost),
        seconds(took) if took else "",
    )
    return joined(parts)


def code_lines(code: str) -> list[str]:
    """The lines of a block, as they are counted and shown; a line end at its end begins none."""
    return code.removesuffix("\n").split("\n")


def doing(block: CodeBlock) -> str:
    """What is about to be done with a block."""
    name = one_line(block.path or "")
    size = count(len(code_lines(block.code)), "line")
    if block.action == "save":
        return f"saving {name} ({size})"
    if block.action == "edit":
        return f"editing {name}"
    what = f"{name} ({one_line(block.lang)})" if name else one_line(block.lang)
    return f"running {what}, {size}"


def done(block: CodeBlock, result: ExecResult) -> str:
    """What became of a block."""
    if block.action != "run" and result.ok:
        name = one_line(block.path or "")
        return f"saved {name}" if block.action == "save" else f"edited {name}"
    reason = _REASONS.get(result.reason or "", "")
    status = reason if result.reason == "declined" else joined([f"exit {result.exit_code}", reason])
    took = seconds(result.seconds) if result.seconds else ""
    files = f"files: {_sized(result)}" if result.files else ""
    return joined((status, took, files))


def _sized(result: ExecResult) -> str:
    """The names of a block's files with their sizes, pictures marked; without sizes names alone."""
    if len(result.sizes) != len(result.files):
        return names(result.files)
    pictures, told = set(named(result.files)), []
    for name, number in zip(result.files, result.sizes, strict=True):
        more = [] if number < 0 else [count(number, "byte") if number < 1000 else size(number)]
        more += ["picture"] if name in pictures else []
        told.append(f"{name} ({', '.join(more)})" if number >= 0 else name)
    return names(told)


def names(files: Iterable[str]) -> str:
    """File names, the first few in full."""
    listed = [one_line(name) for name in files]
    more = f" and {len(listed) - _SHOWN_FILES} more" if len(listed) > _SHOWN_FILES else ""
    return ", ".join(listed[:_SHOWN_FILES]) + more


def verdict(checked: Checked) -> str:
    passed = "check passed" if checked.passed else "check failed"
    took = seconds(checked.seconds) if checked.seconds else ""
    told = f"exit status {checked.exit_code}" in checked.detail
    status = "" if told else f"exit {checked.exit_code}"
    return joined((passed, one_line(checked.detail), status, took))


def finish(reply: Replied) -> str:
    """Why a reply ended early; empty where it did not."""
    reason = _FINISHES.get(reply.finish, "")
    told = reply.detail and reply.finish != "interrupted"  # There the reason says it all.
    return f"{reason}: {one_line(reply.detail)}" if reason and told else reason
