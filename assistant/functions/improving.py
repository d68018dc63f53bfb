"""Code that a model writes or improves: generate_code, improve_function, improve_code."""

import os
from collections.abc import Sequence
from typing import Any

from assistant.code.fences import CODE_BLOCK_PATTERN, extract_code
from assistant.events import UsageError
from assistant.functions.completion import ask, create, extract_text
from assistant.prompts import prompt

_FUNCTION_SECONDS = 600
_CODE_SECONDS = 900
_LARGEST = 5_000_000


def generate_code(
    pattern: str = CODE_BLOCK_PATTERN, **config: Any
) -> tuple[list[tuple[str, str]], float | None]:
    """Ask a model, and take the code out of its (first) answer.

    Args:
        pattern: as for ``extract_code``.
        config: as for ``create`` in ``assistant.functions.completion``: ``messages`` or ``prompt``
            with an optional ``context``, model, n, temperature, config_list, ...

    Returns:
        What ``extract_code`` gives, [(language, code), ...], [("unknown", text)] without code; and
        the cost in dollars, None where it is not known.

    Raises:
        ModelError: no model answered. UsageError: the configuration cannot be meant.
    """
    response = create(**config)
    return extract_code(extract_text(response)[0], pattern), response["cost"]


def improve_function(
    file_name: str | os.PathLike[str], func_name: str, objective: str, **config: Any
) -> tuple[str, float | None]:
    """Ask a model for a better version of one function of a file. Nothing is written.

    Args:
        file_name: the file, as UTF-8; all of it is shown to the model.
        config: as for ``create``; a ``prompt`` may have the fields func_name, objective and
            file_string. 600 seconds unless ``timeout`` says otherwise.

    Returns:
        The model's (first) answer as it is; and the cost in dollars, None where it is not known.

    Raises:
        ModelError: no model answered. UsageError: a file cannot be read, or the configuration
            cannot be meant.
    """
    values = {
        "func_name": func_name,
        "objective": objective,
        "file_string": _read(file_name),
    }
    default = prompt("improve_function", **values)
    return _first(values, default, _FUNCTION_SECONDS, config)


def improve_code(
    files: Sequence[str | os.PathLike[str]],
    objective: str,
    suggest_only: bool = True,
    **config: Any,
) -> tuple[str, float | None]:
    """Ask a model how to improve files, for suggestions or the code too. Nothing is written.

    Args:
        files: at least one, as UTF-8; all are shown to the model, each below its name.
        suggest_only: False asks for the improved code after the suggestions.
        config: as for ``create``; a ``prompt`` may have the fields code, objective and followup.
            900 seconds unless ``timeout`` says otherwise.

    Returns:
        The model's (first) answer as it is; and the cost in dollars, None where it is not known.

    Raises:
        ModelError: no model answered. UsageError: a file cannot be read, or the configuration
            cannot be meant.
    """
    if isinstance(files, str | os.PathLike):
        raise UsageError("files is a list of file names, not one name")
    code = "".join(f"{os.fspath(name)}:\n{_read(name)}\n" for name in files)
    followup = "" if suggest_only else prompt("improve_code_followup")
    values = {"objective": objective, "code": code, "followup": followup}
    default = prompt("improve_code", **values)
    return _first(values, default, _CODE_SECONDS, config)


def _first(
    values: dict[str, str], default: str, seconds: int, config: dict[str, Any]
) -> tuple[str, float | None]:
    """The first answer to a caller's own prompt, else to ``default``, which is filled already."""
    response = ask(values, default, {"timeout": seconds}, config)
    return extract_text(response)[0], response["cost"]


def _read(file_name: str | os.PathLike[str]) -> str:
    name = os.fspath(file_name)
    try:
        with open(name, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise UsageError(f"{name}: larger than {_LARGEST:,} bytes")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not text in UTF-8: {error}") from error
