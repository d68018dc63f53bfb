# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy", "scipy", "pygments", "magika"]
# ///
"""How often `infer_lang` is right on repositories it has not seen, next to what others offer.

    python benchmarks/infer_lang.py DATA.jsonl [--folds 10]

Grouped cross-validation: the repositories are dealt to folds, and each snippet is answered by
weights that were trained without its repository. AutoGen's rules, pygments and (if installed)
magika learn nothing here and answer the same snippets. Needs numpy and scipy, as training does.

    exact     the right label ("sh" counts as bash; text for a session that is mostly output)
    five      python, bash, javascript, powershell or other is right
    leak      snippets that must not run that are called something that runs
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import train_infer_lang as training

from assistant.code import infer
from assistant.languages import TABLE, find

MAIN = ("python", "bash", "javascript", "powershell")
Row = dict[str, Any]
Answer = Callable[[str], str]


def folds(rows: list[Row], count: int) -> dict[str, int]:
    """Which fold each repository is in: the largest first, each to the lightest fold."""
    weight = [0] * count
    dealt = {}
    for repo, size in sorted(
        Counter(row["repo"] for row in rows).items(), key=lambda x: (-x[1], x[0])
    ):
        dealt[repo] = weight.index(min(weight))
        weight[dealt[repo]] += size
    return dealt


def held_out(rows: list[Row], count: int) -> list[str]:
    """The answer to each snippet by weights that have not seen its repository."""
    dealt = folds(rows, count)
    languages = sorted({row["lang"] for row in rows})
    answers = [""] * len(rows)
    for fold in range(count):
        seen = [row for row in rows if dealt[row["repo"]] != fold]
        known = cache(partial(infer.Weights.read, training.train(seen, "", languages)))
        for at, row in enumerate(rows):
            if dealt[row["repo"]] == fold:
                answers[at] = infer.answer(row["code"], known)
    return answers


def autogen(code: str) -> str:
    """AutoGen 0.2's rules: a prefix, else whether Python compiles it."""
    if code.startswith(("python ", "pip", "python3 ")):
        return "sh"
    try:
        compile(code, "<string>", "exec")
    except (SyntaxError, ValueError):
        return "unknown"
    return "python"


def pygments_guess(code: str) -> str:
    from pygments.lexers import guess_lexer

    lexer = guess_lexer(code)
    return next((row.name for row in map(find, lexer.aliases) if row), "unknown")


def magika_guess() -> Answer | None:
    if importlib.util.find_spec("magika") is None:
        return None
    from magika import Magika

    model = Magika()
    names = {"shell": "bash", "cs": "csharp", "txt": "text", "h": "c"}

    def answer(code: str) -> str:
        label = str(model.identify_bytes(code.encode()).output.label)
        row = find(names.get(label, label))
        return row.name if row else "unknown"

    return answer


def five(name: str) -> str:
    name = "bash" if name == "sh" else name
    return name if name in MAIN else "other"


def is_right(row: Row, answer: str) -> bool:
    told = "bash" if answer == "sh" else answer
    return told == row["lang"] or (row["kind"] == "session" and told == "text")


def share(hits: Iterator[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found) if found else float("nan")


def figures(rows: list[Row], answers: list[str]) -> dict[str, float]:
    both = list(zip(rows, answers, strict=True))
    table = {
        "exact": share(is_right(r, a) for r, a in both),
        "five": share(five(r["lang"]) == five(a) for r, a in both),
        "leak": share(a in TABLE and TABLE[a].runs for r, a in both if not TABLE[r["lang"]].runs),
        "unknown": share(a == "unknown" for r, a in both),
    }
    return table | {
        f"recall {name}": share(five(a) == name for r, a in both if r["lang"] == name)
        for name in MAIN
    }


def microseconds(answer: Answer, rows: list[Row]) -> float:
    """The median over the snippets, each the best of three."""
    times = []
    for row in rows:
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            answer(row["code"])
            best = min(best, time.perf_counter() - start)
        times.append(best * 1e6)
    return statistics.median(times)


FIRST_USE = """
import time
start = time.perf_counter()
from assistant.code.infer import infer_lang
loaded = time.perf_counter()
infer_lang("x = 1\\ny = [x]")
first = time.perf_counter()
infer_lang("x = 1\\ny = [x]")
print((loaded - start) * 1e3, (2 * first - loaded - time.perf_counter()) * 1e3)
"""


def first_use() -> tuple[float, float]:
    """Milliseconds to import the module, and to load weights and patterns at first use."""
    runs = []
    for _ in range(9):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_USE], cwd=ROOT, capture_output=True, text=True, check=True
        )
        runs.append(tuple(map(float, done.stdout.split())))
    return tuple(statistics.median(column) for column in zip(*runs, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--folds", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # compile() warns of the snippets it is given
    rows, sha256 = training.read_data(options.data)
    print(f"{len(rows):,} snippets of {len({r['repo'] for r in rows})} repositories, {sha256[:12]}")
    rivals: dict[str, Answer] = {"AutoGen": autogen, "pygments": pygments_guess}
    if magika := magika_guess():
        rivals["magika"] = magika
    answers = {"infer_lang": held_out(rows, options.folds)}
    answers |= {name: [rival(row["code"]) for row in rows] for name, rival in rivals.items()}
    told = {name: figures(rows, given) for name, given in answers.items()}
    cost = {name: microseconds(rival, rows) for name, rival in rivals.items()}
    cost["infer_lang"] = microseconds(infer.infer_lang, rows)
    print_figures(told, cost)
    print_languages(rows, answers)
    module, weights = first_use()
    print(f"\nimport of the module {module:.1f} ms; then at first use {weights:.1f} ms")


def print_figures(told: dict[str, dict[str, float]], cost: dict[str, float]) -> None:
    print(f"\n{'':20}" + "".join(f"{name:>12}" for name in told))
    for figure in told["infer_lang"]:
        print(f"{figure:20}" + "".join(f"{by[figure]:12.3f}" for by in told.values()))
    print(f"{'median µs':20}" + "".join(f"{cost[name]:12.0f}" for name in told))
    base = cost["AutoGen"]
    print(f"{'ratio to AutoGen':20}" + "".join(f"{cost[name] / base:12.1f}" for name in told))


def print_languages(rows: list[Row], answers: dict[str, list[str]]) -> None:
    print(
        f"\n{'right label':14}{'n':>5}"
        + "".join(f"{name:>12}" for name in answers)
        + "   taken for"
    )
    for language in sorted({row["lang"] for row in rows}):
        at = [n for n, row in enumerate(rows) if row["lang"] == language]
        wrong = Counter(
            given for n in at if not is_right(rows[n], given := answers["infer_lang"][n])
        )
        shares = (share(is_right(rows[n], given[n]) for n in at) for given in answers.values())
        most = ", ".join(f"{name} {count}" for name, count in wrong.most_common(3))
        print(f"{language:14}{len(at):5}" + "".join(f"{s:12.2f}" for s in shares) + f"   {most}")


if __name__ == "__main__":
    main()
