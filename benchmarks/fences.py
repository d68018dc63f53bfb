"""What scanning a reply for fences costs, as ratios to passes that everybody knows.

    python benchmarks/fences.py [--size CHARACTERS]

Prints microseconds per character of the scanner, fed in pieces and whole, next to a bare
``str.splitlines`` over the same text and to a lazy regular expression as AutoGen uses one; then the
same for texts that are made to be slow.
"""

import argparse
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from assistant.code.fences import FenceScanner, extract_code

LAZY = re.compile(r"```[ \t]*(\w+)?[ \t]*\r?\n(.*?)\r?\n[ \t]*```", re.DOTALL)
GIVE_UP = 20.0

PIECE = '''Let me look at the data first; then we can decide what the report has to say.

```python
import csv

def rows(name):
    """All rows of a file."""
    with open(name, newline="") as file:
        return list(csv.reader(file))
```

- It prints the number of rows, and the header.
- Then install what is missing:

  ```bash
  pip install pandas && python report.py --out report.html
  ```

The output of `report.py` is one page with a table and a chart for each month of the year.

'''


class GaveUp(Exception):
    pass


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise GaveUp

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """The best of some runs; infinity when one of them takes too long."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        try:
            with limit(GIVE_UP):
                work()
        except GaveUp:
            return float("inf")
        best = min(best, time.perf_counter() - start)
        if best > 1:
            break
    return best


def in_pieces(text: str, size: int) -> Callable[[], None]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]

    def work() -> None:
        scanner = FenceScanner()
        for piece in pieces:
            scanner.feed(piece)
        scanner.close()

    return work


def hostile(size: int) -> dict[str, str]:
    return {
        "a run of 10^5 backticks": "`" * 100_000,
        "10^5 openers without an end": "```python\n" * 100_000,
        "openers of documents": "```md\n" * (size // 6),
        "empty fences": "```\n" * (size // 4),
        "a fence and spaces": "```python\n" + " " * size,
        "a fence and empty lines": "```python\n" + "\n" * size,
        "a fence and short lines": "```python\n" + "a\n" * (size // 2),
        "fences behind text": "a: ```python\n" * (size // 13),
        "fences in a string": '```python\n"""\n' + "```\n" * (size // 4),
        "one deep quote": "> " * (size // 2),
        "deep quotes, line by line": ("> " * 100 + "x\n") * (size // 202),
        "one deep list": "- " * (size // 2) + "x",
        "a deep list, line by line": "".join(
            "  " * (n % 100) + "- x\n" for n in range(size // 104)
        ),
        "a deep list and blank lines": "- " * 100 + "```\n" + " \n" * (size // 2),
        "list items": "- a\n" * (size // 4),
    }


def row(name: str, size: int, took: float, plain: float, lazy: float) -> str:
    def ratio(other: float) -> str:
        return f"{took / other:10.2f}" if other < float("inf") else "    (> 20 s)"

    each = took / size * 1e6
    return f"{name:<32}{size:>10}{took:>9.2f}{each:>9.3f}{ratio(plain)}{ratio(lazy)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=5_000_000, help="characters of the long texts")
    size = parser.parse_args().size
    print(f"{'text':<32}{'chars':>10}{'s':>9}{'us/char':>9}{'/splitlines':>11}{'/regex':>9}")
    reply = PIECE * (1_000_000 // len(PIECE))
    plain, lazy = seconds(reply.splitlines), seconds(lambda: LAZY.findall(reply))
    for pieces in (1, 4, 64, len(reply)):
        took = seconds(in_pieces(reply, pieces))
        name = "a reply, whole" if pieces == len(reply) else f"a reply, {pieces} at a time"
        print(row(name, len(reply), took, plain, lazy))
    print(
        row("a reply, extract_code", len(reply), seconds(lambda: extract_code(reply)), plain, lazy)
    )
    for name, text in hostile(size).items():
        plain, lazy = seconds(text.splitlines), seconds(partial(LAZY.findall, text))
        print(row(name, len(text), seconds(partial(extract_code, text)), plain, lazy))
    return 0


if __name__ == "__main__":
    sys.exit(main())
