"""What the judge is given of a problem that tests by calling its solution."""

from assistant.evals.problems import Problem
from assistant.verdicts.task import Task, TaskLimits


def task_of(problem: Problem, limits: TaskLimits | None = None) -> Task:
    task = problem.task(limits)
    assert isinstance(task, Task)
    return task
