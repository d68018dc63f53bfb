"""What Python's own parser says of a text, and whether it is Python 2."""

import ast
import re
from typing import Literal

Parse = Literal["yes", "bare", "no"]

SHORT = 4000
"""What a snippet is; longer texts are parsed only on request."""
LONGEST = 200_000

_DEEPEST = 60
_ESCAPE = re.compile(r"\\(?![\n'\"\\abfnrtvxuUN0-7]).|\\[\s\S]")
_GLUED = re.compile(r"(?<=\d)(?=(?:if|else|and|or|in|is|for|not)\b)")
_CHAIN = re.compile(r"(?:(?:[-+~]|\bnot\b|\blambda\b[^:\n]{0,20}:|\bawait\b)\s*){40}")


def parses(code: str, longest: int = SHORT) -> Parse:
    """Whether this is Python 3: "yes", "no", or "bare" when it is, but so would be other text.

    Bare are names, numbers, strings and operators alone (``make``, ``ls -la``, ``a / b``). Texts
    over ``longest`` characters, with NULs, or nested deeper than a person would, count as "no".
    """
    if len(code) > longest or "\0" in code or _is_deep(code):
        return "no"
    try:
        tree = ast.parse(_without_warnings(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError, UnicodeError):
        return "no"
    return "bare" if all(map(_is_bare, tree.body)) else "yes"


def _without_warnings(code: str) -> str:
    """The same, less what the parser would warn of: its filters belong to the whole process."""
    if "\\" in code:
        code = _ESCAPE.sub(lambda m: m[0] if m[0][1:] in "\n'\"\\abfnrtv" else "__", code)
    return _GLUED.sub(" ", code)


def _is_deep(code: str) -> bool:
    if len(code) < _DEEPEST:
        return False
    depth = 0
    for mark in re.findall(r"[(\[{]|[)\]}]", code):
        depth = depth + 1 if mark in "([{" else max(depth - 1, 0)
        if depth > _DEEPEST:
            return True
    return _CHAIN.search(code) is not None


_PLAIN = (ast.Name, ast.Constant, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.Load)
_JOINED = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Tuple, ast.Attribute)
_TYPES = frozenset(("int", "str", "bool", "float", "bytes", "list", "dict", "set", "tuple"))


def _is_bare(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.AnnAssign) and statement.value is None:
        told = statement.annotation
        return not (isinstance(told, ast.Name) and told.id in _TYPES)  # else YAML, or prose
    if not isinstance(statement, ast.Expr):
        return False
    return all(isinstance(node, _PLAIN + _JOINED) for node in ast.walk(statement.value))


_STATEMENTS_2 = re.compile(
    r"""^[ \t]*+(?:[\w ().\[\]=<>!]{1,60}:[ \t]*)?(?:
        print[ \t]+(?![=(.,:;)\]]|(?:in|is|and|or|not|if|for)\b)\S
       |print[ \t]*>>[ \t]*\w
       |exec[ \t]+["'\w]
       |raise[ \t]+[\w.]+[ \t]*,[ \t]*\S
       |except[ \t]+(?:[\w.]+|\([\w., \t]+\))[ \t]*,[ \t]*\w+[ \t]*:
    )|[\w)"'\]][ \t]*<>[ \t]*[\w("']|\b0[0-7]+[lL]?\b(?=[ \t]*[,)\n])|\b\d+[lL]\b|\bur["']""",
    re.MULTILINE | re.VERBOSE,
)
_REDIRECTED = re.compile(r"^[ \t]*+print[ \t]*>>[ \t]*\w", re.MULTILINE)  # parses, and fails
_QUOTED = re.compile(
    r"\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'|#[^\n]*"
)
_MODULES_2 = re.compile(
    r"^(?:import|from)[ \t]+(?:urllib2|ConfigParser|cPickle|cStringIO|StringIO|Tkinter|tkMessageBox"
    r"|urlparse|HTMLParser|httplib|Queue|__builtin__|commands|xmlrpclib)\b",
    re.MULTILINE,
)
_BUILTINS_2 = frozenset({"xrange", "raw_input", "unichr", "basestring", "execfile"})
_BOTH = re.compile(r"version_info|ImportError|NameError|\bsix\b|__future__|PY2|PY3")


def is_python2(code: str) -> bool:
    """Whether this is Python 2 and could not run as Python 3.

    Either it does not parse as Python 3 and has a statement that only Python 2 has (``print x``,
    ``except E, e``), or it parses and asks for a module or a built-in that is gone (``urllib2``,
    ``raw_input``), without a word on being written for both. False above 200,000 characters.
    """
    if len(code) > LONGEST:
        return False
    bare = _QUOTED.sub("''", code)
    if _STATEMENTS_2.search(bare):
        return _REDIRECTED.search(bare) is not None or parses(code, LONGEST) == "no"
    if _BOTH.search(bare):
        return False
    return bool(_MODULES_2.search(bare)) or _uses_gone_names(code)


_PRINT = re.compile(r"^([ \t]*+)print(?![ \t]*[=(.,])[ \t]*(?:>>[^,\n]*,)?([^#;\n]*)", re.MULTILINE)
_EXCEPT = re.compile(r"^([ \t]*+except[ \t]+[^,\n]+),[ \t]*(\w+)[ \t]*:", re.MULTILINE)
_RAISE = re.compile(r"^([ \t]*+raise[ \t]+[\w.]+)[ \t]*,[^\n]*", re.MULTILINE)


def looks_like_python2(text: str) -> bool:
    """Whether an untagged text is Python 2: Python 3, once its old statements are put in new words.

    A lone ``print x`` is not enough: other languages have it.
    """
    if not _STATEMENTS_2.search(text) or parses(text) != "no":
        return False
    text = _PRINT.sub(r"\1print(\2)", text)
    text = _RAISE.sub(r"\1", _EXCEPT.sub(r"\1 as \2:", text))
    if parses(text) != "yes":
        return False
    return any(not isinstance(node, ast.Expr) for node in ast.parse(_without_warnings(text)).body)


def _uses_gone_names(code: str) -> bool:
    if not any(name in code for name in _BUILTINS_2) or parses(code, LONGEST) == "no":
        return False
    nodes = list(ast.walk(ast.parse(_without_warnings(code))))
    used = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    bound |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    bound |= {n.asname or n.name for n in nodes if isinstance(n, ast.alias)}
    return bool((used & _BUILTINS_2) - bound)
