# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy", "scipy"]
# ///
"""Trains the weights of `infer_lang` and writes them, with the data's sha256, into the package.

    python tools/train_infer_lang.py DATA.jsonl [--out FILE]

DATA has one snippet a line: ``code``, ``lang``. Needs numpy and scipy, which the package does not.
The model is multinomial logistic regression over the features of `assistant.code.features`. What is
known beforehand (infer_lang_seeds.txt) is the mean of a normal prior over the weights, so that a
language of which the data has little is still told by its own words. Deterministic.
"""

import argparse
import hashlib
import itertools
import json
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from assistant.code.features import END, JOIN, LINE, START, features, names, sample, tokens
from assistant.code.infer import WEIGHTS
from assistant.code.python_text import parses
from assistant.code.rules import ruled

SEEDS = HERE / "infer_lang_seeds.txt"
FRAGMENT, WORD = 2.0, 1.0
"""What a fragment or a word of the seeds adds to the log odds of its language, before data."""
PRECISION = 1.0
RARE = 5
"""A feature that the seeds do not name is learned from so many snippets on."""
SMALL = 0.12
"""A feature whose weights are all smaller is left out."""
STEPS = 100
PARSES = ("parses yes", "parses bare", "parses no")

Row = dict[str, Any]
_ANY = {
    **dict.fromkeys(("foo", "foo_", "_foo", "foo_foo", "foo_t", "__foo__"), "w"),
    **dict.fromkeys(("Foo", "Foo_Foo"), "C"),
    **dict.fromkeys(("FOO", "FOO_FOO"), "U"),
    "foo-foo": "w-w",
    "Foo-Foo": "C-C",
}
_EITHER_QUOTE = "python bash javascript typescript ruby perl php r lua powershell yaml toml html"


@dataclass(frozen=True)
class Seeds:
    prior: dict[str, dict[str, float]]
    """For each feature, what it adds to which language."""
    kept: frozenset[str]


def read_seeds(text: str, languages: Sequence[str]) -> Seeds:
    """The seeds file's words and fragments as features."""
    runs: dict[str, set[str]] = defaultdict(set)
    words: dict[str, set[str]] = defaultdict(set)
    kept: set[str] = set()
    language, listing = "", False
    for line in text.splitlines():
        if line[1:-1] in languages and line == f"[{line[1:-1]}]":
            language, listing = line[1:-1], False
        elif line.startswith("words ") or (listing and line.startswith("  ")):
            listing = True
            for word in line.removeprefix("words ").split():
                words[word].add(language)
        elif line and not line.startswith("# ") and language:
            listing = False
            for fragment in filter(None, line.split("¦")):
                run, literal = _run(fragment)
                kept |= literal
                for same in _quoted(run) if language in _EITHER_QUOTE.split() else [run]:
                    for at in range(max(1, len(same) - 2)):
                        runs[JOIN.join(same[at : at + 3])].add(language)
    prior = {f: {lang: FRAGMENT / len(who) for lang in who} for f, who in runs.items()}
    prior["parses yes"] = {"python": FRAGMENT}
    prior["parses no"] = {"python": -FRAGMENT}
    for word, who in words.items():
        prior.setdefault(word, {lang: WORD / len(who) for lang in who})
    return Seeds(prior, frozenset(kept))


def _quoted(run: list[str]) -> list[list[str]]:
    """The run with either kind of quotes."""
    marks = ('""', "''")
    return [[mark if token in marks else token for token in run] for mark in marks]


def _run(fragment: str) -> tuple[list[str], set[str]]:
    """A fragment's tokens as features name them, and the words in it that stand for themselves."""
    fragment = fragment.replace(LINE, "\n").replace("⇥", "\t")
    starts, ends = fragment.startswith("\\A"), fragment.endswith("\\Z")
    run = [START] if starts else []
    literal: set[str] = set()
    for kind, token, spaced in tokens(fragment.removeprefix("\\A").removesuffix("\\Z")):
        cut = 0 if kind == "w" else 2 if token[:2] in ("--", "</") else 1
        if kind in "wfv" and token[cut:] in _ANY:
            run.append(token[:cut] + _ANY[token[cut:]])
            continue
        if kind in "wfv":
            literal.add(token)
        run.append(names(kind, token, spaced, literal)[0])
    return run + ([END] if ends else []), literal


