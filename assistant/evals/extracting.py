"""From a reply to the solution in it, whichever way a strategy has asked for it."""

import re
import textwrap

from assistant.code.fences import UNKNOWN, extract_code
from assistant.evals import other_languages
from assistant.evals.in_files import Files
from assistant.evals.problems import Problem
from assistant.evals.python_text import ONE_AT_A_TIME, Soundness, parsed, soundness
from assistant.functions.solutions import defines, program_of, solution_of

_STOPS = re.compile(
    r"^(?=(?:class|def|async|if|print|assert|from|import)\b|[#@]|```)", re.MULTILINE
)
"""Where a continuation has left the function: what begins a line at the margin."""


def solution(reply: str, problem: Problem) -> str | None:
    """The code of a reply; None where it has none."""
    if isinstance(problem.tests, Files):
        return other_languages.solution(reply, problem)
    with ONE_AT_A_TIME:
        found = solution_of(reply, problem.prompt, problem.entry_point)
        if found.strip() and (found is not reply or _is_code(reply, problem)):
            return found
    return None


def _is_code(text: str, problem: Problem) -> bool:
    """Whether a text without a block is meant as a program, right or not."""
    if any(lang != UNKNOWN for lang, _ in extract_code(text)):
        return True
    entry = re.escape(problem.entry_point)
    begins = re.search(rf"^[ \t]*(async )?def {entry or r'[a-z_]+'}\b", text, re.MULTILINE)
    return bool(begins) or any(parsed(whole) for whole in (text, problem.prompt + text))


def completion(reply: str, problem: Problem) -> str | None:
    """The program that a reply makes of the task's own text by going on where it ends.

    What follows the function is cut off, as base models never stop by themselves. A reply that is
    a whole solution, in a fence or not, is taken as one.
    """
    if isinstance(problem.tests, Files) or "```" in reply or _defines(reply, problem):
        whole = solution(reply, problem)
        return None if whole is None else program(whole, problem)
    if not reply.strip():
        return None
    # Some leave out the margin of the first line, or all of it.
    for rest in (reply, "    " + reply.lstrip(), textwrap.indent(reply, "    ")):
        code = problem.prompt + _body(rest)
        if soundness(code) is Soundness.COMPILES:
            return code
    return problem.prompt + _body(reply)


def ends(reply: str) -> bool:
    """Whether a continuation has come to the end of its function, so that its own does not
    matter."""
    return "```" not in reply and bool(_STOPS.search(reply, 1))


def _body(reply: str) -> str:
    """The continuation as far as it belongs to the function."""
    stop = _STOPS.search(reply, 1)
    return reply[: stop.start()] if stop else reply


def program(code: str, problem: Problem) -> str:
    """A solution as it is judged: with the imports and helpers of the task's own text."""
    if isinstance(problem.tests, Files):
        return other_languages.program(code, problem)
    with ONE_AT_A_TIME:
        return program_of(code, problem.definition, problem.entry_point)


def has_solution(reply: str, problem: Problem) -> str | None:
    """The code of a reply, only where it defines what the task asks for."""
    found = solution(reply, problem)
    if found is None or not problem.entry_point or _defines(found, problem):
        return found
    return None


def _defines(code: str, problem: Problem) -> bool:
    if isinstance(problem.tests, Files):
        return other_languages.defines(code, problem)
    with ONE_AT_A_TIME:
        return defines(code, problem.entry_point)
