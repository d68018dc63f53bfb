"""The files that a user names to be improved: where they are, and why one may not be changed."""

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.code.encodings import Decoded, NotText, decoded
from assistant.code.functions import NoFunction, find_function
from assistant.events import UsageError
from assistant.sandbox.protect import guarded
from assistant.sandbox.safe_files import FileRefused, Root, check_name, shown

LARGEST = 1 << 20
"""Bytes of a file that can be improved."""

Ask = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Targets:
    """Files of one folder, as paths in it, and for each of those that cannot be written why."""

    folder: Path
    files: tuple[str, ...]
    unwritable: tuple[str, ...] = ()


def locate(names: Sequence[str], folder: str = "", ask: Ask | None = None) -> Targets:
    """The files that ``names`` mean, in ``folder``, else in the working folder where all are in it,
    else in the nearest folder that holds them all.

    Of a symbolic link the target is meant, if the user says so when asked; nobody to ask is a no.
    Raises UsageError for what is missing, no regular file, larger than LARGEST, or no text.
    """
    paths = [_real(name, ask) for name in names]
    if len(set(paths)) < len(paths):
        raise UsageError("a file is named twice", "Name each file once.")
    root = _folder(paths, folder)
    files = tuple(path.relative_to(root).as_posix() for path in paths)
    unwritable = []
    with _opened(root) as opened:
        for file in files:
            unwritable += _looked_at(opened, file)
    return Targets(root, files, tuple(unwritable))


def text(targets: Targets, file: str) -> Decoded:
    """A file's text. Raises UsageError."""
    with _opened(targets.folder) as root:
        return _text(root, file)


def suitable(targets: Targets, function: str, allow_tests: bool) -> None:
    """Raise UsageError where the files cannot be changed as the user asks."""
    if function and len(targets.files) > 1:
        raise UsageError("--function goes with one file", "Name the file that has it.")
    if function:
        file = targets.files[0]
        if not file.endswith((".py", ".pyi")):
            raise UsageError(
                f"{shown(file)}: --function finds functions of Python files only",
                "Leave it out, and name the function in the objective.",
            )
        try:
            find_function(text(targets, file).text, function)
        except NoFunction as error:
            raise UsageError(f"{shown(file)}: {error}") from error
    tests = [file for file in targets.files if guarded(file)]
    if tests and not allow_tests:
        raise UsageError(
            f"{shown(tests[0])} is a test, or steers tests: a check is held against the user's own",
            "If it shall change: --allow-test-changes",
        )


def _real(name: str, ask: Ask | None) -> Path:
    """Where a named file really is."""
    path = Path(name)
    try:
        there = path.lstat()
        real = path.parent.resolve(strict=True) / path.name
        if stat.S_ISLNK(there.st_mode):
            real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "a link that leads nowhere"
        raise UsageError(f"cannot read {shown(name)}: {why}") from error
    if not stat.S_ISLNK(there.st_mode):
        return real
    if ask is None or not ask(f"{shown(name)} is a link to {shown(str(real))}. Change that file?"):
        raise UsageError(
            f"{shown(name)} is a symbolic link to {shown(str(real))}",
            f"Name the file itself: {shown(str(real))}",
        )
    return real


def _folder(paths: Sequence[Path], folder: str) -> Path:
    if folder:
        root = Path(folder).resolve()
        for path in paths:
            if root not in path.parents:
                raise UsageError(f"{shown(str(path))} is not in {shown(str(root))}")
        return root
    here = Path(os.getcwd()).resolve()
    if all(here in path.parents for path in paths):
        return here
    return Path(os.path.commonpath([path.parent for path in paths]))


def _opened(folder: Path) -> Root:
    try:
        return Root(folder)
    except OSError as error:
        raise UsageError(f"cannot open {shown(str(folder))}: {error.strerror}") from error


def _looked_at(root: Root, file: str) -> list[str]:
    """Why a file that can be read cannot be written, if so. Raises UsageError where it cannot be
    improved at all."""
    try:
        check_name(file)
    except FileRefused as error:
        raise UsageError(error.message, error.remedy) from error
    _text(root, file)
    there = root.stat(file)
    if there and there.st_nlink > 1:
        return [f"{shown(file)} has other hard links, which would be left behind"]
    if there and not there.st_mode & 0o200:
        return [f"{shown(file)} is read-only"]
    return []


def _text(root: Root, file: str) -> Decoded:
    try:
        return decoded(root.read(file, LARGEST))
    except OSError as error:
        raise UsageError(f"cannot read {shown(file)}: {error.strerror}") from error
    except FileRefused as error:
        raise UsageError(error.message, "Only regular files up to 1 MiB are improved.") from error
    except NotText as error:
        raise UsageError(f"{shown(file)} cannot be improved: {error}") from error
