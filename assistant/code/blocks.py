"""What is to be done with each fence of a reply: run it, save it, apply it, or only show it."""

import re

from assistant.code.fences import Fence, fences
from assistant.code.infer import infer_lang
from assistant.code.paths import first_name, is_path, language_of
from assistant.events import Action, CodeBlock
from assistant.languages import Language, find

_NO_RUN = ("no-run", "no_run", "norun")
_EDITS = ("edit", "diff", "patch", "udiff")
_PYTHON_3 = re.compile(r"(?:python|py)3(?:\.\d+)+", re.IGNORECASE)
_FILENAME = re.compile(r"[ \t]*(#|//|--|;|<!--|/\*)[ \t]*filename:[ \t]*(.+)", re.IGNORECASE)
_FIRST_ANYWAY = ("#!", "<?", "<!doctype")
"""First lines that must stay first: the line with the name may come after."""

_MARKS = {"#": "#", "//": "// /*", "--": "--", ";": "; #", "<!--": "<!--", "/*": "/*"}
_COMMENTS = {
    name: tuple(_MARKS[kind].split())
    for kind, names in {
        "#": "python bash sh ruby perl r powershell yaml toml dockerfile makefile",
        "//": "javascript typescript go rust c cpp java csharp kotlin swift",
        "--": "lua sql",
        ";": "ini",
        "<!--": "html xml markdown",
        "/*": "css",
    }.items()
    for name in names.split()
} | {"php": ("#", "//", "/*")}
_COMMENTLESS = ("json", "csv", "text")
"""Here the line with the name is no comment, so it is taken for us and left out of the file."""


def blocks(reply: str) -> list[CodeBlock]:
    """The blocks of a finished reply, in order, each with what is to be done with it.

    A fence that the reply's end left open counts: CommonMark has it so, and a reply that was cut
    never comes here. ``code`` is what stands in the fence, each line ended by LF. Fences with
    nothing in them are left out, unless they are files.
    """
    found = (_block(fence) for fence in fences(reply))
    return [block for block in found if block.path or block.code.strip()]


def _block(fence: Fence) -> CodeBlock:
    code = fence.code + "\n" if fence.code else ""
    language, lang = _language(fence.lang)
    if _is_no_run(fence):
        return CodeBlock(lang or "text", code, None, "show")
    if fence.lang.lower() in _EDITS:
        return _edit(fence, lang, code)
    path = _path_in_info(fence)
    if path:
        language = language or (None if lang else language_of(path))
        return CodeBlock(language.name if language else lang, code, path, "save")
    named = _path_in_code(code, language, tagged=bool(lang))
    if named:
        path, rest = named
        language = language or (None if lang else language_of(path))
        if language and language.name in _COMMENTLESS:
            code = rest
        action: Action = "run" if language and language.runs else "save"
        return CodeBlock(language.name if language else lang, code, path, action)
    if not lang and code.strip():
        language = find(infer_lang(code))
        lang = language.name if language and language.runs else ""
    runs = bool(lang) and language is not None and language.runs
    return CodeBlock(lang, code, None, "run" if runs else "show")


def _language(tag: str) -> tuple[Language | None, str]:
    """The table's row for a tag, and the block's ``lang``: the row's name or the tag as written."""
    language = find("python" if _PYTHON_3.fullmatch(tag) else tag)
    if language:
        return language, language.name
    if is_path(tag) and (language := language_of(tag)):  # the name of a file instead of a tag
        return language, language.name
    return None, "" if tag in _NO_RUN else tag


def _is_no_run(fence: Fence) -> bool:
    attributes = fence.attributes
    return (
        any(word in attributes for word in _NO_RUN)
        or fence.lang in _NO_RUN
        or attributes.get("eval", "").lower() in ("false", "f")
    )


def _edit(fence: Fence, lang: str, code: str) -> CodeBlock:
    """A change to a file. A diff that does not say in the fence line which file is only shown."""
    words = (word for word, value in fence.attributes.items() if not value)
    path = _path_in_info(fence) or next(words, None)
    if path is None and (named := _path_in_code(code, None, tagged=False)):
        path, code = named
    shown = path is None and fence.lang.lower() != "edit"
    return CodeBlock(lang, code, path, "show" if shown else "edit")


def _path_in_info(fence: Fence) -> str | None:
    attributes = fence.attributes
    for key in ("filename", "file", "path"):
        if attributes.get(key):
            return attributes[key]
    if is_path(attributes.get("title", "")):
        return attributes["title"]
    for word, value in attributes.items():
        if not value and is_path(word):
            return word
    if find(fence.lang) is None and is_path(fence.lang) and language_of(fence.lang):
        return fence.lang
    return None


def _path_in_code(code: str, language: Language | None, *, tagged: bool) -> tuple[str, str] | None:
    """The name in a comment of the first line (``# filename: x.py``), and the code without it."""
    first, end, rest = code.partition("\n")
    before = ""
    if first.lower().startswith(_FIRST_ANYWAY) and "filename:" not in first:
        before = first + end
        first, _, rest = rest.partition("\n")
    found = _FILENAME.match(first)
    if found is None:
        return None
    mark, text = found.groups()
    marks = _COMMENTS.get(language.name) if language else None
    if marks and mark not in marks:
        return None
    path = first_name(text.strip().removesuffix("-->").removesuffix("*/"))
    return (path, before + rest) if path else None
