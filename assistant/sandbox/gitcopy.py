"""What of a ``.git`` folder may be shown to code: history and index, no hooks, no credentials."""

import os
import re
import stat

from assistant.sandbox.descent import walk
from assistant.sandbox.safe_files import FileRefused, Root

MOST_FILES = 50_000

_TAKEN = re.compile(
    r"(HEAD|index|packed-refs|shallow|info/exclude|sharedindex\.\w+"
    r"|(refs|objects|reftable)/(?!.*\.lock$)(?!.*/tmp_)(?!info/).*"
    r"|refs|objects|info|reftable)",
    re.DOTALL,
)
_SECTION = re.compile(r"\s*\[\s*([a-zA-Z]+)\s*\]\s*$")
_SETTING = re.compile(r"\s*([a-zA-Z]+)\s*=\s*([a-zA-Z0-9]{1,20})\s*$")
_KEPT = {
    "core": {"repositoryformatversion", "filemode", "ignorecase", "precomposeunicode", "autocrlf"},
    "extensions": {"objectformat", "compatobjectformat", "refstorage"},
}


def git_files(root: Root, largest: int) -> tuple[dict[str, os.stat_result], str]:
    """The files and folders of ``.git`` to copy, or none and why; ("" where there is no ``.git``).

    ``.git/config`` is not among them: it is written anew, see ``safe_config``.
    """
    there = root.stat(".git")
    if there is None:
        return {}, ""
    if not stat.S_ISDIR(there.st_mode):
        return {}, "the history of a linked worktree lies elsewhere"
    if root.stat(".git/objects/info/alternates"):
        return {}, "the history borrows from another repository"
    found = {".git": there}
    try:
        with root.folder(".git") as fd:
            for path, there in walk(fd, lambda path, _: bool(_TAKEN.fullmatch(path)), MOST_FILES):
                kind = stat.S_ISREG(there.st_mode) or stat.S_ISDIR(there.st_mode)
                if kind and _TAKEN.fullmatch(path):
                    found[f".git/{path}"] = there
    except (OSError, FileRefused) as error:
        return {}, f"the history cannot be read: {error}"
    size = sum(there.st_size for there in found.values() if stat.S_ISREG(there.st_mode))
    if size > largest:
        return {}, f"the history is larger than {largest >> 20} MB"
    if ".git/HEAD" not in found:
        return {}, "not a repository: it has no HEAD"
    return found, ""


def safe_config(config: bytes) -> bytes:
    """A config with only the settings that git needs to read the objects: no remotes, no names."""
    lines, section = ["[core]", "\tbare = false"], ""
    for line in config.decode("utf-8", "replace").splitlines():
        if line.lstrip().startswith("["):
            match = _SECTION.match(line)
            section = match[1].lower() if match else ""
        elif (match := _SETTING.match(line)) and match[1].lower() in _KEPT.get(section, ()):
            lines += [f"[{section}]", f"\t{match[1]} = {match[2]}"]
    return ("\n".join(lines) + "\n").encode()
