"""``assistant exec``: the code's own exit code, or one that says what stopped it."""

import json
import subprocess
from pathlib import Path

import pytest

from assistant.sandbox.engine import Engine, connect
from tests.cli.conftest import Program
from tests.faults.runs import containers


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("a.py", "print('out'); raise SystemExit(3)", 3),
        ("a.sh", "echo out; exit 4", 4),
        ("a.py", "import os\nprint('out', flush=True)\nos.kill(os.getpid(), 9)", 137),
        ("session", "$ echo out\nout\n", 0),
    ],
)
def test_the_codes_own_exit_code(program: Program, name: str, code: str, expected: int) -> None:
    (program.folder / name).write_text(code)
    done = program("exec", name)
    assert done.returncode == expected, done.stderr
    assert done.stdout == "out\n"


def test_what_stops_it_has_a_code_of_its_own(program: Program) -> None:
    slow = program("exec", "-", "--lang", "bash", "--timeout", "1", given="echo out; sleep 60")
    assert (slow.returncode, slow.stdout) == (124, "out\n")
    (program.folder / "latin.py").write_bytes(b"\xff")
    wrong = ["none.py", ".", "latin.py", "- --lang json", "- --lang python --timeout -1", "-", ""]
    wrong += ["- --lang bash --nosuch"]
    for arguments in [line.split() for line in wrong]:
        assert program("exec", *arguments).returncode == 125
    told = program("exec", "--help").stdout
    assert "125 whatever kept it from running" in " ".join(told.split())
    assert "Python 2" in program("exec", "-", "--lang", "python", given="print 'x'\n").stderr


@pytest.mark.docker
def test_memory_is_137_and_json_tells_the_reason(contained: Program) -> None:
    hungry = "x = []\nwhile True:\n    x.append(bytearray(50_000_000))\n"
    done = contained("exec", "-", "--lang", "python", "--json", given=hungry)
    told = json.loads(done.stdout)
    assert (done.returncode, told["reason"]) == (137, "memory")
    assert told["image"].startswith("sha256:")


@pytest.mark.docker
def test_what_a_killed_one_left_is_gone_after_the_next(contained: Program, engine: Engine) -> None:
    sleeping = contained.start("exec", "-", "--lang", "bash", stdin=subprocess.PIPE)
    with sleeping, connect(engine.endpoint) as client:
        assert sleeping.stdin
        assert sleeping.stdout
        sleeping.stdin.write("echo begun; sleep 60")
        sleeping.stdin.close()
        assert sleeping.stdout.readline() == "begun\n"
        sleeping.kill()
        sleeping.wait()
        assert len(containers(client, sleeping.pid)) == 1
        assert contained("exec", "-", "--lang", "bash", given="true").returncode == 0
        assert containers(client, sleeping.pid) == []


@pytest.mark.docker
def test_a_missing_module_ends_with_the_line_that_adds_it(contained: Program) -> None:
    done = contained("exec", "-", "--lang", "python", given="import cv2\n")
    assert done.returncode == 1
    assert "assistant sandbox build --package opencv-python" in done.stderr


@pytest.mark.docker
def test_without_an_engine_it_says_what_to_do(contained: Program, tmp_path: Path) -> None:
    contained.variables["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    done = contained("exec", "-", "--lang", "python", given="print(1)\n")
    assert done.returncode == 125
    assert "none.sock" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
