"""Many judgements side by side, as one call."""

from collections.abc import Iterable

from assistant.verdicts.judgement import Fresh, judge
from assistant.verdicts.pool import JudgePool, OpenExecutor
from assistant.verdicts.task import Candidate, Task, Verdict

__all__ = ["Fresh", "Job", "JudgePool", "OpenExecutor", "judge", "judge_many"]

Job = tuple[Task, Candidate]


def judge_many(
    open_executor: OpenExecutor, jobs: Iterable[Job], workers: int = 2, again: bool = False
) -> list[Verdict]:
    """The verdicts in the order of the jobs, whatever the number of workers; see ``JudgePool``."""
    asked = list(jobs)
    if not asked:
        return []
    with JudgePool(open_executor, max(1, min(workers, len(asked))), again) as pool:
        verdicts = [pool.submit(*job) for job in asked]
        return [verdict.result() for verdict in verdicts]
