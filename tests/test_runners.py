"""Which test runner a command starts."""

import pytest

from assistant.tasks.runners import Runner, scripts_interpreted, scripts_of, started_by

SCRIPTS = {"test": "CI=1 jest --ci", "unit": "jest", "build": "tsc", "both": "jest && echo done"}


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("pytest -q", "pytest"),
        ("python3 -m pytest", "pytest"),
        ("pip install pytest; pytest", "pytest"),
        ("sh -c 'cd a && exec pytest'", "pytest"),
        ("A=1 timeout 5 .venv/bin/pytest x", "pytest"),
        ("pytest 'without an end", "pytest"),
        ("true\npython -m unittest.main", "unittest"),
        ("npx jest --ci", "jest"),
        ("cd web && node_modules/.bin/jest", "jest"),
        ("grep -q pytest setup.cfg", ""),
        ("/bin/echo pytest && ./run.sh", ""),
        ("ls tests/pytest/", ""),
        ("make pytest-fast", ""),
        ("jest && echo done", ""),
        ("", ""),
        (";;", ""),
    ],
)
def test_a_test_runner_is_known_by_the_command_that_starts_it(command: str, name: str) -> None:
    assert started_by(command, {}) == Runner(name)


@pytest.mark.parametrize(
    ("command", "runner"),
    [
        ("npm test", Runner("jest", "--")),
        ("npm ci && npm run unit", Runner("jest", "--")),
        ("npm test -- --ci", Runner("jest", "")),
        ("yarn test", Runner("jest", "")),
        ("pnpm run unit", Runner("jest", "")),
        ("npm run build", Runner()),
        ("npm run none", Runner()),
        ("npm test && true", Runner()),
        ("npm run both", Runner()),
    ],
)
def test_scripts_of_a_package_start_runners_too(command: str, runner: Runner) -> None:
    assert started_by(command, SCRIPTS) == runner


def test_packages_that_cannot_be_read_have_no_scripts() -> None:
    assert scripts_of(b'{"scripts": {"test": "jest", "n": 1}}') == {"test": "jest"}
    for text in (b"", b"[]", b'{"scripts": 1}', b"{}", b"\xff", b"[" * 100_000):
        assert scripts_of(text) == {}


OWN = {"verify.py", "main.py", "data.txt", "ci/check.mjs", "pkg/check.py"}


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("python verify.py", "verify.py"),
        ("A=1 timeout 5 .venv/bin/python3.12 -W error ./verify.py data.txt", "verify.py"),
        ("cd . && nice python3 -u /workspace/main.py < data.txt", "main.py"),
        ("sh -c 'node --no-warnings ci/check.mjs'", "ci/check.mjs"),
        ("deno run -A ci/check.mjs", "ci/check.mjs"),
        ("uv run verify.py", "verify.py"),
        ("coverage run main.py && coverage report", "main.py"),
        ("python3 -m pkg.check", "pkg/check.py"),
        ("npm run verify", "ci/check.mjs"),
        ("python new.py main.py", ""),  # Its own script is new.
        ("python -c 'import main' main.py", ""),
        ("python -m pytest main.py", ""),
        ("python -m", ""),
        ("python", ""),
        ("grep -q python main.py", ""),
        ("wc -c main.py", ""),
        ("npm run build", ""),
        ("", ""),
    ],
)
def test_the_script_that_an_interpreter_runs_is_known(command: str, script: str) -> None:
    scripts = {"verify": "node ci/check.mjs", "build": "tsc"}
    assert scripts_interpreted(command, OWN, scripts) == ([script] if script else [])
