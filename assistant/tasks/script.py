"""Scripted conversations: say each turn, hold what came of it against what was expected."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from xml.etree import ElementTree

from assistant.budget import Spent, spent
from assistant.events import Checked, Event, Finished, Ran, Replied
from assistant.tasks.script_file import Expectation, ImproveStep, Script, ScriptTurn
from assistant.transcript import this_turn


class Conversation(Protocol):
    """What a script drives: see ``Chat``."""

    events: list[Event]

    def say(self, text: str) -> Finished: ...
    def set_check(self, command: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Probe:
    """How a script looks at the workspace: a file's text, or None; a command in a fresh copy."""

    read: Callable[[str], str | None]
    check: Callable[[str], Checked]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one expectation; ``found`` says what there was instead."""

    expectation: Expectation
    passed: bool
    found: str = ""


@dataclass(frozen=True, slots=True)
class TurnReport:
    """One turn: its ending, and every expectation's verdict. ``skipped``: it was never said."""

    turn: ScriptTurn | ImproveStep
    ending: Finished | None
    verdicts: tuple[Verdict, ...]
    spent: Spent = field(default_factory=Spent)

    @property
    def passed(self) -> bool:
        return self.ending is not None and all(verdict.passed for verdict in self.verdicts)


def run_script(script: Script, chat: Conversation, probe: Probe) -> Iterator[TurnReport]:
    """Say the turns in order, one report each.

    A turn without an expected status must end with "done". After a turn that failed the rest is
    not said, since it builds on it.
    """
    failed = False
    for turn in script.turns:
        if failed:
            yield TurnReport(turn, None, ())
            continue
        if turn.check is not None:
            chat.set_check(turn.check)
        ending = chat.say(turn.say)
        report = judged(turn, ending, this_turn(chat.events), probe)
        failed = not report.passed
        yield report


def judged(
    turn: ScriptTurn | ImproveStep, ending: Finished, events: Sequence[Event], probe: Probe
) -> TurnReport:
    """What came of a turn, held against what was expected of it: to be done, if nothing else."""
    view = _View(ending, events, probe)
    return TurnReport(turn, ending, tuple(map(view.verdict, expected(turn))), spent(events))


def expected(turn: ScriptTurn | ImproveStep) -> tuple[Expectation, ...]:
    """What has to hold after a turn: its own expectations, and a status in any case."""
    wanted = turn.expectations
    if not any(expectation.kind == "status" for expectation in wanted):
        return Expectation("status", "done", turn.line), *wanted
    return wanted


class _View:
    """One turn's outcome, as expectations ask for it."""

    def __init__(self, ending: Finished, events: Sequence[Event], probe: Probe) -> None:
        self.ending, self.probe = ending, probe
        self.replies = "\n".join(event.text for event in events if isinstance(event, Replied))
        self.ran = [event.result for event in events if isinstance(event, Ran)]
        self.output = "\n".join(result.output for result in self.ran)
        self.spent = spent(events)

    def verdict(self, wanted: Expectation) -> Verdict:
        found = self.found(wanted)
        if found is None:
            return Verdict(wanted, False, "there is no such file" if wanted.path else "nothing ran")
        passed = _holds(wanted.kind.rpartition("_")[2], wanted, found)
        if wanted.kind == "exists" and not passed:
            return Verdict(wanted, False, "it is there" if found else "there is no such file")
        return Verdict(wanted, passed, "" if passed else f"found {_short(found)!r}")

    def found(self, wanted: Expectation) -> object:
        """What the turn has of the kind that is wanted."""
        match wanted.kind:
            case "status":
                return self.ending.status
            case "reply_contains" | "reply_matches":
                return self.replies
            case "output_contains" | "output_matches":
                return self.output
            case "exit_code":
                return self.ran[-1].exit_code if self.ran else None
            case "exists":
                return self.probe.read(wanted.path) is not None
            case "contains" | "matches" | "equals":
                return self.probe.read(wanted.path)
            case "command":
                checked = self.probe.check(wanted.value)
                return (
                    wanted.value
                    if checked.passed
                    else f"exit {checked.exit_code}: {checked.output}"
                )
            case _:
                return getattr(self.spent, wanted.kind.removesuffix("_at_most"))


def _holds(how: str, wanted: Expectation, found: object) -> bool:
    if how == "contains":
        return str(wanted.value) in str(found)
    if how == "matches":
        return re.search(wanted.value, str(found), re.MULTILINE) is not None
    if how == "most":
        return float(str(found)) <= float(wanted.value)
    return bool(found == wanted.value)


def _short(found: object) -> str:
    text = str(found)
    return text if len(text) <= 500 else f"{text[:250]} [...] {text[-250:]}"


def junit(script: Script, reports: Sequence[TurnReport]) -> bytes:
    """The reports as a JUnit XML file: one case per expectation, with its line."""
    suite = ElementTree.Element("testsuite", name=_xml(script.file))
    counts = {"tests": 0, "failures": 0, "skipped": 0}
    for number, report in enumerate(reports, start=1):
        if report.ending is None:
            counts["tests"] += 1
            counts["skipped"] += 1
            case = ElementTree.SubElement(suite, "testcase", name=f"{report.turn.kind} {number}")
            ElementTree.SubElement(case, "skipped", message="an earlier turn failed")
        for verdict in report.verdicts:
            counts["tests"] += 1
            case = ElementTree.SubElement(
                suite,
                "testcase",
                name=_xml(f"{report.turn.kind} {number}: {verdict.expectation}"),
                classname=_xml(script.file),
                file=_xml(script.file),
                line=str(verdict.expectation.line),
            )
            if not verdict.passed:
                counts["failures"] += 1
                message = _xml(f"{script.file}:{verdict.expectation.line}: {verdict.found}")
                ElementTree.SubElement(case, "failure", message=message)
    suite.attrib.update({key: str(value) for key, value in counts.items()})
    text: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return text


_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
