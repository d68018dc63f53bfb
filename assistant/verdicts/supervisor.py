"""Runs the tests of one task against a solution in another process, and alone tells the verdict.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), after wire.py,
candidate.py, proxies.py and session.py, and loaded once: each job calls ``main`` in a fork of its
own. Its order keeps the expected values secret: it forks the candidate, closes this process to
others, and only then reads the tests.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, Dict, NoReturn, Optional

if TYPE_CHECKING:
    from assistant.verdicts.confinement import become_candidate, lower
    from assistant.verdicts.exam import Exam, Wrong
    from assistant.verdicts.report import Report, cut
    from assistant.verdicts.session import Session
    from assistant.verdicts.wire import Damaged, Unfit

OWN_MEMORY = 2 << 30
PRIVATE = ("/tmp", "/var/tmp", "/dev/shm")
"""Places that a solution can write to: nothing is imported from there here."""


class Clock:
    """Ends all at the task's limit, also in the middle of a comparison."""

    def __init__(self, report: Report, seconds: float) -> None:
        self.report, self.seconds = report, seconds
        self.deadline = time.monotonic() + seconds
        signal.signal(signal.SIGALRM, self.look)
        signal.setitimer(signal.ITIMER_REAL, seconds + 0.001, 0.2)

    def look(self, *_: Any) -> None:
        if time.monotonic() >= self.deadline:  # Others can send this signal, too.
            self.report.tell("timeout", f"it was not done after {self.seconds:g} s")

    def allow(self, seconds: float) -> None:
        """Time that the task's own reference took is not the solution's."""
        self.deadline += seconds


def main(exam: int) -> NoReturn:
    """``exam`` is the descriptor of what the host sent for this one judgement."""
    ours, theirs = socket.socketpair()
    out, written = os.pipe()
    pid = os.fork()
    if pid == 0:
        ours.close()
        os.close(out)
        os.close(exam)
        become_candidate(theirs, written)
    theirs.close()
    os.close(written)
    shut_off()
    with open(exam, "rb") as file:
        told = json.load(file)
    workspace = os.getcwd()
    report = Report(alone(workspace), told["nonce"])
    try:
        session = report.session = Session(pid, ours, out)
        session.report = report
        session.channel.send([told["limits"], workspace])
        judge(told, session, report)
    except BaseException:  # noqa: BLE001 - whatever it is, it is no verdict about the solution
        report.tell("harness_error", cut(traceback.format_exc()[-1500:], 1500))


def shut_off() -> None:
    """Nobody else may look into this process, and signals do not end it but by force."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        with open("/proc/self/oom_score_adj", "w") as file:
            try:  # When memory runs out, the candidate is to go first.
                file.write("500")
                file.flush()
            except OSError:
                pass
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    lower(resource.RLIMIT_DATA, OWN_MEMORY)
    sys.setrecursionlimit(4000)


def alone(workspace: str) -> int:
    """Leaves what the candidate can write to; returns the descriptor for the report."""
    places = (workspace, os.path.expanduser("~"), *PRIVATE)
    own = (sys.prefix + os.sep, sys.base_prefix + os.sep)
    trusted = (path for path in sys.path if path.startswith(own) or not path.startswith(places))
    sys.path[:] = [path for path in trusted if path and not path.startswith(workspace)]
    sys.path_importer_cache.clear()
    os.chdir("/")
    fd = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    return fd


def judge(told: Dict[str, Any], session: Session, report: Report) -> NoReturn:
    exam = Exam(told)
    session.name, session.stops = exam.entry, "StopIteration" in exam.used
    clock = Clock(report, told["limits"]["seconds"])
    try:
        load(exam, session, report)
        exam.run(session, clock)
    except Damaged as error:
        report.tell("exit_before_verdict", f"it sent {error} in place of an answer")
    except Unfit as error:
        report.tell("harness_error", str(error))
    except BaseException as error:  # noqa: BLE001 - what tests raise is told
        explain(error, exam, session, report)
    if not session.calls:
        report.tell("harness_error", "the tests never called the solution")
    report.tell("passed")


def load(exam: Exam, session: Session, report: Report) -> None:
    """Has the candidate run the solution, and puts its names in front of the tests."""
    wanted = exam.wanted()
    answer = session.exchange("load", exam.told["code"], wanted)
    if answer[0] == "syntax":
        report.tell("syntax_error", str(answer[1]))
    if answer[0] == "raised":
        raise session.rebuilt(answer)
    found = {name: session.value(packed) for name, packed in answer[1] if name in wanted}
    needed = [exam.entry] if exam.entry else wanted
    missing = [name for name in needed if name not in found]
    if missing and (exam.entry or not found):
        report.tell("missing_entry_point", "it does not define " + ", ".join(missing))
    exam.names.update(found)
    exam.names.setdefault("candidate", found.get(exam.entry))


def explain(error: BaseException, exam: Exam, session: Session, report: Report) -> NoReturn:
    """The verdict for tests that ended with an exception."""
    own: Optional[Any] = getattr(error, "from_solution", None)
    name = type(error).__name__
    if own is not None:
        text, code = own
        kind = limit_of(error, code, session)
        report.tell(kind or "runtime_error", text, "" if kind else name)
    if isinstance(error, MemoryError):
        report.tell("out_of_memory", "its answer does not fit into memory")
    line = exam.line_of(error)
    if (
        isinstance(error, NameError)
        and str(error).split("'")[1:2]
        and (str(error).split("'")[1] in exam.asked)
    ):
        report.tell("missing_entry_point", f"{line}: {error}")
    if isinstance(error, (ImportError, NameError, SyntaxError, SystemExit, KeyboardInterrupt)):
        report.tell("harness_error", f"the tests fail by themselves: {name}: {error}")
    said = cut(str(error), 600)
    if not isinstance(error, (AssertionError, Wrong)):
        said = name + (": " + said if said else "")
    report.tell("wrong_answer", "\n".join(part for part in (cut(line, 1200), said) if part))


def limit_of(error: BaseException, code: Any, session: Session) -> str:
    """The class of an exception that stands for a limit or an early exit."""
    if isinstance(error, MemoryError):
        return "out_of_memory"
    if isinstance(error, SystemExit):
        return "exit_before_verdict"
    crowded = isinstance(error, BlockingIOError) and code == 11 and session.crowding.more()
    if crowded or (isinstance(error, RuntimeError) and "start new thread" in str(error)):
        return "process_limit"
    return ""
