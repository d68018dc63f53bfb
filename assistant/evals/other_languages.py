"""The solution in a reply where no function of Python is asked for: nothing is parsed here."""

import re

from assistant.code.fences import UNKNOWN, extract_code
from assistant.evals.problems import Problem

_TAGS = {
    "javascript": ("javascript", "js", "node", "mjs", ""),
    "python": ("python", "py", "python3", ""),
}


def solution(reply: str, problem: Problem) -> str | None:
    """Of the fenced blocks the one that defines the function, or else the longest; or all of it."""
    tags = _TAGS.get(problem.language, (problem.language, ""))
    found = [(lang.lower(), code) for lang, code in extract_code(reply) if lang != UNKNOWN]
    blocks = [code for lang, code in found if lang in tags] or [code for _, code in found]
    if blocks:
        defining = [code for code in blocks if problem.entry_point and defines(code, problem)]
        return max(defining or blocks, key=len)
    looks = re.search(r"[{};]\s*$", reply, re.MULTILINE)
    return reply if looks else None


def program(code: str, problem: Problem) -> str:
    """What is judged: a whole function with the helpers of the task, or the rest of its own."""
    if not problem.entry_point:
        return code
    if not defines(code, problem):
        return problem.prompt + code
    names = re.findall(r"^(?:const|let|var|function)\s+(\w+)", problem.definition, re.MULTILINE)
    if any(re.search(_defining(name), code, re.MULTILINE) for name in names):
        return code  # It brings the helpers along, and none may be there twice.
    return f"{problem.definition}\n{code}"


def defines(code: str, problem: Problem) -> bool:
    return bool(re.search(_defining(problem.entry_point), code, re.MULTILINE))


def _defining(name: str) -> str:
    return rf"^\s*(?:export\s+)?(?:async\s+)?(?:const|let|var|function\*?|class)\s+{name}\b"
