"""Improve steps in processes of their own, so that one Ctrl-C ends them all and none waits."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from assistant.events import Finished
from assistant.tasks.improved import TYPE, Outcome
from assistant.tasks.script import TurnReport, Verdict, expected
from assistant.tasks.script_file import Expectation, ImproveStep

STEP = "Step"


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step: how its expectations fared, and what changed (None where it never began)."""

    report: TurnReport
    outcome: Outcome | None = None


def step_line(file: str, found: StepReport) -> str:
    """A step's report as one JSON line: its outcome, and what became of its expectations."""
    report = found.report
    verdicts = [
        {
            "line": verdict.expectation.line,
            "expectation": str(verdict.expectation),
            "passed": verdict.passed,
            "found": verdict.found,
        }
        for verdict in report.verdicts
    ]
    step = {
        "v": 1,
        "type": STEP,
        "file": file,
        "line": report.turn.line,
        "passed": report.passed,
        "status": report.ending.status if report.ending else None,
        "detail": report.ending.detail if report.ending else "",
        "expectations": verdicts,
        "outcome": json.loads(found.outcome.line()) if found.outcome else None,
    }
    return json.dumps(step, separators=(",", ":"))


def read_step(step: ImproveStep, line: str) -> StepReport:
    """What ``step_line`` wrote; a line that is none is a step that failed."""
    try:
        raw: Any = json.loads(line)
        ending = Finished(raw["status"], raw["detail"])
        told = raw["expectations"]
    except (ValueError, KeyError, TypeError):
        why = f"its process ended without a report: {line[-500:]}"
        failed = Verdict(Expectation("status", "done", step.line), False, why)
        return StepReport(TurnReport(step, Finished("gave-up", why), (failed,)))
    verdicts = tuple(
        Verdict(wanted, one["passed"], one["found"])
        for wanted, one in zip(expected(step), told, strict=False)
    )
    return StepReport(TurnReport(step, ending, verdicts), _outcome(raw["outcome"]))


def _outcome(raw: Any) -> Outcome | None:
    if raw is None:
        return None
    fields = {key: value for key, value in raw.items() if key not in ("v", "type")}
    assert raw["type"] == TYPE
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Outcome(**{**fields, **lists})


class Children:
    """Processes that each run one step of the script of this command line."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, number: int) -> str:
        """The report of a step, or else what its process had to say."""
        # -P: a folder of the user's that has our name is not us. A session of its own: a Ctrl-C
        # at the terminal reaches it through ``stop``, once.
        command = [sys.executable, "-P", "-m", "assistant", *sys.argv[1:], "--step", str(number)]
        with self._lock:
            if self._stopped:
                return "stopped"
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._live.add(process)
        out, err = process.communicate()
        with self._lock:
            self._live.discard(process)
        return next(reversed(out.splitlines()), "") or err.strip()

    def stop(self) -> None:
        """Interrupt them all; none begins any more."""
        with self._lock:
            self._stopped = True
            for process in self._live:
                process.terminate()  # As a Ctrl-C, and never ignored from birth.
