"""What every executor must do: one suite, run over each of them."""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Protocol

import pytest

from assistant.events import CodeBlock, ExecResult, Notice, Output, SandboxError
from assistant.following import followed
from assistant.sandbox.tree import Delta, Entry


class Store(dict[str, bytes]):
    """File contents by their sha256, in memory."""

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self[digest] = data
        return digest

    def get(self, digest: str) -> bytes:  # type: ignore[override]  # A store has no default.
        return self[digest]

    def files(self, **files: str | bytes) -> Delta:
        """A delta that writes these; ``__`` stands for ``/`` and a last ``_`` for ``.``"""
        written: dict[str, Entry] = {}
        for key, text in files.items():
            path = ".".join(key.replace("__", "/").rsplit("_", 1))
            data = text.encode() if isinstance(text, str) else text
            written[path] = Entry("file", 0o644, len(data), self.put(data))
        return Delta(written)


class Runs(Protocol):
    def run(
        self, block: CodeBlock, seconds: float
    ) -> Generator[Output | Notice, None, ExecResult]: ...


class Sandbox(Runs, Protocol):
    def open(self) -> None: ...
    def put(self, delta: Delta, blobs: Any) -> None: ...
    def pull(self, blobs: Any) -> Delta: ...
    def close(self) -> None: ...


Make = Callable[..., Any]
Run = Generator[Output | Notice, None, ExecResult]


def finish(run: Run) -> tuple[str, ExecResult]:
    """What a run showed, and its result."""
    events: list[Output | Notice] = []
    result = followed(run, events.append)
    return "".join(event.text for event in events if isinstance(event, Output)), result


def go(
    sandbox: Runs, code: str, lang: str = "python", seconds: float = 20, path: str | None = None
) -> ExecResult:
    return finish(sandbox.run(CodeBlock(lang, code, path), seconds))[1]


def until_output(run: Run) -> None:
    while not isinstance(next(run), Output):
        pass


def _interrupted(run: Run) -> Run:
    """The rest of a run into which a Ctrl-C falls now."""
    try:
        event = run.throw(KeyboardInterrupt())
    except StopIteration as end:
        interrupted: ExecResult = end.value
        return interrupted
    yield event
    return (yield from run)


