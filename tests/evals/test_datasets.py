"""Data sets are found, are what they claim, and say exactly what is wrong with them."""

import ast
import gzip
import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from assistant.evals.datasets import PUBLISHED, Published, load
from assistant.evals.in_files import Files
from assistant.evals.mbpp_plus import mbpp_plus
from assistant.events import UsageError
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.verdicts.pool import judge_many
from assistant.verdicts.task import Assertions, Candidate, Cases, CheckFunction, TaskLimits
from tests.evals.judged import task_of

TASK = {
    "task_id": "own/1",
    "prompt": 'def double(n):\n    """Twice n."""\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * n\n",
    "test": "def check(candidate):\n    assert candidate(4) == 8\n",
}
OTHER = TASK | {"task_id": "own/2"}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load(str(path))
    assert "\n" not in caught.value.message
    return caught.value.message


OTHERS = ("cpp", "go", "java", "js", "rust")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sets(data_folder: Path, name: str) -> None:
    found = load(name, [data_folder])
    known = PUBLISHED[name]
    assert (found.name, found.sha256, len(found)) == (name, known.sha256, known.tasks)
    kinds = {"humaneval": CheckFunction, "humaneval-x-python": CheckFunction, "mbpp": Assertions}
    kinds |= dict.fromkeys(("polyglot", *(f"humaneval-x-{x}" for x in OTHERS)), Files)
    for problem in found:
        assert isinstance(problem.tests, kinds.get(name, Cases))
        assert problem.prompt.strip()
        assert problem.reference.strip()
        assert problem.released == known.released
        number = problem.task_id.rpartition("/")[2]
        same = f"HumanEval/{number}" if name.startswith("humaneval-x") else problem.task_id
        assert problem.family == same
        if isinstance(problem.tests, Files):
            continue
        assert problem.entry_point.isidentifier()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Old escapes in published code.
            tree = ast.parse(problem.reference)
        assert problem.entry_point in {getattr(node, "name", "") for node in tree.body}


def test_tasks_have_the_same_names_in_the_stricter_edition(data_folder: Path) -> None:
    for name in ("humaneval", "mbpp"):
        plain, plus = load(name, [data_folder]), load(f"{name}-plus", [data_folder])
        names = {problem.task_id for problem in plain}
        assert len([p for p in plus if p.task_id in names]) > 0.9 * len(plus)


def test_a_prompt_of_mbpp_names_its_function(data_folder: Path) -> None:
    for problem in load("mbpp", [data_folder]):
        assert problem.entry_point in problem.prompt
        assert ast.get_docstring(ast.parse(problem.prompt))


