"""What the model of `infer_lang` looks at: words, how they are written, short runs of tokens."""

import re
from collections.abc import Container, Iterator
from itertools import pairwise

HEAD = 2400
TAIL = 600

# Words that are kept as they are inside a token run: the syntax of the languages we know.
_RESERVED = """
def class fn func fun function sub let var val const mut my our local if then else elif elsif
elseif fi end do done esac case switch when match for foreach while until loop repeat in of
return yield raise throw throws try catch except finally rescue ensure import from as use using
package namespace module mod require include extend export default public private protected
internal static final abstract virtual override struct enum interface trait impl type typedef
union extends implements extension protocol new delete this self super nil null None NULL
undefined true false True False TRUE FALSE and or not is instanceof typeof async await defer go
chan map range select break continue pass with lambda where void int string bool char float
double long String Int unsigned auto template typename operator echo print println puts printf
say begin BEGIN END SELECT FROM WHERE INSERT INTO UPDATE SET CREATE TABLE AS ON AND OR BY ORDER
GROUP NOT create table RUN COPY CMD ENV ARG WORKDIR unless param global del assert data sealed
object companion suspend guard inout readonly declare keyof
"""
RESERVED = frozenset(_RESERVED.split())

START, END, LINE, JOIN = "\u22a2", "\u22a3", "\u23ce", "\x1f"

# Each alternative is linear: possessive blanks, no nested repeats over the same characters.
_TOKEN = r"""([ \t]*+)(?:
  (?P<c>(?:(?<![^\s;{}()])|^)(?://|\#(?=[ \n])|--(?=[ \n]))[^\n]*+
      |/\*[\s\S]*?\*/|<\#[\s\S]*?\#>|<!--[\s\S]*?-->)
 |(?P<s>\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}
      |"(?:[^"\\\n]|\\.)*+"|(?<!\w)'(?:[^'\\\n]|\\.)*+')
 |(?P<f>(?<![^\s(])--?[A-Za-z][\w-]*+)
 |(?P<v>[$@\#%:&][A-Za-z_]\w*+|</?[A-Za-z][\w:-]*+)
 |(?P<w>[^\W\d]\w*+(?:-[^\W\d]\w*+)*+)
 |(?P<n>\#?\d[\w.]*+%?)
 |(?P<l>\n(?:[^\S\n]*+\n)*+[ \t]*+)
 |(?P<p>(?:<<<++|>>>++|=>|->|::|:=|===?|!==?|<-|<=|>=|&&|\|\||\$[({]|[@\#%&][{(\[]|\.\.+|/>|--+
      |\+\+|[-+*/]=|<\?|\?>|%>%|%%|\|>|@@|<<|>>|\#!|\?\?|\?\.|[^\w\s])[ ]?)
 |(?P<z>\s))"""
_token: re.Pattern[str] | None = None


def sample(code: str) -> str:
    """What is looked at of a text: all of it up to 3,000 characters, else its head and tail."""
    if len(code) <= HEAD + TAIL:
        return code.strip()
    return f"{code[:HEAD]}\n{code[-TAIL:]}".strip()


def tokens(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (kind, text, whether a blank stands before it). Kinds are the groups of `_TOKEN`."""
    global _token
    if _token is None:  # compiled at first use: it is the larger half of what loading costs
        _token = re.compile(_TOKEN, re.VERBOSE)
    for found in _token.finditer(text):
        kind = found.lastgroup or "z"
        if kind != "z":
            yield kind, found[kind], found[1] != ""


def shape(word: str) -> str:
    """How a word is written: U for CAPS, C for Capital, w for small; with - for kebab-case."""
    if len(word) > 1 and word.isupper():
        return "U"
    first = "C" if word[0].isupper() else "w"
    return f"{first}-{first}" if "-" in word else first


def _fine(word: str) -> str:
    if "_" in word:
        return "~_"
    if len(word) == 1:
        return "~1"
    return "~" + shape(word) + ("h" if not word[1:].islower() else "")


def _fixed(kind: str, text: str, spaced: bool) -> str:
    """What a token other than a word is called in a run."""
    if kind == "p":
        return f" {text}" if spaced else text
    if kind == "l":
        return LINE + text.rsplit("\n", 1)[1][:1]
    if kind == "s":
        return text[:3] if text[:3] in ('"""', "'''") and len(text) > 5 else text[0] * 2
    if kind == "c":
        return text[:2].rstrip() + "c"
    if text.endswith(("px", "em", "%")):
        return "0px"
    if text[0] == "#":
        return "#0"
    return "0" if text.isdigit() else "0x" if text[:2] == "0x" else "0."


def names(kind: str, text: str, spaced: bool, kept: Container[str]) -> tuple[str, str]:
    """A token's name in the run that keeps known words, and in the run that keeps only syntax."""
    if kind == "w":
        plain = shape(text)
        return text if text in kept else plain, text if text in RESERVED else plain
    if kind in "fv":
        cut = 2 if text[:2] in ("--", "</") else 1
        plain = text[:cut] + shape(text[cut:])
        return text if text in kept else plain, plain
    fixed = _fixed(kind, text, spaced)
    return fixed, fixed


def features(text: str, kept: Container[str]) -> set[str]:
    """The names of all features of a sample: single tokens, and runs of two and three."""
    found: set[str] = set()
    known, plain = [LINE], [LINE]
    for kind, token, spaced in tokens(text):
        one, other = names(kind, token, spaced, kept)
        known.append(one)
        plain.append(other)
        if kind in "wfv":
            found.add(token)
            found.add(_fine(token))
        elif kind == "p":
            found.add(token.rstrip())
    for run in (known, plain):
        run.append(LINE)  # a text begins and ends like a line, and like nothing else
        found.update(run)
        found.update(map(JOIN.join, pairwise(run)))
        found.update(map(JOIN.join, zip(run, run[1:], run[2:], strict=False)))
        found.add(JOIN.join((START, *run[1:2])))
        found.add(JOIN.join((START, *run[1:3])))
        found.add(JOIN.join((*run[-2:-1], END)))
        found.add(JOIN.join((*run[-3:-1], END)))
    return found
