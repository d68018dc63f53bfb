"""A stored run as a comparison wants it."""

from collections.abc import Iterator, Mapping, Sequence

from assistant.code.infer import infer_lang
from assistant.evals.comparison.measured import Key, Measured, Sampled, Shown, Step
from assistant.evals.comparison.wording import count, dollars
from assistant.evals.python_text import parsed
from assistant.evals.run_reader import Run
from assistant.evals.runs import FAULTS, DataStamp, Manifest, Sample, Span

_DIGITS = 12
"""Of a digest that people are to compare by eye."""
_DETAIL = 100
FORMATTERS = {
    "autopep8": ("autoflake", "isort", "autopep8", "pyflakes"),
    "ruff": ("ruff", "pyflakes"),
}
"""Whose versions a formatter's result depends on."""
_TOLD = ("finish", "verdict", "result", "fault")
"""Outputs of operations that fit in a line; the others are texts that stand elsewhere."""


def measured(run: Run) -> Measured:
    """The run's samples and what they were made with; their texts are read when asked for."""
    pipeline, samples = run.manifest.pipeline, [_sampled(sample) for sample in run.samples]
    return Measured(
        run.id,
        f"{pipeline.model} · {pipeline.strategy}",
        _facts(run.manifest),
        _conditions(run.manifest),
        samples,
        run.manifest.data.families,
        list(_notes(run)),
        lambda keys: _shown(run, samples, keys),
    )


def _facts(manifest: Manifest) -> dict[str, str]:
    pipeline = manifest.pipeline
    return {
        "model": pipeline.model,
        "strategy": pipeline.strategy,
        "formatter": pipeline.formatter or "none",
        **pipeline.parameters,
        "seed": "" if pipeline.seed is None else str(pipeline.seed),
        **({"pipeline": pipeline.name} if pipeline.name != pipeline.strategy else {}),
        "tasks published by": manifest.data.released,
        **{f"version of {name}": version for name, version in _versions(manifest).items()},
    }


def _versions(manifest: Manifest) -> dict[str, str]:
    """Of what took part: a formatter's libraries only where there was a formatter."""
    idle = set[str]().union(*FORMATTERS.values()) - set(
        FORMATTERS.get(manifest.pipeline.formatter, ())
    )
    return {name: one for name, one in manifest.versions.items() if name not in idle}


def _conditions(manifest: Manifest) -> dict[str, str]:
    data = manifest.data
    return {
        "data": f"{data.name} {data.sha256[:_DIGITS]}",
        "prompt": manifest.pipeline.prompt_sha256[:_DIGITS],
        "limits": ", ".join(f"{name} {value}" for name, value in sorted(manifest.limits.items())),
        "image": manifest.image,
        "judging": data.verdict,
    }


def _sampled(sample: Sample) -> Sampled:
    result, verdict, usage, seconds = sample.result, sample.verdict, sample.usage, sample.seconds
    asked = bool(sample.generated.attempts) and bool(usage.total or seconds)
    return Sampled(
        *sample.key,
        outcome=verdict.label if verdict and verdict.outcome == result else result,
        passed=result == "passed",
        decided=result not in FAULTS,
        seconds=seconds if asked else None,
        turns=sample.passed_at or len(sample.generated.attempts) or 1,
        prompt=usage.prompt,
        completion=usage.completion,
        cost=usage.cost if asked else None,
    )


def _notes(run: Run) -> Iterator[str]:
    data, missing = run.manifest.data, run.wanted - len(run.samples)
    if missing > 0:
        why = f" (it ended: {run.ended.status})" if run.ended else ""
        yield f"{missing:,} of {run.wanted:,} samples are missing{why}."
    if data.verdict == "in-process":
        yield "its tests ran in the solution's own process, which can forge a verdict."
    if data.left_out:
        yield f"{count(len(data.left_out), 'task')} that cannot be judged were left out."
    if data.without_sample:
        without, every = len(data.without_sample), len(data.without_sample) + len(data.tasks)
        yield f"{without:,} of {count(every, 'task')} had no sample in the file and do not count."
    if run.damaged:
        where = run.damaged[0]
        yield f"{count(len(run.damaged), 'line')} of its file cannot be read: {where.why}."


def _shown(run: Run, known: Sequence[Sampled], keys: Sequence[Key]) -> Mapping[Key, Shown]:
    """The texts of some samples; ``known`` are all of the run, in its order."""
    wanted = set(keys)
    if not wanted:
        return {}
    spans: dict[Key, list[Span]] = {}
    for span in run.spans():
        if (span.task, span.number) in wanted:
            spans.setdefault((span.task, span.number), []).append(span)
    found = (run.samples[place] for place, one in enumerate(known) if one.key in wanted)
    return {
        sample.key: _texts(sample, spans.get(sample.key, []), _language(run.manifest.data, sample))
        for sample in found
    }


def _language(data: DataStamp, sample: Sample) -> str:
    return data.languages.get(sample.generated.task, data.language)


def _texts(sample: Sample, spans: Sequence[Span], lang: str) -> Shown:
    verdict, attempt = sample.verdict, sample.attempt
    detail = verdict.detail if verdict else sample.generated.fault
    code = sample.code
    if code is None and attempt is not None:
        # Where no code was found people want to see what came instead.
        return Shown(attempt.reply, "text", detail or attempt.detail, steps=steps(spans))
    told = ("", "") if verdict is None else (verdict.input, verdict.output)
    return Shown(code or "", lang or language(code or ""), detail, *told, steps(spans))


def language(code: str) -> str:
    """Of code in a run that does not tell: Python where it is, or could have been meant to be."""
    if parsed(code) is not None:
        return "python"
    guess = infer_lang(code)
    return guess if guess not in ("unknown", "text", "sh") else "python"


def steps(spans: Sequence[Span]) -> list[Step]:
    """The operations of one sample, parents before their children, in the order they began."""
    if not spans:
        return []
    known = {span.id: span for span in spans}
    first = min(span.start for span in spans)
    below: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda s: s.start):
        below.setdefault(span.parent if span.parent in known else "", []).append(span)
    found: list[Step] = []
    waiting = [(span, 0) for span in reversed(below.get("", []))]
    while waiting:
        span, depth = waiting.pop()
        found.append(
            Step(span.operation, max(0.0, span.start - first), span.seconds, depth, _detail(span))
        )
        waiting += [(child, depth + 1) for child in reversed(below.get(span.id, []))]
    return found


def _detail(span: Span) -> str:
    parts = []
    if span.usage and span.usage.total:
        parts.append(f"{span.usage.prompt:,} tokens in, {span.usage.completion:,} out")
        parts += [dollars(span.usage.cost)] if span.usage.cost is not None else []
    told = (span.inputs.get("which"), *(span.outputs.get(name) for name in _TOLD))
    words = " ".join((span.error or ", ".join(filter(None, told))).split())
    parts += [words if len(words) <= _DETAIL else f"{words[:_DETAIL]}…"] if words else []
    return ", ".join(parts)
