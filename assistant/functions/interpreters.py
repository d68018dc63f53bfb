"""The command that runs a file: by AutoGen's names of languages, and by ours."""

import shlex

from assistant.languages import find

_SHELLS = {"bash": "bash", "sh": "sh", "shell": "sh", "zsh": "bash"}
_POWERSHELL = ("ps1", "pwsh", "powershell")


def extension(lang: str) -> str:
    """Of a file that gets its name from us: ``py`` for all Pythons, else the language itself."""
    return "py" if lang.lower().startswith("python") else lang


def script(lang: str, file: str, python: str = "") -> str:
    """Shell code that becomes the program in ``file``; ``python`` is a particular interpreter.

    ``python`` and ``py`` are Python, ``python3.12`` that very one, ``shell`` is sh; ``ps1``,
    ``pwsh``, ``powershell`` are whichever of the two programs is there; further names are those of
    the table of languages.

    Raises:
        NotImplementedError: nothing here runs that language.
    """
    quoted = shlex.quote(f"./{file}")
    name = lang.lower()
    if name in ("python", "py"):
        if python:
            return f"exec {shlex.quote(python)} {shlex.quote(file)}"
        found = "command -v python >/dev/null 2>&1 || exec python3"
        return f"{found} {shlex.quote(file)}\nexec python {shlex.quote(file)}"
    if name.startswith("python"):
        return f"exec {shlex.quote(lang)} {shlex.quote(file)}"
    if name in _SHELLS:
        return f"exec {_SHELLS[name]} {quoted}"
    if name in _POWERSHELL:
        asked = "command -v powershell >/dev/null 2>&1 && exec powershell"
        return f"{asked} -NoProfile -File {quoted}\nexec pwsh -NoProfile -File {quoted}"
    language = find(lang)
    if language is None or not language.runs:
        raise NotImplementedError(f"no interpreter is known for the language {lang}")
    return _from_table(language.compile, language.command, quoted)


def _from_table(compile: tuple[str, ...], command: tuple[str, ...], quoted: str) -> str:
    words = {"{file}": quoted, "{out}": '"$out"'}
    run = " ".join(words.get(word, word) for word in command)
    if not compile:
        return f"exec {run}"
    build = " ".join(words.get(word, word) for word in compile)
    return f"out=$(mktemp -d)/program\n{build} && exec {run}"
