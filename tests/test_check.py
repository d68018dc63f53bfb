"""The acceptance check: what counts as passed, and the many ways that do not."""

import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from assistant.events import Checked, CodeBlock
from assistant.following import followed
from assistant.sandbox.importing import CopyOptions
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.protect import protected
from assistant.sandbox.tree import Entry
from assistant.sandbox.workspace import Workspace
from assistant.tasks.check import CommandCheck, protection

Result = TypeVar("Result")

PYTEST = "python3 -m pytest -q -p no:cacheprovider"
UNITTEST = "python3 -m unittest -q"
FORGIVING = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
LEAVING = "import atexit, os\natexit.register(os._exit, 0)\n"
JEST = """for word; do case $word in --outputFile=*)
echo '{"numPassedTests": 1, "numFailedTests": 0, "numFailedTestSuites": 0}' > "${word#*=}"
esac; done
"""
GOOD = "def test_a():\n    assert True\n"
BAD = "def test_a():\n    assert False\n"
CASE = "import os, unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        {}\n"


def no_edit(text: str | None, code: str) -> tuple[str | None, tuple[str, ...]]:
    raise ValueError("no edits here")


def check(
    tmp_path: Path,
    files: dict[str, str],
    command: str,
    changed: dict[str, str] | None = None,
    **protection: Sequence[str],
) -> tuple[Checked, str]:
    """The verdict over ``files``, after code made ``changed`` of them; and what it printed."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"

    def fresh() -> LocalSandbox:
        return LocalSandbox(LocalOptions({"PATH": path}, "fresh"))

    with Workspace(fresh(), folder, tmp_path / "store", no_edit, CopyOptions()) as workspace:
        workspace.copy.open()
        for name, text in (changed or {}).items():
            _finish(workspace.run(CodeBlock("text", text, name, "save"), 10))
        return _finish(CommandCheck(command, workspace, fresh, **protection).run(60))


def _finish(run: Generator[object, None, Result]) -> tuple[Result, str]:
    """What a run returns, and the events that it yielded, for a failure's message."""
    events: list[object] = []
    result = followed(run, events.append)
    return result, str(events)


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"test_a.py": GOOD}, PYTEST),
        ({"test_a.py": CASE.format("pass")}, UNITTEST),
        ({"a.txt": "x"}, "grep -q x a.txt"),
        ({"jest": JEST}, "sh jest"),
        ({"test_a.py": GOOD, "test_b.py": "import pytest\ndef test_b(): pytest.skip()\n"}, PYTEST),
    ],
)
def test_what_passes(tmp_path: Path, files: dict[str, str], command: str) -> None:
    checked, shown = check(tmp_path, files, command)
    assert checked.passed, (checked, shown)
    assert checked.command == command


@pytest.mark.parametrize(
    ("files", "command", "words"),
    [
        ({"test_a.py": BAD}, PYTEST, "exit status 1"),
        ({"test_a.py": BAD}, PYTEST + " || true", "names a failure"),
        ({"test_a.py": "import os\ndef test_a(): os._exit(0)\n"}, PYTEST, "without completing"),
        ({"test_a.py": "import os\nos._exit(0)\n"}, PYTEST, "without completing"),
        ({"test_a.py": "raise SystemExit(0)\n"}, PYTEST + "; true", "names a failure"),
        (
            {
                "test_a.py": BAD,
                "conftest.py": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
            },
            PYTEST + "; true",
            "names a failure",
        ),
        (
            {"test_a.py": LEAVING + BAD},
            PYTEST,
            "names a failure",
        ),
        ({"test_a.py": CASE.format("os._exit(0)")}, UNITTEST, "without completing"),
        ({"test_a.py": CASE.format("self.fail()")}, UNITTEST + "; true", "names a failure"),
        ({"a.py": ""}, PYTEST + "; true", "no test that passed"),
        ({"a.py": ""}, "sh -c 'echo 5 passed' pytest", "without completing"),
        ({"a.py": ""}, "no-such-command", "not found"),
        ({"jest": "exit 0\n"}, "sh jest", "without completing"),
        ({"jest": JEST.replace('Suites": 0', 'Suites": 1')}, "sh jest", "names a failure"),
        ({"a.py": ""}, "kill -9 $PPID", "exit status 137"),
    ],
)
def test_what_does_not_pass(
    tmp_path: Path, files: dict[str, str], command: str, words: str
) -> None:
    checked, shown = check(tmp_path, files, command)
    assert not checked.passed, shown
    assert words in checked.detail


