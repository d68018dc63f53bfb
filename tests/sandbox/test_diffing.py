import random
import subprocess
import time
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.sandbox.diffing import Change, change, unified
from assistant.sandbox.linediff import changed_blocks, hunks, lines
from assistant.sandbox.overlay import Edit
from assistant.sandbox.tree import Entry, Tree
from tests.sandbox.plain import tree_of
from tests.sandbox.trees import BY_DIGEST, edits, entry, make, trees


def diff(old: dict[str, bytes], new: dict[str, bytes]) -> str:
    store = {entry(data).digest: data for data in [*old.values(), *new.values()]}
    before, after = ({p: entry(d) for p, d in side.items()} for side in (old, new))
    return unified(edits(before, after), store.__getitem__)


def test_a_change_reads_as_git_writes_it() -> None:
    old = "".join(f"line {n}\n" for n in range(1, 21))
    new = old.replace("line 5\n", "line five\n").replace("line 18\n", "")
    assert diff({"a.py": old.encode()}, {"a.py": new.encode()}) == (
        "diff --git a/a.py b/a.py\n"
        "--- a/a.py\n"
        "+++ b/a.py\n"
        "@@ -2,7 +2,7 @@\n line 2\n line 3\n line 4\n-line 5\n+line five\n"
        " line 6\n line 7\n line 8\n"
        "@@ -15,6 +15,5 @@\n line 15\n line 16\n line 17\n-line 18\n line 19\n line 20\n"
    )


def test_new_deleted_and_empty_files() -> None:
    text = diff({"gone": b"x\n", "was-empty": b""}, {"new": b"a\nb", "empty": b""})
    assert text == (
        "diff --git a/empty b/empty\nnew file mode 100644\n"
        "diff --git a/gone b/gone\ndeleted file mode 100644\n"
        "--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "diff --git a/new b/new\nnew file mode 100644\n"
        "--- /dev/null\n+++ b/new\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"
        "diff --git a/was-empty b/was-empty\ndeleted file mode 100644\n"
    )


def test_what_has_no_lines_is_said() -> None:
    old = {
        "bin": entry(b"\0bin"),
        "mode": entry(b"one\n", 0o644),
        "quiet": entry(b"one\n", 0o600),
        "link": Entry("link", 0o777, target="a"),
        "old-dir": Entry("dir", 0o755),
        "turned": entry(b"one\n"),
    }
    new = {
        "bin": entry(b"\xff\xfe"),
        "mode": entry(b"one\n", 0o755),
        "quiet": entry(b"one\n", 0o640),
        "link": Entry("link", 0o777, target="b"),
        "new-dir": Entry("dir", 0o755),
        "turned": Entry("dir", 0o755),
    }
    assert unified(edits(old, new), BY_DIGEST.__getitem__) == (
        "# binary file bin changed: 4 -> 2 bytes\n"
        "diff --git a/link b/link\n--- a/link\n+++ b/link\n@@ -1 +1 @@\n-a\n"
        "\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
        "diff --git a/mode b/mode\nold mode 100644\nnew mode 100755\n"
        "# new folder: new-dir/\n"
        "# deleted folder: old-dir/\n"
        "# mode of quiet: 0600 -> 0640\n"
        "diff --git a/turned b/turned\ndeleted file mode 100644\n"
        "--- a/turned\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"
        "# new folder: turned/\n"
    )


def test_hostile_names_cannot_forge_a_diff() -> None:
    name = "x\n--- a/etc/passwd\n+++ b/\x1b[2J\u202e"
    text = diff({}, {name: b"a\n", "bin\n# lie": b"\0"})
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert [line for line in text.split("\n") if line.startswith(("---", "+++", "#"))] == [
        "# new binary file bin\\n# lie: 1 bytes",
        "--- /dev/null",
        '+++ "b/x\\n--- a/etc/passwd\\n+++ b/\\033[2J\\342\\200\\256"',
    ]


def test_numbers_of_a_change() -> None:
    get = BY_DIGEST.__getitem__
    one, two = entry(b"one\n"), entry(b"one\ntwo\n")
    assert change("f", Edit(one, two), get) == Change("f", "changed", "text", 1, 0)
    assert change("f", Edit(None, two), get, "no") == Change("f", "new", "text", 2, 0, "no")
    assert change("f", Edit(two, None), get) == Change("f", "deleted", "text", 0, 2)
    assert change("f", Edit(one, entry(b"\0bin")), get) == Change("f", "changed", "binary")
    assert change("f", Edit(one, entry(b"one\n", 0o755)), get).kind == "mode"
    assert change("f", Edit(None, Entry("dir")), get).what == "folder"