def test_inputs_of_mbpp_plus_have_the_types_that_their_contracts_ask_for(data_folder: Path) -> None:
    """The published contracts see tuples, sets and complex numbers again."""
    broken = set()
    with gzip.open(data_folder / "mbpp-plus" / "MbppPlus.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        tests = mbpp_plus(row).tests
        assert isinstance(tests, Cases)
        names: dict[str, Any] = {}
        exec(_contract(row), names)
        try:
            for arguments in tests.inputs:
                names["contract"](*arguments)
        except AssertionError:
            broken.add(row["task_id"])
    # By their own data: 1000000.0 for a whole number, and [] for a list that is not empty.
    assert broken == {"Mbpp/267", "Mbpp/734"}


def _contract(row: dict[str, Any]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(row["canonical_solution"])
    function = next(
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == row["entry_point"]
    )
    body = row["contract"].strip("\n")
    indent = body[: len(body) - len(body.lstrip())] or "  "
    imports = [ast.unparse(n) for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    head = f"def contract({ast.unparse(function.args)}):"
    return "\n".join([*imports, head, body, f"{indent}pass", ""])


_MATCHES = ("Mbpp/737", "Mbpp/787", "Mbpp/794")
"""Their answers are objects of the library of regular expressions."""


def test_references_of_mbpp_plus_pass(data_folder: Path) -> None:
    """A part of them; and what answers nothing does not pass."""
    limits = TaskLimits(seconds=60)
    some = list(load("mbpp-plus", [data_folder]))[::27]
    some += [p for p in load("mbpp-plus", [data_folder]) if p.task_id in _MATCHES]
    right = [(task_of(p, limits), Candidate(p.reference)) for p in some]
    wrong = [
        (task_of(p, limits), Candidate(f"def {p.entry_point}(*_):\n    return object"))
        for p in some
    ]
    found = judge_many(
        lambda: LocalSandbox(LocalOptions(dict(os.environ), "pooled")), [*right, *wrong]
    )
    assert [v.label for v in found[: len(some)]] == ["passed"] * len(some)
    assert not [v for v in found[len(some) :] if v.passed]


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    row = OTHER | {"released": "2026-01-31", "family": "doubling"}
    found = load(str(write(tmp_path / "own.jsonl", TASK, row)))
    first, second = found
    assert found.name == "own"
    assert first.tests == CheckFunction(TASK["test"])
    assert first.reference == TASK["prompt"] + TASK["canonical_solution"]
    assert (first.released, first.family) == ("", "own/1")
    assert (second.released, second.family) == ("2026-01-31", "doubling")
    task = task_of(first, TaskLimits(seconds=3))
    assert (task.definition, task.entry_point, task.limits.seconds) == (
        TASK["prompt"],
        "double",
        3,
    )


def test_one_file_in_every_wrapping(tmp_path: Path) -> None:
    rows = [TASK, OTHER | {"prompt": 'def double(n):\n    """\u2028 and \x85 end no line."""\n'}]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    files = {
        "a.jsonl": lines,
        "b.jsonl": b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n\r\n"),
        "c.json": json.dumps(rows, indent=2).encode(),
        "d.jsonl.gz": gzip.compress(lines),
        "e.json.gz": gzip.compress(json.dumps(rows).encode()),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = [load(str(tmp_path / name)) for name in files]
    assert len({one.problems for one in found}) == 1
    assert len({one.sha256 for one in found}) == 5
    assert [one.name for one in found] == list("abcde")


def test_a_prompt_in_plain_words(tmp_path: Path) -> None:
    """Its answer is a whole function, and it gives the tests no code."""
    row = TASK | {"prompt": "Write double(n).", "canonical_solution": "def double(n): return n + n"}
    (problem,) = load(str(write(tmp_path / "own.jsonl", row)))
    assert problem.reference == row["canonical_solution"]
    assert problem.definition == ""
    (unknown,) = load(
        str(write(tmp_path / "b.jsonl", {k: v for k, v in row.items() if k[0] != "c"}))
    )
    assert unknown.reference == ""


@pytest.mark.parametrize("field", ["task_id", "prompt", "entry_point", "test"])
def test_a_missing_field_is_named_with_its_line(tmp_path: Path, field: str) -> None:
    row = {name: value for name, value in OTHER.items() if name != field}
    path = write(tmp_path / "own.jsonl", TASK, row)
    assert refusal(path) == f"{path}, line 2: the field {field!r} is missing"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": 5}, "'prompt' must be a text, not 5"),
        ({"entry_point": "a b"}, "'a b' is no name of a function"),
        ({"entry_point": ""}, "'' is no name of a function"),
        ({"task_id": ""}, "task_id must be a text"),
        ({"task_id": "a\nb"}, "task_id must be a text in one line"),
        ({"task_id": True}, "task_id must be a text"),
        ({"released": "last year"}, "released must be a day"),
        ({"canonical_solution": None}, "'canonical_solution' must be a text, not null"),
        ({"plus_input": [[1]]}, "'base_input' is missing"),
        ({"plus_input": [1], "base_input": []}, "'plus_input' must be a list of lists"),
        ({"plus_input": [], "base_input": [], "atol": "x"}, "'atol' must be a number"),
        (
            {"plus_input": [], "base_input": [], "assertion": "assert ("},
            "assertion of own/2 is no Python",
        ),
        ({"test_list": [], "code": ""}, "'test_list' is empty"),
        ({"test_list": [1], "code": ""}, "'test_list' must be a list of texts"),
        ({"test_list": ["assert f()"], "code": "def ("}, "its code cannot be read"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    message = refusal(write(tmp_path / "own.jsonl", TASK, OTHER | change))
    assert message.startswith(f"{tmp_path}/own.jsonl, line 2: ")
    assert said in message


def test_ids_used_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "own.jsonl", TASK, OTHER, TASK)
    assert refusal(path) == f"{path}, line 3: the task_id 'own/1' was used in {path}, line 1"


def test_damaged_files(tmp_path: Path) -> None:
    good = json.dumps(TASK).encode()
    cases = {
        "torn.jsonl": (good + b"\n" + good[:30], "line 2: this is no JSON"),
        "latin.jsonl": (good + b'\n{"a": "\xe9"}', "line 2: this cannot be read"),
        "text.jsonl": (b'"a"', "line 1: a row must be a JSON object"),
        "rows.json": (b"[" + good + b", 3]", "row 2: a row must be a JSON object"),
        "deep.jsonl": (b'{"a":' * 100_000, "this cannot be read"),
        "torn.jsonl.gz": (gzip.compress(good)[:-20], "is damaged"),
        "noise.jsonl.gz": (b"\x1f\x8b" + bytes(30), "is damaged"),
        "empty.jsonl": (b"\n", "has no task"),
    }
    for name, (data, said) in cases.items():
        (tmp_path / name).write_bytes(data)
        assert said in refusal(tmp_path / name)
    assert "cannot be read" in refusal(tmp_path / "absent.jsonl")
    assert "cannot be read" in refusal(tmp_path)


def test_an_archive_that_unpacks_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.evals.rows_file.LARGEST", 1 << 20)
    (tmp_path / "bomb.jsonl.gz").write_bytes(gzip.compress(bytes(2 << 20)))
    assert "more than 1 MiB" in refusal(tmp_path / "bomb.jsonl.gz")


def test_names_are_looked_up_in_turn(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    write(second / "own.jsonl", TASK)
    assert load("own", [first, second]).path == second / "own.jsonl"
    write(first / "own.jsonl", OTHER)
    assert load("own", [first, second]).path == first / "own.jsonl"
    with pytest.raises(UsageError, match="no data set 'ours'") as caught:
        load("ours", [first, second])
    assert "humaneval" in caught.value.remedy


def test_another_file_under_a_published_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "humaneval.jsonl", TASK)
    with pytest.raises(UsageError, match="is not the published humaneval: its sha256 is"):
        load("humaneval", [tmp_path])
    ours = load(str(path))
    assert (ours.name, ours.problems[0].released) == ("humaneval", "")
    published = Published(path.name, ours.sha256, 1, "2020-02-02")
    monkeypatch.setitem(PUBLISHED, "humaneval", published)
    assert load("humaneval", [tmp_path]).problems[0].released == "2020-02-02"
    # Told by its content, wherever it lies.
    moved = path.rename(tmp_path / "x.jsonl")
    assert load(str(moved)).name == "humaneval"
