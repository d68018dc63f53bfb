"""File names as hostile input: which may be written on the host, and how one is shown."""

import os
import unicodedata

from assistant.events import UsageError

LONGEST_NAME = 200
"""Bytes of one component that may be written."""
LONGEST_PATH = 4096
"""Bytes of a whole path: the system's own limit, so that every other program can open it too."""

_FOLDERS = frozenset(
    {
        *(".git", ".hg", ".svn", ".bzr", ".jj"),
        *(".vscode", ".idea", ".zed", ".fleet", ".cursor", ".claude", ".devcontainer"),
    }
)
"""Of version control, and of editors and agents, who run commands that stand in there."""
_EDITOR_FILES = frozenset(
    {
        ".exrc",
        ".vimrc",
        ".nvimrc",
        ".nvim.lua",
        ".lvimrc",
        ".dir-locals.el",
        ".gdbinit",
        ".lldbinit",
    }
)
_OWN = "assistant.toml"
"""Our settings for a project: one that the user trusts may allow what runs without a sandbox."""
_SHELL_FILES = frozenset(
    {
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".bash_logout",
        ".bash_aliases",
        ".profile",
        ".zshrc",
        ".zshenv",
        ".zprofile",
        ".zlogin",
        ".zlogout",
        ".kshrc",
        ".mkshrc",
        ".cshrc",
        ".tcshrc",
        ".login",
        ".logout",
        ".inputrc",
        ".xinitrc",
        ".xprofile",
        ".xsession",
        ".gitconfig",
        ".gitmodules",
    }
)
_REFUSED = _FOLDERS | _EDITOR_FILES | _SHELL_FILES | {_OWN}
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Co", "Cn"})
"""Unicode categories that a screen hides or obeys: controls, formats (bidi), separators."""


class FileRefused(UsageError):
    """A path that is not read or written, and why; nothing was changed."""


def parts(path: str) -> list[str]:
    """The components of a relative path; raises FileRefused where it could leave its root."""
    components = path.split("/")
    if any(name in ("", ".", "..") or "\0" in name for name in components):
        raise FileRefused(f"{shown(path) or 'an empty name'}: not a plain relative path")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise FileRefused(f"{shown(path)}: not a name that a file system can hold") from error
    return components


def split(path: str) -> tuple[str, str]:
    """The folder of a relative path ("" for the root) and its last name, both checked."""
    *above, name = parts(path)
    return "/".join(above), name


def join(above: str, name: str) -> str:
    """The path of ``name`` in the folder ``above``, "" for the root."""
    return f"{above}/{name}" if above else name


def check_name(path: str) -> list[str]:
    """The components of a path that may be written on the host; else raises FileRefused."""
    components = parts(path)
    if len(os.fsencode(path)) >= LONGEST_PATH:
        raise FileRefused(f"{shown(path[:80])}...: the path is longer than {LONGEST_PATH} bytes")
    for name in components:
        if why := _objection(name):
            raise FileRefused(f"{shown(path)}: {why}")
    return components


def _objection(name: str) -> str:
    if name[0] in "-~":
        return f"a name that starts with {name[0]} can be taken for an option or a home folder"
    if "\\" in name:
        return "a name with a backslash"
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        return "a name with control or invisible characters"
    if len(os.fsencode(name)) > LONGEST_NAME:
        return f"a name longer than {LONGEST_NAME} bytes"
    if folded(name) in _REFUSED:
        return "a file that version control, an editor, a shell or assistant obeys is never written"
    return ""


def folded(name: str) -> str:
    """A name as the most forgiving file system compares it: no case, invisibles or end dots."""
    if name.isascii() and name.isprintable():
        return name.lower().rstrip(" .")
    seen = "".join(c for c in name if unicodedata.category(c) not in _UNSEEN)
    return unicodedata.normalize("NFKC", seen).casefold().rstrip(" .")


def in_git(path: str) -> bool:
    """Whether a path is, or lies in, a ``.git`` of any spelling."""
    if ".g" not in path.casefold() and path.isascii():
        return False
    return any(folded(name) == ".git" for name in path.split("/"))


def shown(name: str) -> str:
    """A name as it can be printed: controls, invisible characters and stray bytes escaped."""
    if name.isascii() and name.isprintable():
        return name
    return "".join(_visible(character) for character in name)


def _visible(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # A byte that was no UTF-8, as os.fsdecode keeps it.
        return f"\\x{code - 0xDC00:02x}"
    if character in "\n\r\t":
        return repr(character)[1:-1]
    if character.isprintable():
        return character
    return f"\\x{code:02x}" if code < 0x80 else f"<U+{code:04X}>"
