"""A run as a table for other programs: a row for each sample, as CSV, JSON lines or Parquet."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO

from assistant.evals.run_reader import Run
from assistant.evals.runs import FAULTS, Sample
from assistant.events import UsageError

Row = dict[str, Any]
Write = Callable[[Run, BinaryIO], int]
"""Writes the samples of a run; returns how many."""

COLUMNS: Mapping[str, type] = {
    **dict.fromkeys(("run", "data", "model", "strategy", "task"), str),
    "sample": int,
    "result": str,
    "label": str,
    **dict.fromkeys(("passed", "decided", "passed_before_formatting"), bool),
    **dict.fromkeys(("turns", "passed_at"), int),
    **dict.fromkeys(("finish", "detail", "input", "output", "fault"), str),
    **dict.fromkeys(("prompt_tokens", "cached_tokens"), int),
    **dict.fromkeys(("completion_tokens", "reasoning_tokens"), int),
    "cost": Decimal,
    **dict.fromkeys(("model_seconds", "scoring_seconds"), float),
    **dict.fromkeys(("code", "code_before_formatting", "reply"), str),
}
"""The columns in their order. Any value but the first six may be None: not known."""
_DIGITS = 12
"""Of a cost behind its point, in Parquet, whose numbers have a fixed scale."""
_BATCH = 5_000


def rows(run: Run) -> Iterator[Row]:
    """The samples in the order of tasks and numbers; texts as they are."""
    manifest = run.manifest
    same = (run.id, manifest.data.name, manifest.pipeline.model, manifest.pipeline.strategy)
    for sample in run.samples:
        row = (*same, *sample.key, *_outcome(sample), *_spent(sample), *_texts(sample))
        yield dict(zip(COLUMNS, row, strict=True))


def _outcome(sample: Sample) -> tuple[Any, ...]:
    verdict, attempt, result = sample.verdict, sample.attempt, sample.result
    before = sample.before
    return (
        result,
        verdict.label if verdict and verdict.outcome == result else result,
        sample.passed,
        result not in FAULTS,
        before.passed if before else None,
        len(sample.generated.attempts),
        sample.passed_at,
        attempt.finish if attempt else None,
        *((verdict.detail, verdict.input, verdict.output) if verdict else (None, None, None)),
        sample.generated.fault or None,
    )


def _spent(sample: Sample) -> tuple[Any, ...]:
    usage, scored = sample.usage, sample.scored
    return (
        *(usage.prompt, usage.cached, usage.completion, usage.reasoning),
        usage.cost if sample.generated.attempts else None,
        sample.seconds,
        scored.seconds if scored else None,
    )


def _texts(sample: Sample) -> tuple[Any, ...]:
    attempt = sample.attempt
    return (sample.code, attempt.code, attempt.reply) if attempt else (None, None, None)


def write_jsonl(run: Run, file: BinaryIO) -> int:
    """An object a line; costs are texts, since they are exact."""
    count = 0
    for row in rows(run):
        count += 1
        value = {k: str(v) if isinstance(v, Decimal) else v for k, v in row.items()}
        file.write(json.dumps(value, ensure_ascii=True).encode("ascii") + b"\n")
    return count


def write_csv(run: Run, file: BinaryIO) -> int:
    """UTF-8 with a head line. A text that a spreadsheet would take for a formula gets a ' before
    it: the other formats have all texts as they are."""
    text = io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="")
    try:
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(COLUMNS)
        count = 0
        for row in rows(run):
            count += 1
            writer.writerow([harmless(value) for value in row.values()])
    finally:
        text.flush()
        text.detach()
    return count


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet runs (what OWASP calls CSV injection)."""
    if not isinstance(value, str):
        return value
    value = value.replace("\0", "\ufffd")
    return f"'{value}" if value.lstrip(" \u00a0\u3000\ufeff").startswith(_FORMULA) else value


def write_parquet(run: Run, file: BinaryIO) -> int:
    """Typed columns, compressed.

    Raises:
        UsageError: pyarrow is not installed.
    """
    try:
        # Late: of an extra, and large.
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        remedy = 'Install the extra: pip install "assistant[eval]" (CSV and JSON lines need none)'
        raise UsageError("Parquet needs pyarrow", remedy) from error
    kinds = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        bool: pyarrow.bool_(),
        float: pyarrow.float64(),
        Decimal: pyarrow.decimal128(28, _DIGITS),
    }
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    waiting, count = rows(run), 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(waiting, _BATCH)):
            clean = [{k: _fitting(v) for k, v in row.items()} for row in batch]
            writer.write_table(pyarrow.Table.from_pylist(clean, schema))
            count += len(batch)
    return count


def _fitting(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return round(value, _DIGITS) if isinstance(value, Decimal) else value


FORMATS: Mapping[str, Write] = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}
