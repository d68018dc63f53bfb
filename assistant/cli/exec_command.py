"""``assistant exec FILE|-``: run code in the sandbox, with the code's own exit code."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from assistant.cli.sandboxes import open_once
from assistant.cli.setup import read_setup
from assistant.events import AssistantError, CodeBlock, ExecResult, Notice, Output, UsageError
from assistant.following import followed, unheard
from assistant.languages import TABLE, find
from assistant.meaning import meant
from assistant.terminal.sanitize import visible

FAULT_OF_OURS = 125
_REASONS = {"timeout": 124, "memory": 137, "cancelled": 130}
_FAILED = 1
LARGEST = 5_000_000


def run(options: argparse.Namespace) -> int:
    try:
        block, refused = meant(_block(options))
        if refused:
            raise UsageError(refused.output.strip())
        with open_once(read_setup(options)) as sandbox:
            shown = unheard if options.json else _show
            result: ExecResult = followed(sandbox.run(block, options.timeout), shown)
    except AssistantError as error:
        error.exit_code = FAULT_OF_OURS
        raise
    if options.json:
        print(json.dumps(_told(result)))
    else:
        for line in _why(result, options.timeout):
            print(f"assistant: {visible(line)}", file=sys.stderr)
    if result.reason:
        return _REASONS.get(result.reason, result.exit_code or _FAILED)
    return result.exit_code


def _why(result: ExecResult, seconds: float) -> Iterator[str]:
    """What ended the code, where that was not itself, and what its notes say."""
    if result.reason:
        limit = f" after {seconds:g} s" if result.reason == "timeout" else ""
        yield f"stopped at a limit: {result.reason}{limit}"
    yield from result.notes


def _block(options: argparse.Namespace) -> CodeBlock:
    code = _read(options.file)
    if options.lang:
        language = find(options.lang)
    else:
        from assistant.code.infer import infer_lang  # late: heavy
        from assistant.code.paths import language_of

        named = language_of(options.file) if options.file != "-" else None
        language = named or find(infer_lang(code))
    if language is None or not language.runs:
        runs = ", ".join(name for name, row in TABLE.items() if row.runs)
        asked = options.lang or (language.name if language else "unknown")
        raise UsageError(
            f"{options.file}: its language ({asked}) cannot be run", f"Say which: --lang {runs}"
        )
    return CodeBlock(language.name, code)


def _read(file: str) -> str:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(file).open("rb") as source:
                data = source.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UsageError(
                f"{file} is larger than {LARGEST} bytes",
                "Programs are: put data into files beside it.",
            )
        return data.decode("utf-8")
    except OSError as error:
        remedy = "Code itself goes in by standard input: echo 'CODE' | assistant exec -"
        raise UsageError(f"cannot read {file}: {error.strerror}", remedy) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not text in UTF-8: {error}") from error


def _show(event: Output | Notice) -> None:
    """Output as it comes; made safe where it goes to a terminal, exact in a pipe."""
    if isinstance(event, Output):
        text = visible(event.text) if sys.stdout.isatty() else event.text
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()


def _told(result: ExecResult) -> dict[str, object]:
    return {
        "exit_code": result.exit_code,
        "reason": result.reason,
        "output": result.output,
        "seconds": round(result.seconds, 3),
        "cut": result.cut,
        "notes": list(result.notes),
        "image": result.image,
    }
