"""Transcripts lose prompts and output, magics become plain Python, Python 2 is refused."""

import ast
import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.code.magics import Untranslatable, has_magics, translate
from assistant.code.transcripts import Refusal, Runnable, is_cell, runnable, unprompt

TRANSCRIPTS = [
    ("$ ls\na.txt\n\n$ cat a.txt\nhello\n", "bash", "ls\ncat a.txt\n"),
    ("# install it\n\n$ npm run build\n\n> x@1.0 build\n> tsc\n", "bash", "npm run build\n"),
    ("  $ indented\n  output\n", "bash", "indented\n"),
    ("(venv) $ pytest\n...\n", "bash", "pytest\n"),
    ("me@host:~/src$ make\ngcc\nroot@host:/# id\nuid=0\n", "bash", "make\nid\n"),
    ("[me@host src]$ make\ngcc\n", "bash", "make\n"),
    ("❯ ls\na\n", "bash", "ls\n"),
    ("$ # a comment\n$ ls\n", "bash", "# a comment\nls\n"),
    ("$ docker run \\\n    -it x\nhello\n", "bash", "docker run \\\n    -it x\n"),
    ("$ docker run \\\n>   -it x\nhello\n", "bash", "docker run \\\n  -it x\n"),
    ("$ curl -d '{\n  \"a\": 1\n}' u\n{}\n", "bash", "curl -d '{\n  \"a\": 1\n}' u\n"),
    ("$ cat <<EOF > f\na b\nEOF\n$ ls\nf\n", "bash", "cat <<EOF > f\na b\nEOF\nls\n"),
    ("$ cat <<'E'\n> a\n> E\na\n", "bash", "cat <<'E'\na\nE\n"),
    ("$ echo $((1 << 2))\n4\n$ ls\n", "bash", "echo $((1 << 2))\nls\n"),
    (
        "$ for i in 1 2; do\n>   echo $i\n> done\n1\n2\n",
        "bash",
        "for i in 1 2; do\n  echo $i\ndone\n",
    ),
    ("$ if true; then\n    ls\n  fi\na\n", "bash", "if true; then\n    ls\n  fi\n"),
    ("$ f() {\n    ls\n}\n$ f\na\n", "bash", "f() {\n    ls\n}\nf\n"),
    ("$ ls |\n    wc -l\n3\n", "bash", "ls |\n    wc -l\n"),
    ("$ echo it's\n$ echo done\n", "bash", "echo it's\necho done\n"),
    ("$ echo it's\nits\n", "bash", "echo it's\n"),
    ("$ ls # it's a comment\na\n", "bash", "ls # it's a comment\n"),
    ("PS> Get-Date\n\nMonday\n", "powershell", "Get-Date\n"),
    ("PS C:\\Users\\me> ls\na\n", "powershell", "ls\n"),
    ("PS> $a = @{\n    b = 1\n}\nPS> $a.b\n1\n", "powershell", "$a = @{\n    b = 1\n}\n$a.b\n"),
    ("PS> ls `\n>> -Force\na\n", "powershell", "ls `\n-Force\n"),
    (">>> 1 + 1\n2\n", "python", "1 + 1\n"),
    (
        ">>> def f():\n...     return 1\n...\n>>> f()\n1\n",
        "python",
        "def f():\n    return 1\n\nf()\n",
    ),
    (">>> x = [\n...   1,\n... ]\n>>> x\n[1]\n", "python", "x = [\n  1,\n]\nx\n"),
    (">>> f()\n...\nTraceback (most recent call last):\n", "python", "f()\n"),
    ("In [1]: x = 1\n\nIn [2]: x\nOut[2]: 1\n", "python", "x = 1\nx\n"),
    ("In [1]: if x:\n   ...:     y()\n   ...:\n", "python", "if x:\n    y()\n"),
    ("$ ls\r\na.txt\r\n", "bash", "ls\n"),
]


@pytest.mark.parametrize(("text", "lang", "code"), TRANSCRIPTS)
def test_prompts_are_stripped_and_output_dropped(text: str, lang: str, code: str) -> None:
    assert unprompt(text) == (lang, code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$ ",
        "# apt update\nx",
        "$x = 1\necho $x",
        "echo '$ not a prompt'",
        "> npm install",
        "x = 1\n>>> x",
        "price is $ 5",
        "$ ls\n" * 50_000,
    ],
)
def test_what_is_no_transcript(text: str) -> None:
    assert unprompt(text) is None


