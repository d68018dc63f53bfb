"""Files as part of a message: the user's own, or else what code has made in the copy."""

import difflib
import mimetypes
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.events import UsageError
from assistant.prompts import prompt
from assistant.terminal.sanitize import one_line

if TYPE_CHECKING:
    from assistant.chat import Chat

LARGEST = 200_000
"""Bytes of a file that may go into a message."""
_MENTION = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|([^\s@"]\S*))')
_NAME = re.compile(r'"([^"\n]+)"|(\S+)')
_TYPES = mimetypes.MimeTypes()
"""Those that are known everywhere: what ends in one of these is meant for a file."""
_NEAR = 500
"""Entries of a folder among which a mistyped name is looked for."""


def file_names(argument: str) -> list[str]:
    """The names in what follows a command; one with blanks in it stands in quotes."""
    return [quoted or plain for quoted, plain in _NAME.findall(argument)]


def file_text(chat: "Chat", name: str) -> str:
    """A file as part of a message. Raises UsageError if it cannot be one."""
    try:
        path = Path(chat.folder or ".", Path(name).expanduser())
        if not path.is_file():
            data = _of_the_copy(chat, name)
            if data is None:
                raise UsageError(f"no such file: {name}", 'Blanks in a name: /add "my file.txt"')
        else:
            with path.open("rb") as file:
                data = file.read(LARGEST + 1)  # Some that say they are empty never end.
            if len(data) > LARGEST:
                size = max(path.stat().st_size, len(data))
                raise UsageError(
                    f"{name} is too large for a message: {size:,} bytes",
                    f"{LARGEST:,} bytes is the most; code in the sandbox can read all of it.",
                )
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(
            f"{name} is no text, and the model can only be given text",
            "Code in the sandbox can read it; pictures: /see",
        ) from None
    except (OSError, ValueError, RuntimeError) as error:  # The last: ~nobody.
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{name} cannot be read: {why}") from error
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    mark = "`" * (longest + 1)
    return prompt("attached_file", path=name, text=f"{mark}text\n{text}\n{mark}")


def mentioned(chat: "Chat", text: str) -> tuple[list[str], list[str]]:
    """The files that a message names with ``@`` as texts, and hints for names that are mistyped.

    What is no file, nor nearly the name of one, is a word like any other. A message may be pasted:
    what lies outside the folder, or may hold keys, is only hinted at.
    """
    folder = Path(chat.folder or ".")
    texts, hints = [], []
    found = _MENTION.findall(text)
    for name in dict.fromkeys(quoted or plain.rstrip(".,;:!?)") for quoted, plain in found):
        path = folder / name
        if _is_file(path) and not _is_open(folder, path):
            why = "it lies outside of this folder, or may hold keys"
            hints.append(f"{one_line(name)} is not sent with it: {why}; /add sends it")
        elif _is_file(path) or _of_the_copy(chat, name) is not None:
            texts.append(file_text(chat, name))
        elif hint := _missing(folder, name):
            hints.append(hint)
    return texts, hints


def _missing(folder: Path, name: str) -> str:
    """What to say of a name that is no file's; nothing where it may well be a word."""
    none = f"there is no file {one_line(name)}, so none goes with it"
    if near := _nearest(folder, name):
        return f"{none} ({near}?)"
    if name.endswith("/") and _is_folder(folder / name):
        return f"{one_line(name)} is a folder, and none of its files goes with it: name them"
    return none if _TYPES.guess_type(name)[0] else ""


def _of_the_copy(chat: "Chat", name: str) -> bytes | None:
    with suppress(UsageError):
        return chat.read(name, LARGEST)
    return None


def _nearest(folder: Path, name: str) -> str:
    """A file whose name is nearly this one, or nothing."""
    above, _, last = name.rpartition("/")
    if "." not in last[1:]:
        return ""
    try:
        names = [entry.name for entry in islice(folder.joinpath(above).iterdir(), _NEAR)]
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(last, names, 1, 0.75)
    return one_line(f"{above}/{near[0]}" if above else near[0]) if near else ""


def _is_open(folder: Path, path: Path) -> bool:
    """Whether a file may go along because its name stands in a message."""
    from assistant.sandbox.importing import may_hold_keys  # late: only such a message needs it

    names = (path.name, path.resolve().name)
    return path.resolve().is_relative_to(folder.resolve()) and not any(map(may_hold_keys, names))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