class Contract:
    """Subclasses give the fixture ``make``: a function ``(life="session") -> sandbox``; what it
    makes is closed afterwards."""

    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError

    @pytest.fixture
    def session(self, make: Make) -> Sandbox:
        made: Sandbox = make("session")
        return made

    @pytest.fixture
    def fresh(self, make: Make) -> Sandbox:
        made: Sandbox = make("fresh")
        return made

    @pytest.fixture
    def pooled(self, make: Make) -> Sandbox:
        made: Sandbox = make("pooled")
        return made

    # What a program prints and how it ends.

    def test_output_comes_live_and_whole(self, session: Sandbox) -> None:
        shown, result = finish(session.run(CodeBlock("python", "print('one'); print('two')"), 20))
        assert result.ok
        assert shown == result.output == "one\ntwo\n"

    def test_both_streams_in_order(self, session: Sandbox) -> None:
        code = "import sys\nfor i in range(3):\n    print(i)\n    print('e', i, file=sys.stderr)\n"
        assert go(session, code).output == "0\ne 0\n1\ne 1\n2\ne 2\n"
        assert go(session, "echo a; echo b >&2; echo c", "bash").output == "a\nb\nc\n"

    def test_unfinished_lines_keep_their_place(self, session: Sandbox) -> None:
        code = "import os\nprint('a', end='')\nos.system('printf b')\nprint('c', end='')"
        assert go(session, code).output == "abc"

    def test_exit_codes(self, session: Sandbox) -> None:
        assert go(session, "import sys; sys.exit(7)").exit_code == 7
        assert go(session, "raise SystemExit").exit_code == 0
        said = go(session, "import sys; sys.exit('no luck')")
        assert (said.exit_code, said.output) == (1, "no luck\n")
        assert go(session, "exit 9", "bash").exit_code == 9
        assert go(session, "false", "bash").exit_code == 1

    def test_an_exception_is_a_result_with_a_clean_traceback(self, session: Sandbox) -> None:
        result = go(session, "def half(n):\n    return n / 0\n\nhalf(3)\n")
        assert (result.exit_code, result.reason) == (1, None)
        assert result.output.startswith('Traceback (most recent call last):\n  File "<block 1>"')
        assert "return n / 0" in result.output
        assert "runner" not in result.output
        assert result.output.endswith("ZeroDivisionError: division by zero\n")

    def test_a_syntax_error_shows_its_line(self, session: Sandbox) -> None:
        result = go(session, "x = 1\nif x\n    pass\n")
        assert result.exit_code == 1
        assert 'File "<block 1>", line 2' in result.output
        assert "Traceback" not in result.output

    def test_shell_messages_name_block_and_line(self, session: Sandbox) -> None:
        result = go(session, "true\nno-such-command-here\n", "bash")
        assert result.exit_code == 127
        assert "block 1: line 2: no-such-command-here: command not found" in result.output
        assert any("no-such-command-here" in note for note in result.notes)

    def test_a_missing_module_comes_with_a_remedy(self, session: Sandbox) -> None:
        result = go(session, "import cv2_that_is_not_there")
        assert any("--package cv2_that_is_not_there" in note for note in result.notes)

    def test_bytes_that_are_no_text(self, session: Sandbox) -> None:
        code = "import os; os.write(1, b'a\\xff\\xc3\\xa4\\n');"
        assert go(session, code).output == "a\ufffdä\n"
        assert go(session, "print('\\udc41', '\\ud800')").exit_code == 1
        assert go(session, "printf '\\377\\n'", "bash").output == "\ufffd\n"

    def test_code_that_is_no_text(self, session: Sandbox) -> None:
        assert go(session, "x = '\ud800'").exit_code == 1
        assert go(session, "print(1)\0").exit_code == 1
        assert go(session, "print('ä€😀')").output == "ä€😀\n"

    def test_much_output_keeps_head_and_tail(self, session: Sandbox) -> None:
        result = go(session, "for i in range(100_000): print(i)")
        assert result.ok
        assert result.output.startswith("0\n1\n2\n")
        assert result.output.endswith("\n99999\n")
        assert result.cut == 588_890 - 65_536
        assert len(result.output) < 66_000

    def test_a_flood_is_stopped(self, session: Sandbox) -> None:
        for lang, code in (("python", "while True: print('x' * 10_000)"), ("bash", "yes")):
            result = go(session, code, lang)
            assert (result.exit_code, result.reason) == (137, "output")
            assert len(result.output) < 66_000

    def test_input_is_empty(self, session: Sandbox) -> None:
        assert "EOFError" in go(session, "input()").output
        assert go(session, "read x; echo got $?", "bash").output == "got 1\n"
        assert go(session, "cat; echo end", "bash").output == "end\n"

    # State.

    def test_python_keeps_its_names(self, session: Sandbox) -> None:
        go(session, "import math\nclass A:\n    n = 3\nx = 4")
        assert go(session, "print(math.floor(2.5), A.n, x)").output == "2 3 4\n"

    def test_a_failing_block_keeps_what_it_had_done(self, session: Sandbox) -> None:
        go(session, "kept = 5\nraise ValueError")
        assert go(session, "print(kept)").output == "5\n"

    def test_the_last_value_is_shown(self, session: Sandbox) -> None:
        assert go(session, "x = 20\nx + 1").output == "21\n"
        assert go(session, "x + 1;").output == ""
        assert go(session, "None").output == ""

    def test_the_shell_keeps_folder_variables_and_functions(self, session: Sandbox) -> None:
        go(
            session,
            "mkdir -p deep && cd deep; here=yes; export FROM_ENV=5; f() { echo f$1; }",
            "sh",
        )
        result = go(session, "basename $PWD; echo $here; printenv FROM_ENV; f 3", "bash")
        assert result.output == "deep\nyes\n5\nf3\n"

    def test_the_shell_survives_exit_and_errexit(self, session: Sandbox) -> None:
        result = go(session, "a=1\nset -euo pipefail\na=2\nfalse\na=3", "bash")
        assert result.exit_code == 1
        assert go(session, "echo $a; false; echo on; exit 4", "bash").output == "2\non\n"
        assert go(session, "echo $a $unset", "bash").output == "2\n"

    @pytest.mark.parametrize("name", ["name", "code=echo\\ forged", "status=0", "trap=1"])
    def test_a_block_cannot_have_its_shell_take_another_for_done(
        self, session: Sandbox, name: str
    ) -> None:
        go(session, "a=1", "bash")
        go(session, f"readonly __assistant_{name}", "bash")
        result = go(session, "echo $a; false", "bash")
        assert (result.exit_code, result.output) == (1, "1\n") or result.exit_code == 125
        assert go(session, "echo $a; false", "bash").output == "1\n"

    def test_traps_run_at_the_end_of_their_block(self, session: Sandbox) -> None:
        result = go(session, "trap 'echo cleaned up' EXIT\necho work\n(exit 3)", "bash")
        assert (result.exit_code, result.output) == (3, "work\ncleaned up\n")
        assert go(session, "echo next", "bash").output == "next\n"

    def test_redirections_end_with_their_block(self, session: Sandbox) -> None:
        go(session, "exec >/dev/null 2>&1; echo hidden", "bash")
        assert go(session, "echo seen", "bash").output == "seen\n"
        go(session, "import sys; sys.stdout.close(); sys.stderr.close()")
        assert go(session, "print('seen')").output == "seen\n"

    def test_an_interpreter_that_dies_is_replaced_and_that_is_told(self, session: Sandbox) -> None:
        go(session, "x = 1")
        go(session, "y=1", "bash")
        result = go(session, "import os; os._exit(3)")
        assert result.exit_code == 3
        assert any("interpreter" in note for note in result.notes)
        assert "NameError" in go(session, "x").output
        assert go(session, "echo $y", "bash").output == "1\n"

    def test_late_timers_do_not_end_the_interpreter(self, session: Sandbox) -> None:
        code = (
            "import signal\n"
            "def late(*_): raise TimeoutError('late')\n"
            "signal.signal(signal.SIGALRM, late)\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.2, 0.1)"
        )
        go(session, code)
        go(session, "sleep 0.7", "bash")
        assert go(session, "signal.setitimer(signal.ITIMER_REAL, 0); code = 3").reason is None
        assert go(session, "signal.setitimer(signal.ITIMER_REAL, 0); print('on')").output == "on\n"

    def test_an_interpreter_that_dies_between_blocks_is_told(self, session: Sandbox) -> None:
        go(session, "import os, subprocess")
        go(session, "subprocess.Popen(f'sleep 0.3; kill -9 {os.getpid()}', shell=True)")
        result = go(session, "sleep 1", "bash")
        assert any("interpreter" in note for note in result.notes)
        assert go(session, "print(1)").notes == ()

    def test_a_crash_is_a_result(self, session: Sandbox) -> None:
        result = go(session, "import ctypes; ctypes.string_at(0)")
        assert result.exit_code == 139
        assert go(session, "print(1)").output == "1\n"
        assert go(session, "kill -9 $$", "bash").exit_code == 137
        assert go(session, "echo 1", "bash").output == "1\n"

    def test_a_fork_that_comes_back_is_not_the_interpreter(self, session: Sandbox) -> None:
        result = go(session, "import os\nif os.fork() == 0: print('child')\nelse: os.wait()")
        assert result.output == "child\n"
        assert go(session, "print('still one')").output == "still one\n"

    def test_fresh_keeps_nothing(self, fresh: Sandbox) -> None:
        assert go(fresh, "x = 1\nopen('left', 'w').close()\nx").output == ""
        result = go(fresh, "import os\nprint(os.listdir('.'))\nx")
        assert result.output.startswith("[]\n")
        assert "NameError" in result.output

    def test_fresh_python_ends_like_a_script(self, fresh: Sandbox) -> None:
        code = (
            "import atexit, threading, time\n"
            "atexit.register(print, 'at exit')\n"
            "threading.Thread(target=lambda: (time.sleep(0.3), print('thread'))).start()\n"
            "class Gone:\n    def __del__(self): print('gone')\n"
            "gone = Gone()\n"
            "written = open('unclosed', 'w'); written.write('all of it')\n"
            "loop = [open('cycle', 'w')]; loop.append(loop); loop[0].write('too')\n"
            "print(__name__)"
        )
        assert go(fresh, code).output == "__main__\nthread\nat exit\ngone\n"
        blobs = Store()
        left = fresh.pull(blobs).written
        assert {path: blobs[entry.digest] for path, entry in left.items()} == {
            "unclosed": b"all of it",
            "cycle": b"too",
        }

    def test_files_come_also_to_a_place_that_was_opened_before(self, make: Make) -> None:
        for life in ("session", "fresh", "pooled"):
            store, sandbox = Store(), make(life)
            sandbox.open()
            sandbox.put(store.files(a="1", b="2"), store)
            sandbox.put(Delta({}, ("b",)), store)
            for _ in range(2):
                result = go(sandbox, "import os; print(os.listdir(), open('a').read())")
                assert result.output == "['a'] 1\n"

    def test_figures_that_are_left_open_are_saved(self, make: Make) -> None:
        """As a file that can be pulled; a pool, which keeps no files, leaves them alone."""
        store = Store()
        drawing = (
            "class Figure:\n    def savefig(self, name): open(name, 'w').write('a figure')\n"
            "def get_fignums(): return [1]\ndef figure(number): return Figure()\n"
            "def close(what): print('closed', what)\n"
        )
        files = store.files(**{"matplotlib/pyplot.py": drawing})
        for life in ("fresh", "session", "pooled"):
            sandbox = make(life)
            sandbox.put(files, store)
            result = go(sandbox, "import matplotlib.pyplot")
            saved = ["saved the figure as figure-1.png", "closed all"]
            assert result.output.splitlines() == ([] if life == "pooled" else saved)
            assert ("figure-1.png" in sandbox.pull(store).written) == (life != "pooled")
            if life == "fresh":
                failed = go(sandbox, "import matplotlib.pyplot; 'savefig'; print('mine')")
                assert failed.output == "mine\n"

    def test_pooled_keeps_nothing(self, pooled: Sandbox) -> None:
        blobs = Store()
        pooled.put(blobs.files(in_txt="in"), blobs)
        leave = (
            "mkdir -p a/b; echo x > a/b/c; chmod 000 a/b; touch .hidden; rm in.txt\n"
            "python3 -c \"import os\nfor i in range(500): os.mkdir('d'); os.chdir('d')\"\n"
            "setsid sleep 300 & (trap '' TERM INT; sleep 300) & x=1"
        )
        look = "import os, sys; print(os.listdir('.'), open('in.txt').read(), 'x' in globals())"
        for _ in range(3):
            go(pooled, leave, "bash")
            assert go(pooled, "x = 1; open('y', 'w')").ok
            assert go(pooled, look).output == "['in.txt'] in False\n"
        assert go(pooled, "while True: pass", seconds=0.5).reason == "timeout"
        assert go(pooled, "import os; os._exit(3)").exit_code == 3
        assert go(pooled, look).output == "['in.txt'] in False\n"
        assert not pooled.pull(blobs)

    def test_other_languages_run_from_a_file(self, session: Sandbox) -> None:
        assert go(session, "print 6 * 7, qq(\\n);", "perl").output == "42\n"
        assert go(session, "exit 5;", "perl").exit_code == 5

    def test_a_missing_language_names_its_command(self, session: Sandbox) -> None:
        result = go(session, "Write-Host 1", "powershell")
        assert result.exit_code == 127
        assert any("pwsh" in note and "--image" in note for note in result.notes)

    # Time.

    def test_a_timeout_interrupts_and_keeps_the_state(self, session: Sandbox) -> None:
        go(session, "x = 1")
        result = go(session, "import time\nprint('so far')\ntime.sleep(60)", seconds=0.5)
        assert (result.exit_code, result.reason) == (124, "timeout")
        assert result.output.startswith("so far\n")
        assert "KeyboardInterrupt" in result.output
        assert result.notes
        assert go(session, "print(x)").output == "1\n"

    def test_a_timeout_kills_what_does_not_listen(self, session: Sandbox) -> None:
        code = (
            "import signal, time, sys\n"
            "for name in (signal.SIGINT, signal.SIGTERM): signal.signal(name, signal.SIG_IGN)\n"
            "print('dots', end='')\n"
            "while True: time.sleep(1)"
        )
        began = time.monotonic()
        result = go(session, code, seconds=0.5)
        assert time.monotonic() - began < 25
        assert (result.reason, result.output) == ("timeout", "dots")
        assert any("interpreter" in note for note in result.notes)

    def test_a_timeout_ends_the_whole_tree(self, session: Sandbox) -> None:
        code = (
            "setsid sh -c 'echo $$ > tree.pid; trap \"\" INT TERM; while :; do sleep 0.1; done' &\n"
            "(trap '' INT TERM HUP; sleep 300) & \n"
            "while [ ! -s tree.pid ]; do :; done; sleep 300"
        )
        began = time.monotonic()
        result = go(session, code, "bash", seconds=1)
        assert time.monotonic() - began < 25
        assert result.reason == "timeout"
        assert go(session, "kill -0 $(cat tree.pid)", "bash").exit_code == 1

    def test_a_child_that_holds_the_output_holds_nobody_up(self, session: Sandbox) -> None:
        began = time.monotonic()
        assert go(session, "sleep 300 & echo started", "bash").output == "started\n"
        code = "import subprocess; p = subprocess.Popen(['sleep', '300']); print('too')"
        assert go(session, code).output == "too\n"
        assert time.monotonic() - began < 25

    def test_background_programs_live_on_and_are_told(self, session: Sandbox) -> None:
        became = "until grep -q sleep /proc/$!/comm; do :; done"
        result = go(session, f"sleep 301 & echo $! > pid; {became}", "bash")
        assert any("sleep 301" in note for note in result.notes)
        silent = "import subprocess; p = subprocess.Popen([' '], executable='/bin/cat', stdin=-1)"
        assert any('"cat"' in note for note in go(session, silent).notes)
        go(session, "import time; time.sleep(60)", seconds=0.3)
        assert go(session, "kill -0 $(cat pid) && kill %1", "bash").exit_code == 0

    def test_a_skipped_folder_is_not_a_removed_one(self, session: Sandbox) -> None:
        blobs = Store()
        session.put(Delta({".git": Entry("dir", 0o755)}), blobs)
        session.put(blobs.files(**{".git__config_": "x", "a_txt": "y"}), blobs)
        go(session, "echo more >> .git/config; echo new > b.txt", "bash")
        delta = session.pull(blobs)
        assert (set(delta.written), delta.removed) == ({"b.txt"}, ())

    def test_fresh_timeouts_kill_at_once(self, fresh: Sandbox) -> None:
        code = "import signal, time\nsignal.signal(2, signal.SIG_IGN)\nprint('x')\ntime.sleep(60)"
        result = go(fresh, code, seconds=0.5)
        assert (result.exit_code, result.reason, result.output) == (124, "timeout", "x\n")

    # Ctrl-C.

    def test_ctrl_c_ends_the_block_and_is_a_result(self, session: Sandbox) -> None:
        run = session.run(CodeBlock("python", "import time\nprint('on')\ntime.sleep(60)"), 60)
        until_output(run)
        result = finish(_interrupted(run))[1]
        assert (result.reason, result.exit_code) == ("cancelled", 130)
        assert result.output.startswith("on")
        assert go(session, "print(1)").output == "1\n"

    def test_a_real_ctrl_c_while_nothing_comes(self, session: Sandbox) -> None:
        go(session, "x = 1")
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.monotonic()
        result = go(session, "while True: pass", seconds=60)
        assert time.monotonic() - began < 30
        assert (result.reason, result.exit_code) == ("cancelled", 130)
        assert go(session, "print(x)").output == "1\n"

    def test_a_run_that_is_dropped_is_ended(self, session: Sandbox) -> None:
        run = session.run(CodeBlock("python", "print('on')\nwhile True: pass"), 60)
        until_output(run)
        run.close()
        assert go(session, "print(1)").output == "1\n"

    # Files.

    def test_files_in_and_out(self, session: Sandbox) -> None:
        blobs = Store()
        session.put(blobs.files(a_txt="old", pkg__mod_py="n = 3"), blobs)
        result = go(session, "from pkg.mod import n\nprint(n, open('a.txt').read())")
        assert result.output == "3 old\n"
        assert not session.pull(blobs)
        code = "open('a.txt', 'w').write('new')\nopen('b.bin', 'wb').write(bytes(256))"
        go(session, code + "\nimport os; os.remove('pkg/mod.py'); os.rmdir('pkg')")
        delta = session.pull(blobs)
        assert {path: blobs[entry.digest] for path, entry in delta.written.items()} == {
            "a.txt": b"new",
            "b.bin": bytes(256),
        }
        assert delta.removed == ("pkg/mod.py",) or delta.removed == ("pkg/mod.py", "pkg")
        assert not session.pull(blobs)

    def test_put_takes_away_and_replaces(self, session: Sandbox) -> None:
        blobs = Store()
        session.put(blobs.files(a_txt="1", d__b_txt="2"), blobs)
        go(session, "rm a.txt; mkdir a.txt; touch a.txt/x", "bash")
        session.pull(blobs)
        session.put(blobs.files(a_txt="again"), blobs)
        session.put(Delta(removed=("d/b.txt", "d", "never/was")), blobs)
        assert go(session, "ls; cat a.txt", "bash").output == "a.txt\nagain"

    def test_modes_links_and_odd_names(self, session: Sandbox) -> None:
        blobs = Store()
        digest = blobs.put(b"#!/bin/sh\necho ran\n")
        odd = "od\ud83d\nd \udcff.sh".replace("\ud83d", "ä")
        written = {
            "d": Entry("dir", 0o755),
            "link": Entry("link", 0o777, target="d/" + odd),
            "d/" + odd: Entry("file", 0o755, 18, digest),
        }
        session.put(Delta(written), blobs)
        assert go(session, "./link; readlink link | wc -l", "bash").output == "ran\n2\n"
        go(session, "chmod 700 d; ln -s /etc/passwd out; mkfifo pipe; chmod 4755 link", "bash")
        delta = session.pull(blobs)
        assert delta.written["out"] == Entry("link", 0o777, target="/etc/passwd")
        assert delta.written["d"] == Entry("dir", 0o700)
        assert delta.written["d/" + odd].mode == 0o755
        assert "pipe" not in delta.written

    def test_a_file_is_run_where_it_lies(self, session: Sandbox) -> None:
        blobs = Store()
        main = "import sys, helper\nif __name__ == '__main__': print(sys.argv[0], helper.x)\n"
        session.put(blobs.files(app__main_py=main, app__helper_py="x = 5"), blobs)
        assert go(session, main, path="app/main.py").output == "app/main.py 5\n"
        broken = blobs.files(bad_py="\n1/0\n")
        session.put(broken, blobs)
        assert 'bad.py", line 2, in <module>' in go(session, "\n1/0\n", path="bad.py").output

    def test_a_changed_module_is_imported_anew(self, session: Sandbox) -> None:
        blobs = Store()
        session.put(blobs.files(util_py="def f(): return 1"), blobs)
        assert go(session, "import util; util.f()").output == "1\n"
        session.put(blobs.files(util_py="def f(): return 'two'"), blobs)
        result = go(session, "import util; util.f()")
        assert result.output == "'two'\n"
        assert any("util" in note for note in result.notes)

    def test_fresh_gets_what_was_put_and_tells_what_it_left(self, fresh: Sandbox) -> None:
        blobs = Store()
        fresh.put(blobs.files(in_txt="in"), blobs)
        for _ in range(2):
            assert go(fresh, "print(open('in.txt').read()); open('out', 'w')").output == "in\n"
            assert list(fresh.pull(blobs).written) == ["out"]

    # What is not a result.

    def test_what_cannot_be_run_raises(self, session: Sandbox) -> None:
        for lang in ("json", "klingon", ""):
            with pytest.raises(SandboxError):
                go(session, "{}", lang)
        with pytest.raises(SandboxError):
            go(session, "1", seconds=0)
        for path in ("/etc/passwd", "../x.py", "a/../../x.py"):
            with pytest.raises(SandboxError):
                go(session, "1", path=path)

    def test_closing_ends_everything_and_can_be_repeated(self, session: Sandbox) -> None:
        go(session, "sleep 300 &", "bash")
        session.close()
        session.close()

    def test_a_put_that_breaks_off_leaves_nothing_in_doubt(self, session: Sandbox) -> None:
        blobs = Store()
        session.put(blobs.files(a="old", b="old", c="old"), blobs)
        delta = blobs.files(a="new", b="new" * 200_000, d="new")
        broken = Delta(delta.written, ("c",))
        missing = Store({d: data for d, data in blobs.items() if data != b"new"})
        with pytest.raises(KeyError):
            session.put(broken, missing)
        inside = go(session, "ls; head -c 3 a b", "bash").output.split()
        told = session.pull(blobs)
        assert ("c" in told.removed) == ("c" not in inside)
        for path, entry in told.written.items():
            assert path in inside
            assert blobs[entry.digest].startswith(b"new")
        session.put(delta, blobs)
        assert not session.pull(blobs)
        assert go(session, "cat a d", "bash").output == "newnew"