def read_data(path: Path) -> tuple[list[Row], str]:
    data = path.read_bytes()
    return [json.loads(line) for line in data.splitlines() if line.strip()], hashlib.sha256(
        data
    ).hexdigest()


def train(rows: Iterable[Row], sha256: str, languages: Sequence[str]) -> bytes:
    """The bytes of a weights file for these snippets."""
    seeds = read_seeds(SEEDS.read_text("utf-8"), languages)
    texts = [(row["lang"], sample(row["code"])) for row in rows]
    learned = [(lang, text) for lang, text in texts if ruled(text) is None]
    found = [features(text, seeds.kept) | {"bias", f"parses {parses(text)}"} for _, text in learned]
    seen = Counter(itertools.chain.from_iterable(found))
    often = {name for name, count in seen.items() if count >= RARE}
    listed = sorted((often | set(seeds.prior)) - seeds.kept - {"bias", *PARSES})
    listed = [*sorted(seeds.kept), *listed, "bias", *PARSES]
    wanted = np.array([languages.index(lang) for lang, _ in learned])
    weights = _fit(found, wanted, listed, seeds, languages)
    return _packed(listed, weights, len(seeds.kept), sha256, languages)


def _fit(
    found: list[set[str]],
    wanted: np.ndarray,
    listed: list[str],
    seeds: Seeds,
    languages: Sequence[str],
) -> np.ndarray:
    column = {name: at for at, name in enumerate(listed)}
    places = [(at, column[f]) for at, fs in enumerate(found) for f in sorted(fs) if f in column]
    y, x = zip(*places, strict=True)
    seen = csr_matrix((np.ones(len(places)), (y, x)), shape=(len(found), len(listed)))
    turned = seen.T.tocsr()
    start = np.zeros((len(listed), len(languages)))
    for name, adds in seeds.prior.items():
        for language, weight in adds.items():
            start[column[name], languages.index(language)] += weight
    pull = np.full((len(listed), 1), PRECISION)
    pull[column["bias"]] = 0.01
    lines = np.arange(len(found))

    def loss(moved: np.ndarray) -> tuple[float, np.ndarray]:
        move = moved.reshape(start.shape)
        odds = seen @ (start + move)
        odds -= odds.max(1, keepdims=True)
        chance = np.exp(odds)
        total = chance.sum(1, keepdims=True)
        lost = (np.log(total[:, 0]) - odds[lines, wanted]).sum() + (pull * move**2).sum() / 2
        chance /= total
        chance[lines, wanted] -= 1
        return float(lost), (turned @ chance + pull * move).ravel()

    steps = {"maxiter": STEPS, "maxfun": STEPS * 2}
    best = minimize(loss, np.zeros(start.size), jac=True, method="L-BFGS-B", options=steps)
    learned: np.ndarray = start + best.x.reshape(start.shape)
    return learned


def _packed(
    listed: list[str], weights: np.ndarray, kept: int, sha256: str, languages: Sequence[str]
) -> bytes:
    weights = weights - weights.mean(1, keepdims=True)
    large = np.abs(weights).max(1) >= SMALL
    large[:kept] = True
    large[-4:] = True
    scale = 127 / np.abs(weights).max()
    rows = (np.rint(weights[large] * scale) + 128).astype(np.uint8)
    stay = [name for name, is_large in zip(listed, large, strict=True) if is_large]
    about = {
        "sha256": sha256,
        "languages": list(languages),
        "kept": kept,
        "scale": round(float(scale), 6),
    }
    packed = zlib.compress("\n".join(stay).encode() + b"\0" + rows.tobytes(), 9)
    return json.dumps(about).encode() + b"\n" + packed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    rows, sha256 = read_data(options.data)
    packed = train(rows, sha256, sorted({row["lang"] for row in rows}))
    options.out.write_bytes(packed)
    print(f"{options.out}: {len(packed):,} bytes from {len(rows):,} snippets")


if __name__ == "__main__":
    main()