EXAM = "from a import a, b\ndef test_a(): assert a() == 1\ndef test_b(): assert b() == 2\n"
CASES = (
    "import unittest\nfrom a import a, b\nclass T(unittest.TestCase):\n"
    "    def test_a(self): self.assertEqual(a(), 1)\n"
    "    def test_b(self): self.assertEqual(b(), 2)\n"
)


@pytest.mark.parametrize(
    ("exam", "command", "way"),
    [
        (EXAM, PYTEST, "import pytest; pytest.skip('later')"),
        (EXAM, PYTEST, "import pytest; pytest.xfail('later')"),
        (EXAM, PYTEST, "import pytest; pytest.importorskip('no_such_module')"),
        (EXAM, PYTEST, "import pytest; pytest.exit('enough', returncode=0)"),
        (EXAM, PYTEST, "import unittest; raise unittest.SkipTest"),
        (CASES, PYTEST, "import unittest; raise unittest.SkipTest"),
        (CASES, UNITTEST, "import unittest; raise unittest.SkipTest"),
    ],
)
def test_tests_that_the_code_calls_off_are_no_pass(
    tmp_path: Path, exam: str, command: str, way: str
) -> None:
    own = {"test_a.py": exam, "a.py": "def a(): return 1\ndef b(): return 0\n"}
    changed = {"a.py": f"def a(): return 1\ndef b():\n    {way}\n"}
    checked, shown = check(tmp_path, own, command, changed)
    assert not checked.passed, shown
    assert "called off" in checked.detail


@pytest.mark.parametrize(
    ("command", "way"), [(PYTEST, "pytest.skip()"), (UNITTEST, "raise unittest.SkipTest")]
)
def test_tests_that_the_users_own_code_calls_off_are_his_wish(
    tmp_path: Path, command: str, way: str
) -> None:
    own = {
        "needs.py": f"import pytest, unittest\ndef database():\n    {way}\n",
        "test_a.py": CASES + "    def test_c(self):\n        import needs; needs.database()\n",
        "a.py": "",
    }
    checked, shown = check(
        tmp_path, own, command, {"a.py": "def a(): return 1\ndef b(): return 2\n"}
    )
    assert checked.passed, (checked, shown)


@pytest.mark.parametrize(
    "changed",
    [
        {"test_a.py": GOOD},
        {"conftest.py": "import os\nos._exit(0)\n"},
        {"pytest.ini": "[pytest]\naddopts = --co\n"},
        {"sitecustomize.py": "import os\nos._exit(0)\n"},
        {"tox.ini": "[pytest]\npython_files = none*\n"},
        {"Makefile": "test:\n\ttrue\n"},
    ],
)
def test_an_exam_that_was_tampered_with_is_restored(
    tmp_path: Path, changed: dict[str, str]
) -> None:
    files = {"test_a.py": BAD, "Makefile": "test:\n\tfalse\n"}
    command = "make test" if "Makefile" in changed else PYTEST
    checked, shown = check(tmp_path, files, command, changed)
    assert not checked.passed, shown
    assert any(name in note for note in checked.notes for name in changed), checked.notes


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("check.sh", "./check.sh"),
        ("ci/all [1].sh", "time bash -e 'ci/all [1].sh' fast"),
        ("verify", "cd . && sh verify"),
        ("check.mk", "make -f check.mk test"),
        ("check.mk", "sh -c 'make --file=check.mk test'"),
    ],
)
def test_a_script_that_a_check_starts_is_the_users(
    tmp_path: Path, script: str, command: str
) -> None:
    """With it changed the code would judge itself."""
    files = {script: "test:\n\tfalse\n" if "make" in command else "#!/bin/sh\nexit 1\n"}
    changed = {script: "test:\n\ttrue\n" if "make" in command else "#!/bin/sh\nexit 0\n"}
    run = command.replace("./check.sh", "chmod +x check.sh; ./check.sh")
    checked, shown = check(tmp_path, files, run, changed)
    assert not checked.passed, shown
    assert any(script in note for note in checked.notes), checked.notes


