"""The imports of a Go file put right, as goimports does.

Prompts of the published set have too few of them, or too many; either is a compiler's error.
"""

import re

_PACKAGE = re.compile(r"^package\s+\w+[ \t]*;?[ \t]*$", re.MULTILINE)
_DECLARATION = re.compile(
    r"^import\s*(?:\(([^)]*)\)|((?:[\w.]+\s+)?\"[^\"\n]*\"))[ \t]*;?[ \t]*(?://.*)?$", re.MULTILINE
)
_SPEC = re.compile(r"(?:([\w.]+)\s+)?\"([^\"\n]*)\"")
_UNCODED = re.compile(
    r"//[^\n]*|/\*.*?\*/|`[^`]*`|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.DOTALL
)
"""Comments and texts."""
_KNOWN = (
    *("bytes", "container/heap", "container/list", "crypto/md5", "encoding/hex", "errors", "fmt"),
    *("math", "math/big", "math/bits", "math/rand", "os", "regexp", "sort", "strconv", "strings"),
    *("time", "unicode", "unicode/utf8"),
)
_BY_NAME = {path.rpartition("/")[2]: path for path in _KNOWN}


def go_file(code: str) -> str:
    """The same program in package main, with the imports that it uses and no others.

    What names a package that it neither imports nor declares is taken for the standard one.
    """
    body = _PACKAGE.sub("", code, count=1)
    specs = [
        (alias, path)
        for block, single in _DECLARATION.findall(body)
        for alias, path in _SPEC.findall(re.sub(r"//.*", "", block or single))
    ]
    body = _DECLARATION.sub("", body)
    bare = _UNCODED.sub(lambda found: _blank(found[0]), body)
    used = dict.fromkeys(re.findall(r"(?<![\w.])([A-Za-z_]\w*)\.[A-Z]", bare))
    kept = {
        alias or path.rpartition("/")[2]: f'import {alias} "{path}"'.replace("  ", " ")
        for alias, path in specs
        if alias in ("_", ".") or (alias or path.rpartition("/")[2]) in used
    }
    for name in used:
        if name not in kept and name in _BY_NAME and not _declared(name, bare):
            kept[name] = f'import "{_BY_NAME[name]}"'
    return "\n".join(["package main", *kept.values(), body])


def _declared(name: str, code: str) -> bool:
    """Whether it is a variable or a parameter somewhere."""
    assigned = rf"\b{name}\b[\w, ]*:?=(?!=)|\bvar\s+{name}\b|[(,]\s*{name}\s+[\w*\[]"
    return bool(re.search(assigned, code))


def _blank(text: str) -> str:
    return "" if text.startswith("/") else '""'