def _patch(a: list[str], text: str) -> list[str]:
    """Apply hunks by hand: what the numbers and the lines say must agree."""
    out: list[str] = []
    at, last = 0, ""
    for line in lines(text):
        if line.startswith("@@"):
            start, _, length = line.split(" ")[1][1:].partition(",")
            begin = int(start) - (length != "0")
            out += a[at:begin]
            at = begin
        elif line[0] == "\\":
            if last == "+":
                out[-1] = out[-1].removesuffix("\n")
        elif line[0] == "+":
            out.append(line[1:])
        else:
            assert a[at].rstrip("\n") == line[1:].rstrip("\n")
            if line[0] == " ":
                out.append(a[at])
            at += 1
        last = line[0]
    return out + a[at:]


_LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "  x\n"]), max_size=40)


@given(_LINES, _LINES, st.booleans(), st.integers(0, 4))
def test_hunks_turn_one_text_into_the_other(
    a: list[str], b: list[str], bare: bool, context: int
) -> None:
    if bare and a:
        a = [*a[:-1], a[-1].rstrip("\n") or "z"]
    text = "".join(hunks(a, b, context))
    assert _patch(a, text) == b


@given(_LINES, _LINES)
def test_blocks_cover_exactly_what_differs(a: list[str], b: list[str]) -> None:
    at, to = 0, 0
    for i, j, k, m in changed_blocks(a, b):
        assert a[at:i] == b[to:k]
        assert (i, k) == (0, 0) or i > at or k > to or (at, to) == (0, 0)
        assert i < j or k < m
        at, to = j, m
    assert a[at:] == b[to:]


def test_large_files_are_compared_quickly_and_well() -> None:
    chance = random.Random(1)
    a = [f"{chance.randrange(20_000)}\n" for _ in range(30_000)]
    b = list(a)
    for _ in range(300):
        b[chance.randrange(len(b))] = "changed\n"
    b[5000:5000] = ["inserted\n"] * 400
    del b[20_000:20_500]
    began = time.monotonic()
    blocks = changed_blocks(a, b)
    assert time.monotonic() - began < 20
    assert sum(j - i for i, j, _, _ in blocks) < 1500
    worst = changed_blocks(["x\n", "y\n"] * 20_000, ["y\n", "z\n", "x\n"] * 15_000)
    assert worst
    assert time.monotonic() - began < 40


def test_small_files_get_the_smallest_difference() -> None:
    a, b = list("abcdefghij"), list("abXdefgYij")
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    expected = [tuple(op[1:]) for op in matcher.get_opcodes() if op[0] != "equal"]
    assert changed_blocks(a, b) == expected


@pytest.mark.parametrize("name", ["plain", "with blank", "naïve", 'q"uote', "back\\slash", "tab\t"])
def test_git_takes_any_name(name: str, tmp_path: Path) -> None:
    make(tmp_path / "work", {name: entry(b"one\n")})
    text = diff({name: b"one\n"}, {name: b"one\ntwo\n"})
    subprocess.run(["git", "apply", "-"], input=text.encode(), cwd=tmp_path / "work", check=True)
    assert (tmp_path / "work" / name).read_bytes() == b"one\ntwo\n"


@given(old=trees(), new=trees())
@settings(max_examples=60, deadline=None)
def test_git_apply_makes_the_new_files(
    tmp_path_factory: pytest.TempPathFactory, old: Tree, new: Tree
) -> None:
    """For text and links; what git passes over (binaries, folders) is not compared."""
    work = tmp_path_factory.mktemp("git")
    binary = {entry(data).digest for data in (b"\0bin", b"\xff\xfe")}
    modes = {0o600: 0o644, 0o644: 0o644, 0o755: 0o755}

    said_only = {p for tree in (old, new) for p, one in tree.items() if one.digest in binary}

    def seen(tree: Tree) -> dict[str, Entry]:
        return {
            path: Entry(one.kind, modes.get(one.mode, one.mode), one.size, one.digest, one.target)
            for path, one in tree.items()
            if one.kind != "dir" and path not in said_only
        }

    make(work, old)
    text = unified(edits(old, new), BY_DIGEST.__getitem__)
    if "diff --git" not in text:
        return
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        input=text.encode(),
        cwd=work,
        check=False,
        capture_output=True,
    )
    if done.returncode:  # Git sees no binary and no empty folder that stands in its way.
        turned = [p for p, one in new.items() if p in old and old[p].kind != one.kind]
        assert said_only or turned, done.stderr.decode() + text
        return
    assert seen(tree_of(work)) == seen(new)
