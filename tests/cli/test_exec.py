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


@pytest.mark.docker
def test_limits_are_those_that_were_asked_for(contained: Program) -> None:
    look = (
        "cd /sys/fs/cgroup; cat memory.max memory/memory.limit_in_bytes 2>/dev/null;"
        " cat pids.max pids/pids.max 2>/dev/null; df --output=size -B1 /tmp | tail -1;"
        " dd if=/dev/zero bs=1000 count=40 2>/dev/null | tr '\\0' x"
    )
    wanted = ["--memory", "256M", "--processes", "77", "--disk", "3M"]
    asked = ["exec", "-", "--lang", "bash", *wanted]
    contained.variables |= {"ASSISTANT_OUTPUT_KEPT": "1K", "ASSISTANT_TMP": "8M"}
    told = json.loads(contained(*asked, "--json", given=look).stdout)["output"]
    assert told.split()[:3] == [str(256 << 20), "77", str(8 << 20)]
    assert 2000 < told.count("x") < 2100, "the rest of 40,000 is left out"
    many = "import subprocess as s; [s.Popen(['sleep', '60']) for _ in range(100)]"
    small = "for n in $(seq 9); do head -c 1M /dev/zero >/tmp/$n; done"
    fill = f'{small}\npython3 -c "{many}"'
    refused = contained(*asked, given=fill)
    assert "refused to start more processes" in refused.stderr
    assert "/tmp is full" in refused.stderr
    filled = contained(*asked, given="for n in 1 2 3 4; do yes | head -c 1M >$n; done; sleep 60")
    assert "stopped at a limit: disk" in filled.stderr
    one = contained("exec", "-", "--disk", "3M", given="open('/tmp/x', 'wb').truncate(4 << 20)")
    assert "(setting: disk)" in one.stderr
    contained.variables["ASSISTANT_OPEN_FILES"] = "256"
    opened = contained("exec", "-", given="held = [open('/dev/null') for _ in range(300)]")
    assert "(setting: open_files)" in opened.stderr
    contained.variables["ASSISTANT_OUTPUT_BYTES"] = "100K"
    flood = contained(*asked, given="yes | head -c 300000; sleep 30")
    assert "stopped at a limit: output" in flood.stderr


def test_limits_without_a_container_and_those_that_make_no_sense(program: Program) -> None:
    said = program("exec", "-", "--lang", "bash", "--disk", "2M", given="yes >big; sleep 30")
    assert "stopped at a limit: disk" in said.stderr
    for wrong in ("--memory 1K", "--processes 2", "--processors 0", "--disk much"):
        refused = program("exec", "-", "--lang", "bash", *wrong.split(), given="true")
        assert refused.returncode == 125
        assert wrong.split()[0] in refused.stderr
