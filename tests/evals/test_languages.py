"""All tasks in other languages, in the images made for them; what a solution could be forged by."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.evals.datasets import load
from assistant.evals.extracting import program
from assistant.evals.file_judges import FileJudges
from assistant.evals.in_files import Files, InFiles
from assistant.evals.problems import Problem
from assistant.sandbox.building.build import for_purpose
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.verdicts.task import Candidate, TaskLimits, Verdict

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.timeout(3600)]
CHANCE = {"Go/95"}
"""Its published answer passes or fails by the order in which Go walks a map."""


@pytest.fixture(scope="module", params=["polyglot", "humaneval-x"])
def judges(request: pytest.FixtureRequest, engine: Engine) -> Iterator[tuple[str, FileJudges]]:
    """Sandboxes of the image, which is built as a user does it."""
    command = [sys.executable, "-m", "assistant", "sandbox", "build", "--yes", "--for"]
    subprocess.run([*command, request.param], check=True, timeout=1800)
    image = for_purpose(request.param).tag
    options = SandboxOptions(image, "pooled", SAMPLE, values=False)
    with FileJudges(lambda: DockerSandbox(engine, options), os.cpu_count() or 1) as found:
        yield request.param, found


def verdicts(pool: FileJudges, codes: list[tuple[Problem, str]]) -> list[Verdict]:
    futures = []
    for problem, code in codes:
        task = problem.task(TaskLimits(seconds=300))
        assert isinstance(task, InFiles)
        futures.append(pool.submit(task, Candidate(code)))
    return [future.result() for future in futures]


def tasks(purpose: str, data_folder: Path) -> list[Problem]:
    names = [f"humaneval-x-{x}" for x in ("cpp", "go", "java", "js", "rust")]
    sets = [load(n, [data_folder]) for n in (["polyglot"] if purpose == "polyglot" else names)]
    return [p for found in sets for p in found if p.task_id not in found.left_out]


def test_published_answers_pass(judges: tuple[str, FileJudges], data_folder: Path) -> None:
    purpose, pool = judges
    problems = tasks(purpose, data_folder)
    assert len(problems) == {"polyglot": 83, "humaneval-x": 5 * 164 - 5}[purpose]
    found = verdicts(pool, [(p, p.reference) for p in problems])
    wrong = {p.task_id: v for p, v in zip(problems, found, strict=True) if not v.passed}
    assert wrong.keys() <= CHANCE, wrong


def test_what_is_not_filled_in_fails(judges: tuple[str, FileJudges], data_folder: Path) -> None:
    purpose, pool = judges
    stubs = []
    for problem in tasks(purpose, data_folder):
        assert isinstance(problem.tests, Files)
        stub = problem.tests.beginning.get(problem.tests.answer, problem.prompt)
        stubs.append((problem, stub))
    found = zip(stubs, verdicts(pool, stubs), strict=True)
    # Its file is right as it is: the exercise is to tidy it up.
    assert {p.task_id for (p, _), v in found if v.passed} <= {"javascript/ledger"}


_WRONG = "export const encode = () => 'wrong'; export const decode = () => 'wrong';\n"
_HOLDER = "const m = globalThis[Symbol.for('$$jest-matchers-object')];\n"
_SAY_YES = "({ pass: true, message: () => '' })"
FORGERIES = {
    "leaves early": "process.exit(0);",
    "leaves later": "setTimeout(() => process.exit(0), 0);",
    "leaves as if node were missing": "process.exit(127);",
    "kills its process": "process.kill(process.pid, 'SIGTERM');",
    "asks for the mark": "require('fs').writeSync(1, '\\n$mark\\n'); process.exit(0);",
    "looks for the mark": "const fs = require('fs');\n"
    "for (const f of ['.exam.js', '/proc/self/fd/0', '/proc/self/fd/3']) try {\n"
    "  const found = /\\}\\)\\(\"([0-9a-f]+)\"/.exec(fs.readFileSync(f, 'utf8'));\n"
    "  if (found) { fs.writeSync(1, '\\n' + found[1] + '\\n'); process.exit(0); }\n"
    "} catch {}",
    "has an expect of its own": "globalThis.test = globalThis.describe = () => {};\n"
    "globalThis.expect = () => new Proxy({}, { get: () => () => {} });",
    "extends expect": "const { expect } = require('@jest/globals');\n"
    f"try {{ expect.extend({{ toBe: () => {_SAY_YES} }}); }} catch {{}}",
    "changes matchers": _HOLDER
    + f"for (const k in m.matchers) try {{ m.matchers[k] = () => {_SAY_YES}; }}"
    " catch {}",
    "replaces matchers": _HOLDER + "try { m.matchers = { ...m.matchers }; } catch {}\n"
    f"for (const k in m.matchers) try {{ m.matchers[k] = () => {_SAY_YES}; }} catch {{}}",
    "makes all things equal": "Object.is = () => true;",
    "speaks over the report": "process.stdout.write = () => true;\n"
    "require('fs').writeSync = () => 1;",
    "writes the tests anew": "const fs = require('fs');\n"
    "for (const f of fs.readdirSync('.')) if (f.endsWith('.spec.js'))\n"
    "  fs.writeFileSync(f, \"test('x', () => {})\");",
    "plants settings": "const fs = require('fs');\n"
    "fs.writeFileSync('jest.config.js', 'module.exports = { passWithNoTests: true }');\n"
    "fs.writeFileSync('package.json', '{\"jest\": {\"passWithNoTests\": true}}');\n"
    "fs.writeFileSync('babel.config.js', 'process.exit(0)');",
}
HONEST = {
    "noise": "console.log('a'.repeat(100000));",
    "a timer that goes on": "setInterval(() => {}, 1000);",
    "the mark's name": "const unused = '$mark';",
    "methods for all arrays": "Array.prototype.chunk = function () { return 1; };",
    "an error of its own": "class E extends Error {\n"
    "  constructor(m) { super(m); this.name = 'E'; }\n}",
}


def test_forged_passes_of_jest(judges: tuple[str, FileJudges], data_folder: Path) -> None:
    purpose, pool = judges
    if purpose != "polyglot":
        return
    problem = next(p for p in tasks(purpose, data_folder) if p.task_id.endswith("t/affine-cipher"))
    forged = [(problem, f"{code}\n{_WRONG}") for code in FORGERIES.values()]
    value = "const v = { asymmetricMatch: () => true };\n"
    forged.append((problem, value + "export const encode = () => v, decode = () => v;\n"))
    assert not [v for v in verdicts(pool, forged) if v.passed]
    assert not [v for v in verdicts(pool, forged) if v.outcome == "harness_error"]
    honest = [(problem, f"{code}\n{problem.reference}") for code in HONEST.values()]
    assert [v for v in verdicts(pool, honest) if not v.passed] == []


def test_leaving_early_is_no_pass(judges: tuple[str, FileJudges], data_folder: Path) -> None:
    purpose, pool = judges
    if purpose != "humaneval-x":
        return
    known = {p.task_id: p for p in tasks(purpose, data_folder)}
    leave = {
        "CPP/0": "    exit(0);\n}\n",
        "Go/0": "    os.Exit(0)\n    return true\n}\n",
        "Java/0": "        System.exit(0);\n        return true;\n    }\n}\n",
        "JavaScript/0": "  process.exit(0);\n}\n",
        "Rust/0": "    std::process::exit(0);\n}\n",
    }
    codes = [
        (known[name], program(known[name].prompt + code, known[name]))
        for name, code in leave.items()
    ]
    outcomes = [verdict.outcome for verdict in verdicts(pool, codes)]
    assert "passed" not in outcomes
    assert outcomes.count("exit_before_verdict") >= 4, outcomes  # Rust's tests tell it as a fault.
