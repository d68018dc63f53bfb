"""The command line: parses, builds the parts, joins them, and leaves with a true exit code."""

import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING

from assistant.cli.ending import RECEIVED, listen, over
from assistant.cli.parser import parser

if TYPE_CHECKING:
    from assistant.events import AssistantError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (README, "Exit codes")."""
    _hold_streams()
    try:
        code = _main(argv)
        if argv is None:  # This is the whole program.
            over(code)
    except KeyboardInterrupt as interrupt:  # Before, or after, what the command itself hears.
        code = 128 + int(getattr(interrupt, "number", signal.SIGINT))
    return code


def _hold_streams() -> None:
    """A standard stream that was closed before we began (``>&-``) is an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # In order, so that each takes its own free number.
            setattr(sys, name, _nowhere(mode))


def _nowhere(mode: str = "w") -> IO[str]:
    """A stream that is empty, or loses what is written; it lives to the end."""
    return open(os.devnull, mode, encoding="utf-8")


def _main(argv: Sequence[str] | None) -> int:
    options = parser().parse_args(argv)
    listen()
    from assistant.events import AssistantError  # Not before --help has been answered.

    command = getattr(options, "command", None) or "chat"
    try:
        code = _command(command)(options)
    except AssistantError as error:
        code = _complain(error)
    except KeyboardInterrupt as interrupt:
        code = 128 + getattr(interrupt, "number", signal.SIGINT)
    except BrokenPipeError:  # Whoever read our output has left.
        sys.stdout = _nowhere()
        code = 128 + signal.SIGPIPE
    except OSError as error:
        code = (
            _unwritable(error) if error.errno in _FULL and not error.filename else _crashed(error)
        )
    except Exception as error:  # noqa: BLE001 - the outermost door
        code = _crashed(error)
    return 128 + RECEIVED[0] if RECEIVED else code


def _command(name: str) -> Callable[..., int]:
    """The function behind a command; its module is imported only now."""
    module = import_module(f"assistant.cli.{name.replace('-', '_')}_command")
    run: Callable[..., int] = module.run
    return run


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _unwritable(error: OSError) -> int:
    """Our own output cannot be written: a full disk behind a redirection."""
    from assistant.cli.output import say

    sys.stdout = _nowhere()
    say(f"assistant: the output cannot be written: {error.strerror}", error=True)
    return 2


def _crashed(error: Exception) -> int:
    """No traceback on the screen: it may be long, and hold what is secret."""
    import platformdirs  # Only where something went wrong.

    from assistant.cli.crash import EXIT_CODE, crashed
    from assistant.cli.output import say
    from assistant.events import AssistantError
    from assistant.redact import Redactor
    from assistant.settings import load_settings

    try:
        redactor = Redactor(load_settings().secrets)
    except AssistantError:
        redactor = Redactor()
    folder = Path(platformdirs.user_state_dir("assistant"))
    say(f"assistant: {crashed(error, redactor, folder)}", error=True)
    return EXIT_CODE


def _complain(error: "AssistantError") -> int:
    from assistant.cli.output import say  # Only where something went wrong.
    from assistant.redact import Redactor

    say(f"assistant: {Redactor().patterns(str(error))}", error=True)
    return error.exit_code
