"""The solution in a reply where no function of Python is asked for: nothing is parsed here."""

import re

from assistant.code.fences import UNKNOWN, extract_code
from assistant.evals.go_imports import go_file
from assistant.evals.problems import Problem

_TAGS = {
    "cpp": ("cpp", "c++", "cc", "cxx", "c", ""),
    "go": ("go", "golang", ""),
    "java": ("java", ""),
    "javascript": ("javascript", "js", "node", "mjs", ""),
    "python": ("python", "py", "python3", ""),
    "rust": ("rust", "rs", ""),
}
_DEFINING = {
    "cpp": r"^[A-Za-z_][\w<>:,*& ]*[\s*&]{name}\s*\(",
    "go": r"^func\s+{name}\s*[\[(]",
    "java": r"\b{name}\s*\([^;{{}}]*\)\s*(?:throws [\w, .]+)?\{{",
    "javascript": r"^\s*(?:export\s+)?(?:async\s+)?(?:const|let|var|function\*?|class)\s+{name}\b",
    "rust": r"^\s*(?:pub\s+)?fn\s+{name}\b",
}
_NAMES = {
    "cpp": r"^[A-Za-z_][\w<>:,*& ]*[\s*&](\w+)\s*\([^;{}]*\)\s*\{",
    "go": r"^func\s+(\w+)\s*\(",
    "javascript": r"^(?:const|let|var|function)\s+(\w+)",
    "rust": r"^\s*fn\s+(\w+)",
}
"""Of the functions that a task's own text defines."""


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
        return continued(code, problem)
    if problem.language == "java":
        whole = _java_file(code, problem)
    else:
        whole = _with_helpers(code, problem)
    return go_file(whole) if problem.language == "go" else whole


def continued(rest: str, problem: Problem) -> str:
    """The program that goes on where the task's own text ends."""
    whole = problem.prompt + rest
    # What has no package clause is no file.
    return go_file(whole) if problem.language == "go" else whole


def defines(code: str, problem: Problem) -> bool:
    return _defines(code, problem.entry_point, problem.language)


def _defines(code: str, name: str, language: str) -> bool:
    pattern = _DEFINING.get(language, r"\b{name}\b").format(name=re.escape(name))
    return bool(re.search(pattern, code, re.MULTILINE))


def _with_helpers(code: str, problem: Problem) -> str:
    """With what the task's own text has before its function, unless it brings that along."""
    helpers, names = problem.definition, _NAMES[problem.language]
    defined = re.findall(names, helpers, re.MULTILINE)
    if any(_defines(code, name, problem.language) for name in defined):
        return code  # None may be there twice.
    if problem.language == "rust" and re.search(r"^\s*use\s", code, re.MULTILINE):
        return code  # Nor may anything be imported twice.
    if problem.language == "go":  # A package clause and imports are found wherever they stand.
        return f"{helpers if defined else ''}\n{code}"
    return f"{helpers}\n{code}" if helpers else code


def _java_file(code: str, problem: Problem) -> str:
    """The class that tests use, which may be public in a file of its name alone."""
    wanted = re.findall(r"^import .*;$", problem.prompt, re.MULTILINE)
    own = re.findall(r"^import .*;$", code, re.MULTILINE)
    body = re.sub(r"^(?:import|package) .*;$", "", code, flags=re.MULTILINE)
    if not re.search(r"\bclass\s+Solution\b", body):
        body = f"class Solution {{\n{body}\n}}"
    body = re.sub(
        r"^public\s+(?=(?:abstract |final |sealed )*(?:class|interface|enum|record)\b)",
        "",
        body,
        flags=re.MULTILINE,
    )
    return "\n".join([*dict.fromkeys([*wanted, *own]), body])