def test_a_script_that_the_user_leaves_to_the_code_is_the_codes(tmp_path: Path) -> None:
    base = {"check.sh": Entry("file", 0o755), "main.py": Entry("file", 0o644)}
    assert protection("./check.sh && python3 main.py", base, []) == ["/check.sh"]
    changed = {**base, "check.sh": Entry("file", 0o755, 1, "1" * 64)}
    patterns = protection("sh ./check.sh", base, ["!check.sh"])
    assert protected(base, changed, patterns).restored == ()
    program = "python3 -c 'import re; open(\"check.sh\"); exec(check.sh)'"
    assert protection(program, base, []) == []  # No shell reads this.
    for looks in ("test -f main.py && python3 main.py", "wc -c main.py", "[ -f check.sh ]"):
        assert protection(looks, base, []) == []  # These only look at it.
    assert protection("python3 -m pytest -c main.py", base, []) == ["/main.py"]


@pytest.mark.parametrize("protect", [(), ("do.sh",)])
def test_a_script_that_a_task_is_about_is_the_codes(
    tmp_path: Path, protect: tuple[str, ...]
) -> None:
    """But for one that the user has named as protected all the same."""
    files, changed = {"do.sh": "exit 1\n"}, {"do.sh": "exit 0\n"}
    checked, shown = check(
        tmp_path, files, "sh do.sh", changed, protect=protect, subjects=["do.sh"]
    )
    assert checked.passed is not bool(protect), shown
    assert any("--protect '!FILE'" in note for note in checked.notes) is bool(protect)


VERIFY = "import main\nassert main.x == 1\n"
COUNTED = "import pathlib\nruns = pathlib.Path('{}')\nruns.write_text(runs.read_text() + 'x')\n"


@pytest.mark.parametrize(
    ("changed", "told", "runs"),
    [
        ({"main.py": "x = 2\n", "verify.py": "import main\n"}, True, 2),
        ({"main.py": "x = 1\n", "verify.py": "import main\nassert main.x\n"}, False, 2),
        ({"main.py": "x = 1\n"}, False, 1),
    ],
)
def test_a_script_that_passes_only_since_it_was_changed_is_told(
    tmp_path: Path, changed: dict[str, str], told: bool, runs: int
) -> None:
    """It may be what the task is about, so it passes; looked at again only where it was changed."""
    (count := tmp_path / "runs").write_text("")
    ran = COUNTED.format(count)
    files = {"main.py": "x = 0\n", "verify.py": ran + VERIFY, "package.json": "{}"}
    changed = {name: ran + text if name == "verify.py" else text for name, text in changed.items()}
    checked, shown = check(tmp_path, files, "python3 verify.py", changed)
    assert checked.passed, shown
    assert any("verify.py" in note for note in checked.notes) is told, checked.notes
    assert len(count.read_text()) == runs


@pytest.mark.parametrize(
    ("protection", "passed"),
    [({"protect": ["verify.py"]}, False), ({"protect": ["!verify.py"]}, True)],
)
def test_what_the_user_said_of_a_script_is_not_told_him(
    tmp_path: Path, protection: dict[str, list[str]], passed: bool
) -> None:
    files, changed = {"verify.py": "assert False\n"}, {"verify.py": ""}
    checked, shown = check(tmp_path, files, "python3 verify.py", changed, **protection)
    assert checked.passed is passed, shown
    assert not any("does not pass" in note for note in checked.notes), checked.notes


def test_a_script_that_is_to_be_improved_is_the_work(tmp_path: Path) -> None:
    files, changed = {"fizz.py": "assert False\n"}, {"fizz.py": ""}
    checked, shown = check(tmp_path, files, "python3 fizz.py", changed, subjects=["fizz.py"])
    assert (checked.passed, checked.notes) == (True, ()), shown


def test_a_new_test_is_kept_and_told(tmp_path: Path) -> None:
    checked, _ = check(tmp_path, {"test_a.py": GOOD}, PYTEST, {"test_new.py": GOOD})
    assert checked.passed
    assert any("test_new.py" in note for note in checked.notes)


def test_runners_that_the_tests_start_are_none_of_its_business(tmp_path: Path) -> None:
    nested = (
        "import subprocess, sys\n"
        "def test_a(tmp_path):\n"
        "    (tmp_path / 'test_x.py').write_text('def test_x(): assert 0')\n"
        "    assert subprocess.call([sys.executable, '-m', 'pytest', str(tmp_path)]) == 1\n"
    )
    checked, shown = check(tmp_path, {"test_a.py": nested}, PYTEST)
    assert checked.passed, (checked, shown)


def test_what_fails_in_time_is_told(tmp_path: Path) -> None:
    checked, _ = check(tmp_path, {"a.py": ""}, "echo out; exit 3")
    assert (checked.exit_code, checked.output) == (3, "out\n")
