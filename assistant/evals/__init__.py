"""Measures models: tasks, generated code, its formatting, and the statistics of what passed.

The public names are those of ``__all__``; each is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistant.evals.datasets import load
    from assistant.evals.formatter import CodeFormatter
    from assistant.evals.generated import FormattedGeneratedCode, GeneratedCode
    from assistant.evals.pipeline import CodeGenerationPipeline, Parameters
    from assistant.evals.run_reader import load_run
    from assistant.evals.scorer import score_code

_PLACES = {
    "CodeFormatter": "formatter",
    "CodeGenerationPipeline": "pipeline",
    "FormattedGeneratedCode": "generated",
    "GeneratedCode": "generated",
    "Parameters": "pipeline",
    "load": "datasets",
    "load_run": "run_reader",
    "score_code": "scorer",
}
__all__ = [
    "CodeFormatter",
    "CodeGenerationPipeline",
    "FormattedGeneratedCode",
    "GeneratedCode",
    "Parameters",
    "load",
    "load_run",
    "score_code",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(import_module(f"assistant.evals.{_PLACES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
