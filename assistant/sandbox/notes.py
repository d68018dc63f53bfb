"""The sentences beside a result: that state was lost, what is missing, how to get it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from assistant.events import CodeBlock
from assistant.prompts import prompt
from assistant.sandbox.names import shown
from assistant.sandbox.protocol import Caps
from assistant.sandbox.questions import Done

# Import names that differ from the name of the package that has them.
_PACKAGES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "OpenSSL": "pyopenssl",
    "pptx": "python-pptx",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
# Commands, and the Debian packages that have them.
_APT = {
    "bzip2": "bzip2",
    "cargo": "cargo",
    "clang": "clang",
    "cmake": "cmake",
    "convert": "imagemagick",
    "curl": "curl",
    "dig": "bind9-dnsutils",
    "dot": "graphviz",
    "ffmpeg": "ffmpeg",
    "file": "file",
    "g++": "g++",
    "gcc": "gcc",
    "git": "git",
    "go": "golang-go",
    "java": "default-jdk-headless",
    "javac": "default-jdk-headless",
    "jq": "jq",
    "less": "less",
    "lua": "lua5.4",
    "make": "make",
    "nano": "nano",
    "node": "nodejs",
    "nc": "netcat-openbsd",
    "php": "php-cli",
    "pdflatex": "texlive-latex-base",
    "pip": "python3-pip",
    "pip3": "python3-pip",
    "ping": "iputils-ping",
    "ps": "procps",
    "rg": "ripgrep",
    "Rscript": "r-base-core",
    "ruby": "ruby",
    "rustc": "rustc",
    "sqlite3": "sqlite3",
    "tmux": "tmux",
    "tree": "tree",
    "unzip": "unzip",
    "vi": "vim-tiny",
    "vim": "vim-tiny",
    "wget": "wget",
    "xxd": "xxd",
    "zip": "zip",
}
_MOST = 1 << 53
"""What anything can be counted up to."""
_NOT_IN_DEBIAN = {"tsx": "node with tsx", "pwsh": "PowerShell", "bun": "bun", "deno": "deno"}
_MODULE = re.compile(
    r"^ModuleNotFoundError: No module named '([A-Za-z_][A-Za-z0-9_.]{0,60})'", re.M
)
_COMMAND = re.compile(
    r"(?:^|[:\s])([A-Za-z0-9][A-Za-z0-9_+.-]{0,40}): (?:command )?not found$", re.M
)

# Limits of which the kernel tells none but the program: what programs and languages say then.
_REFUSED = {
    "disk": re.compile(
        r"^OSError: \[Errno 27\] |\berror (?:writing|copying) .*: File too large$"
        r"|\bFile size limit exceeded|\bEFBIG\b",
        re.M,
    ),
    "open_files": re.compile(r"^OSError: \[Errno 24\] |: Too many open files$|\bEMFILE\b", re.M),
}


def notes(
    block: CodeBlock, done: Done, *, pip: bool = False, limited: bool = False
) -> tuple[str, ...]:
    """Sentences about one result. Names in them come from hostile code and are shown as such.
    ``pip``: packages can be installed; ``limited``: the limits of the code are in force."""
    said = [text for note in done.notes if (text := _sentence(note, done))]
    if done.exit_code and done.reason is None:
        tail = done.output[-8000:]
        if limited:
            said.extend(_limit(what) for what, words in _REFUSED.items() if words.search(tail))
        said.extend(_remedies(block, tail, pip))
    return tuple(dict.fromkeys(said))


def _remedies(block: CodeBlock, tail: str, pip: bool) -> Iterable[str]:
    if found := _MODULE.findall(tail):
        module = found[-1].split(".")[0]
        name = "note_missing_module_pip" if pip else "note_missing_module"
        yield prompt(name, module=module, package=_PACKAGES.get(module, module))
    elif block.lang != "python" and (found := _COMMAND.findall(tail)):
        yield _missing(found[-1])


def _missing(command: str) -> str:
    name = command.rpartition("/")[2]
    if name in _NOT_IN_DEBIAN:
        return prompt("note_missing_language", command=shown(name), what=_NOT_IN_DEBIAN[name])
    if name not in _APT:
        return prompt("note_unknown_command", command=shown(name))
    return prompt("note_missing_command", command=shown(name), package=_APT[name])


def _sentence(note: Mapping[str, Any], done: Done) -> str:
    kind = note.get("note")
    if kind == "missing":
        return _missing(_text(note.get("command")))
    if kind == "lost":
        what = _text(note.get("what"))
        return prompt(f"note_lost_{what}") if what in ("python", "shell", "all") else ""
    if kind == "shell":
        return prompt("note_shell_ended" if note.get("kept") == "all" else "note_shell_killed")
    if kind == "limit":
        what = _text(note.get("what"))
        return _limit(what) if what in ("processes", "tmp") else ""
    if kind == "interrupted":
        return prompt("note_interrupted", seconds=f"{done.seconds:.1f}")
    if kind == "plain":
        return prompt("note_no_bash")
    if kind == "unheard":
        return prompt("note_unheard", count=_count(note.get("bytes")))
    if kind == "reloaded":
        names = ", ".join(_text(name) for name in _list(note.get("names"))[:10])
        return prompt("note_reloaded", names=names)
    return _background(note) if kind == "background" else ""


def _limit(what: str) -> str:
    return prompt(f"note_limit_{what}")


def _background(note: Mapping[str, Any]) -> str:
    rows = [row for row in _list(note.get("names"))[:5] if isinstance(row, list) and len(row) == 2]
    names = ", ".join(f"{_quoted(name)} (pid {_count(pid)})" for pid, name in rows)
    count = _count(note.get("count"))
    more = f" and {count - len(rows)} more" if count > len(rows) else ""
    return prompt("note_background", names=names + more)


def left_out(told: Mapping[str, Any], caps: Caps) -> tuple[str, ...]:
    """Sentences about what a pull did not bring."""
    names: dict[str, list[str]] = {}
    for row in _list(told.get("names"))[:20]:
        if isinstance(row, list) and len(row) == 2:
            names.setdefault(_text(row[1]), []).append(_text(row[0]))
    counts = told.get("out")
    said = []
    for why, count in counts.items() if isinstance(counts, dict) else ():
        if why in ("size", "count", "special", "unread", "name"):
            listed = ", ".join(names.get(why, [])[:5])
            size = f"{caps.largest >> 20} MiB each, {caps.bytes >> 20} MiB together"
            values = {"count": _count(count), "names": listed, "size": size, "most": caps.count}
            said.append(prompt(f"note_left_out_{why}", **values))
    return tuple(said)


def _text(value: object) -> str:
    return shown(value)[:120] if isinstance(value, str) else ""


def _quoted(value: object) -> str:
    """Words of a program's own, which could be read as ours."""
    return '"' + _text(value).replace('"', "'") + '"'


def _count(value: object) -> int:
    return value if type(value) is int and 0 <= value <= _MOST else 0


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
