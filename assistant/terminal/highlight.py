"""Code coloured line by line: the lexer's state is carried over, so no line is coloured twice."""

from functools import cache
from typing import Any

from assistant.languages import find
from assistant.terminal.theme import Fragment

LONGEST = 2_000
"""Characters: a longer line is shown without colours, since lexers can be slow on one."""

_SLASH_STAR = frozenset(("c", "cpp", "csharp", "css", "go", "java", "javascript", "kotlin"))
_SLASH_STAR |= {"php", "rust", "scala", "sql", "swift", "typescript"}
"""Languages whose ``/*`` comments may run over lines, which their lexers match in one piece."""

_COMMENT = "class:comment"
_STYLES = {
    "Keyword": "class:keyword",
    "Keyword.Constant": "class:number",
    "Name.Function": "class:name",
    "Name.Class": "class:name",
    "Name.Decorator": "class:name",
    "Name.Builtin": "class:number",
    "Name.Tag": "class:keyword",
    "Name.Exception": "class:name",
    "Literal.String": "class:string",
    "Literal.Number": "class:number",
    "Operator.Word": "class:keyword",
    "Comment": "class:comment",
    "Generic.Inserted": "class:added",
    "Generic.Deleted": "class:removed",
    "Generic.Heading": "class:heading",
    "Generic.Subheading": "class:hunk",
    "Generic.Prompt": "class:bar",
}


class Highlighter:
    """The colours of one block of code. ``tag`` is the fence's; unknown ones get no colour."""

    def __init__(self, tag: str) -> None:
        name = _lexer_name(tag)
        self._lexer = _lexer(name)
        self._state: list[str] = ["root"]
        self._slash_star = name in _SLASH_STAR
        self._in_comment = False

    def line(self, text: str) -> list[Fragment]:
        """The next line of the block, without its newline."""
        fragments, self._state, self._in_comment = self._coloured(text)
        return fragments

    def peek(self, text: str) -> list[Fragment]:
        """The next line so far, not yet finished."""
        return self._coloured(text)[0]

    def _coloured(self, text: str) -> tuple[list[Fragment], list[str], bool]:
        if self._lexer is None or len(text) > LONGEST or not text:
            return ([("", text)] if text else []), self._state, self._in_comment
        fragments: list[Fragment] = []
        if self._in_comment:
            comment, end, text = text.partition("*/")
            fragments.append((_COMMENT, comment + end))
            if not end:
                return fragments, self._state, True
        tokens, state = self._lexer(text + "\n", self._state)
        for kind, value in tokens:
            if value := value.removesuffix("\n"):
                _put(fragments, _style(kind), value)
        if self._slash_star and (at := _opened(fragments)) >= 0:
            return _comment_from(fragments, at), self._state, True
        return fragments, state, False


def _put(fragments: list[Fragment], style: str, text: str) -> None:
    if fragments and fragments[-1][0] == style:
        fragments[-1] = (style, fragments[-1][1] + text)
    else:
        fragments.append((style, text))


def _opened(fragments: list[Fragment]) -> int:
    """Where a comment begins that the line does not close; -1 if there is none."""
    at = 0
    for style, text in fragments:
        if style != "class:string":
            start = text.rfind("/*")
            if start >= 0 and "*/" not in text[start + 2 :] and "//" not in text[:start]:
                return at + start
        at += len(text)
    return -1


def _comment_from(fragments: list[Fragment], at: int) -> list[Fragment]:
    coloured: list[Fragment] = []
    for style, text in fragments:
        _put(coloured, style, text[: max(at, 0)])
        if text[max(at, 0) :]:
            _put(coloured, _COMMENT, text[max(at, 0) :])
        at -= len(text)
    return [fragment for fragment in coloured if fragment[1]]


@cache
def _style(kind: Any) -> str:
    """The style of a token kind or of its nearest known ancestor."""
    while kind:
        if found := _STYLES.get(".".join(kind)):
            return found
        kind = kind.parent
    return ""


def _lexer_name(tag: str) -> str:
    language = find(tag)
    name = language.name if language else tag.strip().lower()
    return {"sh": "bash", "console": "text", "csv": "text"}.get(name, name)


@cache
def _lexer(name: str) -> Any:
    """A function (text, state) -> (tokens, state after them), or None for no colours."""
    if name in ("", "text"):
        return None
    # Late, as only a session that shows code needs it.
    from pygments.lexer import ExtendedRegexLexer, LexerContext, RegexLexer
    from pygments.lexers import find_lexer_class_by_name
    from pygments.util import ClassNotFound

    try:
        found = find_lexer_class_by_name(name)
    except ClassNotFound:
        return None
    # The only lexers of pygments that hand back their state are the extended ones. Where a
    # language's lexer cannot be made one, each line is coloured by itself.
    if issubclass(found, ExtendedRegexLexer) or not issubclass(found, RegexLexer):
        whole: Any = found()
        return lambda text, state: (
            [(kind, value) for _, kind, value in whole.get_tokens_unprocessed(text)],
            state,
        )

    lexer = _extended(found)()

    def lex(text: str, state: list[str]) -> tuple[list[tuple[Any, str]], list[str]]:
        context = LexerContext(text, 0, stack=list(state))
        tokens = [(kind, value) for _, kind, value in lexer.get_tokens_unprocessed(context=context)]
        return tokens, context.stack

    return lex


def _extended(found: Any) -> Any:
    """The class of a lexer of pygments, made one that can go on from a state."""
    from pygments.lexer import ExtendedRegexLexer, LexerContext  # Late, as above.

    class Extended(ExtendedRegexLexer, found):  # type: ignore[misc]  # A base known only now.
        # Its types say that a lexer takes no context.
        def get_tokens_unprocessed(  # type: ignore[override]
            self, text: Any = None, context: Any = None, stack: Any = None
        ) -> Any:
            if stack:  # How a lexer calls itself for a part of a match.
                context = LexerContext(text, 0, stack=list(stack))
            return super().get_tokens_unprocessed(text, context)

    return Extended
