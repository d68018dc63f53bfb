"""The settings files: where they are, what they say, and on which line."""

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from assistant.events import UsageError

PROJECT_FILE = "assistant.toml"
LARGEST = 1 << 20
"""Bytes of a settings file at most."""


class ConfigFile(NamedTuple):
    """A settings file, read and parsed; absent where ``text`` is None."""

    path: Path
    text: str | None = None
    values: Mapping[str, Any] = MappingProxyType({})

    def error(self, keys: Sequence[str], message: str, remedy: str = "") -> UsageError:
        """An error that names the file and the line on which the key path begins."""
        line = line_of(self.text or "", keys)
        return UsageError(f"{self.path}{f':{line}' if line else ''}: {message}", remedy)


def user_folder() -> Path:
    """The platform's folder for our settings."""
    from platformdirs import user_config_path  # Late: --help must not pay for it.

    return user_config_path("assistant", appauthor=False)


def user_file() -> Path:
    return user_folder() / "config.toml"


def data_folder() -> Path:
    """The platform's folder for our data: sessions and what belongs to them."""
    from platformdirs import user_data_path  # Late, as above.

    return user_data_path("assistant", appauthor=False)


def project_file(folder: Path) -> Path | None:
    """The nearest ``assistant.toml``, from ``folder`` up to the repository's root or home.

    Outside of both only ``folder`` itself counts: whoever can write to a folder further up, such
    as /tmp, could else set our settings.
    """
    home = Path(os.path.expanduser("~")).resolve()
    start = folder.resolve()
    passed: list[Path] = []
    for here in (start, *start.parents):
        passed.append(here)
        if here == home or (here / ".git").exists():
            break
    else:
        passed = [start]
    return next((one / PROJECT_FILE for one in passed if (one / PROJECT_FILE).exists()), None)


def read_config(path: Path) -> ConfigFile:
    """Read a settings file; one that does not exist says nothing.

    Raises:
        UsageError: unreadable, too large, not UTF-8, or no TOML; names the file and the line.
    """
    try:
        data = read_private(path)
    except FileNotFoundError:
        return ConfigFile(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot read the settings in {path}: {why}") from error
    import tomllib  # Late: without a file it is not needed.

    try:
        text = data.decode("utf-8")
        return ConfigFile(path, text, tomllib.loads(text))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8", "Save the file as UTF-8.") from error
    except (ValueError, RecursionError) as error:  # Among them numbers with too many digits.
        found = re.search(r"line (\d+)", str(error))
        place = found[1] if found else text.rstrip().count("\n") + 1
        raise UsageError(
            f"{path}:{place}: not valid TOML: {error}",
            'A setting is a line such as: model = "gpt-5.4-mini"',
        ) from error


def read_private(path: Path, mode: int = 0o777) -> bytes:
    """The bytes of a regular file that nobody has more rights to than ``mode`` says.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, is larger than 1 MiB, or others may read it.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a file")
        if stat.S_IMODE(found.st_mode) & ~mode:
            raise ValueError(f"others have access to it (mode {stat.S_IMODE(found.st_mode):o})")
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError("it is larger than 1 MiB")
    return data


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line on which the key path ``keys`` of a TOML text begins; None if it is not there.

    The parser itself is asked: the path begins on the line before which it is not yet there, and
    with which, or with lines after it, it is.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if keys and keys[-1] in line:
            before = _parsed(lines[: number - 1])
            if before is not None and not _holds(before, keys) and _begins(lines, number, keys):
                return number
    return None


def _begins(lines: list[str], number: int, keys: Sequence[str]) -> bool:
    for end in range(number, min(len(lines), number + 200) + 1):
        parsed = _parsed(lines[:end])
        if parsed is not None:
            return _holds(parsed, keys)
    return False


def _parsed(lines: list[str]) -> Mapping[str, Any] | None:
    import tomllib  # Only when something is wrong.

    try:
        return tomllib.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return None


def _holds(values: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True