@pytest.mark.parametrize(
    ("lang", "code", "answer"),
    [
        ("bash", "$ ls\na\n", Runnable("bash", "ls\n", "prompts")),
        ("sh", "$ ls\na\n", Runnable("sh", "ls\n", "prompts")),
        ("python", "$ pip install x\n", Runnable("bash", "pip install x\n", "prompts")),
        ("bash", ">>> f()\n", Runnable("python", "f()\n", "prompts")),
        ("bash", "PS> ls\n", Runnable("powershell", "ls\n", "prompts")),
        ("python", ">>> print 'x'\nx\n", Refusal("python2")),
        ("python", "print 'x'\n", Refusal("python2")),
        ("python", "print('x')\n", Runnable("python", "print('x')\n")),
        ("python", "x = (1\n  % y)\n", Runnable("python", "x = (1\n  % y)\n")),
        ("python", "x = '''\n!ls\n%cd\n'''\n", Runnable("python", "x = '''\n!ls\n%cd\n'''\n")),
        ("python", "%%bash\nls\n", Runnable("bash", "ls\n", "magics")),
        ("python", "%%html\n<b>x</b>\n", Refusal("magic", "%%html")),
        ("python", "import x\n%unheard of\n", Refusal("magic", "%unheard of")),
        ("javascript", "$ ls\n", Runnable("javascript", "$ ls\n")),
        ("perl", "print 'x'\n", Runnable("perl", "print 'x'\n")),
        ("bash", "echo hi\n", Runnable("bash", "echo hi\n")),
        ("python", "this is broken\n", Runnable("python", "this is broken\n")),
    ],
)
def test_what_a_block_means(lang: str, code: str, answer: Runnable | Refusal) -> None:
    assert runnable(lang, code) == answer


def _ran(cell: str, folder: Path) -> str:
    """What a cell prints when its translation really runs."""
    lang, code = translate(cell)
    assert lang == "python"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_translated_cells_do_what_they_say(tmp_path: Path) -> None:
    cell = """\
name = "x y"
!echo {name} $HOME | cut -c1-3
files = !printf 'a\\nb\\n'
print(files)
%matplotlib inline
if files:
    %time print("timed")
    !echo in \\
        two
%env COLOUR=red
!echo $COLOUR
%mkdir sub
%cd sub
%pwd
"""
    said = _ran(cell, tmp_path).splitlines()
    assert sorted(said) == sorted(
        ["x y", "['a', 'b']", "timed", "in two", "red", str(tmp_path / "sub")]
    )


def test_a_failing_command_ends_the_block(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        _ran("!exit 3\nprint('not reached')\n", tmp_path)


def test_pip_is_this_pythons(tmp_path: Path) -> None:
    assert _ran("%pip --version", tmp_path).startswith("pip ")
    _, code = translate("%pip install 'a>=1' b[c]==2  # why")
    words = ast.literal_eval(
        "[" + code.partition("[")[2].partition(", ")[2].rpartition("]")[0] + "]"
    )
    assert words == ["-m", "pip", "install", "a>=1", "b[c]==2"]


def test_a_cell_can_be_a_file(tmp_path: Path) -> None:
    _ran("%%writefile a.py\nx = '''\\n'''\n", tmp_path)
    assert (tmp_path / "a.py").read_text() == "x = '''\\n'''\n"
    _ran("%run a.py\nprint('ran')", tmp_path)


def test_lines_keep_their_numbers() -> None:
    _, code = translate("!a \\\n  b \\\n  c\nx = 1\n")
    assert code.split("\n")[3] == "x = 1"


@pytest.mark.parametrize("cell", ["%%javascript\nx", "%sql select 1", "%pip install 'open"])
def test_what_has_no_plain_meaning_says_which_line(cell: str) -> None:
    with pytest.raises(Untranslatable, match=cell.splitlines()[0]):
        translate(cell)


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("!pip install x", True),
        ("%timeit f(1)", True),
        ("x = 1\n!ls", True),
        ("a % b\n%c", False),
        ("!function () {}()", False),
        ("print('x')", False),
        ("!ls\nlet x = 1;", False),
    ],
)
def test_cells_are_told_by_known_magics(code: str, answer: bool) -> None:
    assert is_cell(code) is answer


def test_help_is_asked_for(tmp_path: Path) -> None:
    assert has_magics("len?\n")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(translate("?len\n")[1], {})
    assert "number of items" in said.getvalue()


def test_transcripts_of_any_size_end() -> None:
    """Bounded work for commands that never close; the suite's own time limit holds it."""
    for unit in (
        "$ '\n",
        "$ \\\n",
        "$ it's\nab\n",
        "PS> (\n",
        "$ cat <<E\n",
        ">>> '''\n",
        "!ls \\\n",
    ):
        text = (unit * 200_000)[:190_000]
        assert isinstance(runnable("python", text), (Runnable, Refusal))
