"""What is left of a bug of ours: a trace in a file, a line on the screen, no traceback."""

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

from assistant.redact import Redactor

EXIT_CODE = 70


def crashed(error: Exception, redactor: Redactor, folder: Path) -> str:
    """Keep the trace in ``folder``; a line that says what happened, and where the trace is."""
    trace = redactor.patterns("".join(traceback.format_exception(error)))
    file = folder / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.log"
    what = redactor.patterns(f"{type(error).__name__}: {error}".splitlines()[0])
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(trace)
    except OSError:
        return f"a fault of this program: {what}"
    return f"a fault of this program: {what} (the trace is in {file})"
