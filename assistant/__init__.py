"""A conversational coding assistant whose code really runs, in a hardened container."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistant.code_utils import (
        PassAssertionFilter,
        eval_function_completions,
        execute_code,
        extract_code,
        generate_assertions,
        generate_code,
        implement,
        improve_code,
        improve_function,
        infer_lang,
    )

__version__ = "0.1.0"

__all__ = [
    "PassAssertionFilter",
    "eval_function_completions",
    "execute_code",
    "extract_code",
    "generate_assertions",
    "generate_code",
    "implement",
    "improve_code",
    "improve_function",
    "infer_lang",
]


def __getattr__(name: str) -> Any:
    """The public names are loaded when first asked for: importing this package costs nothing."""
    if name in __all__:
        from assistant import code_utils  # Late: see above.

        value = globals()[name] = getattr(code_utils, name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
