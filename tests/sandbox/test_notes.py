"""What is said besides a result: whole sentences, with remedies, and with hostile names shown."""

from typing import Any

import pytest

from assistant.events import CodeBlock, Reason
from assistant.sandbox.notes import left_out, notes
from assistant.sandbox.protocol import Caps
from assistant.sandbox.questions import Done

NO_MODULE = "Traceback ...\nModuleNotFoundError: No module named '{}'\n"


def said(
    output: str = "",
    *told: dict[str, Any],
    lang: str = "python",
    reason: Reason | None = None,
    limited: bool = False,
) -> str:
    done = Done(1, reason, 1.26, output, 0, told)
    return "\n".join(notes(CodeBlock(lang, ""), done, limited=limited))


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("cv2", "opencv-python-headless"),
        ("yaml", "pyyaml"),
        ("PIL.Image", "pillow"),
        ("sklearn.svm", "scikit-learn"),
        ("bs4", "beautifulsoup4"),
        ("numpy", "numpy"),
    ],
)
def test_a_missing_module(module: str, package: str) -> None:
    assert f"assistant sandbox build --package {package}" in said(NO_MODULE.format(module))
    assert module.split(".")[0] in said(NO_MODULE.format(module))


@pytest.mark.parametrize("module", ["x; rm -rf /", "a\nb", "$(x)", "a b", "x" * 99, "1x", "-x"])
def test_names_that_are_no_module_are_not_repeated(module: str) -> None:
    assert said(NO_MODULE.format(module)) == ""


def test_nothing_is_advised_for_what_succeeded_or_was_stopped() -> None:
    done = Done(0, None, 1.0, NO_MODULE.format("numpy"), 0, ())
    assert notes(CodeBlock("python", ""), done) == ()
    assert said(NO_MODULE.format("numpy"), reason="timeout") == ""


@pytest.mark.parametrize(
    ("output", "setting"),
    [
        ("Traceback ...\nOSError: [Errno 27] File too large\n", "disk"),
        ("head: error writing 'standard output': File too large", "disk"),
        ("block 2: line 1:    10 File size limit exceededhead -c 30M /dev/zero > g\n", "disk"),
        ("Error: EFBIG: file too large, write", "disk"),
        ("OSError: [Errno 24] Too many open files: 'x'\n", "open_files"),
        ("block 1: line 1: x: Too many open files\n", "open_files"),
        ("Error: EMFILE: too many open files, open 'x'", "open_files"),
    ],
)
def test_a_limit_that_only_the_program_was_told_of(output: str, setting: str) -> None:
    assert f"(setting: {setting})" in said(output, limited=True)
    assert said(output) == "", "no limit of ours is in force"
    assert said(output, limited=True, reason="timeout") == ""


@pytest.mark.parametrize("output", ["photo.png: File too large\n", "ValueError: [Errno 27] x\n"])
def test_words_that_tell_of_no_limit(output: str) -> None:
    assert said(output, limited=True) == ""


@pytest.mark.parametrize(
    ("output", "package"),
    [
        ("block 3: line 2: rg: command not found\n", "ripgrep"),
        ("/tmp/block-1.sh: line 1: make: command not found", "make"),
        ("sh: 1: vi: not found\n", "vim-tiny"),
        ("sh: 1: cowsay: not found\n", "PACKAGE"),
    ],
)
def test_a_missing_command(output: str, package: str) -> None:
    assert f"--apt {package}," in said(output, lang="bash")
    assert said(output, lang="python") == ""


def test_a_missing_language() -> None:
    assert "--apt nodejs" in said("", {"note": "missing", "command": "node"}, lang="javascript")
    assert "--image" in said("", {"note": "missing", "command": "tsx"}, lang="typescript")
    assert "--apt tsx" not in said("", {"note": "missing", "command": "tsx"}, lang="typescript")


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ({"note": "lost", "what": "python"}, "interpreter"),
        ({"note": "lost", "what": "shell"}, "shell"),
        ({"note": "lost", "what": "all"}, "Everything"),
        ({"note": "shell", "kept": "all"}, "interrupted"),
        ({"note": "shell", "kept": "before"}, "killed"),
        ({"note": "interrupted"}, "1.3 s"),
        ({"note": "plain"}, "no bash"),
        ({"note": "limit", "what": "processes"}, "more processes"),
        ({"note": "limit", "what": "tmp"}, "/tmp is full"),
        ({"note": "unheard", "bytes": 77}, "77 bytes"),
        ({"note": "reloaded", "names": ["a", "b.c"]}, "a, b.c"),
        (
            {"note": "background", "count": 3, "names": [[5, "x y"], [7, "z"]]},
            '"x y" (pid 5), "z" (pid 7) and 1 more',
        ),
    ],
)
def test_every_note_is_a_sentence(note: dict[str, Any], words: str) -> None:
    text = said("", note)
    assert words in text
    assert "$" not in text


def test_hostile_names_are_shown_and_cut() -> None:
    text = said("", {"note": "background", "count": 1, "names": [[1, "a\x1b[2J\n" + "x" * 500]]})
    assert "\x1b" not in text
    assert "\n" not in text
    assert len(text) < 250


@pytest.mark.parametrize(
    "note",
    [
        {},
        {"note": 3},
        {"note": "lost", "what": "../x"},
        {"note": "background", "names": "x"},
        {"note": "background", "names": [[1], "x", None]},
        {"note": "reloaded", "names": [None]},
        {"note": "unheard", "bytes": "x"},
        {"note": "missing", "command": ["x"]},
    ],
)
def test_notes_of_a_wrong_shape_do_no_harm(note: dict[str, Any]) -> None:
    assert isinstance(said("", note), str)


def test_what_was_left_out() -> None:
    told = {
        "out": {"size": 2, "odd": 1, "unread": "x"},
        "names": [["a\n", "size"], ["b", "size"], 3],
    }
    (size, unread) = left_out(told, Caps())
    assert size.startswith("2 file(s)")
    assert "64 MiB" in size
    assert "a\\n, b" in size
    assert unread
    assert left_out({"out": None}, Caps()) == ()


@pytest.mark.parametrize("count", [10**4000, -3, True, 1.5, None])
def test_counts_that_cannot_be(count: Any) -> None:
    told = {"out": {"size": count}, "names": []}
    assert "0 file(s)" in left_out(told, Caps())[0]
