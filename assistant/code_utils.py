"""AutoGen's ``code_utils`` by its own name: what a program imports from there is found here."""

from typing import TYPE_CHECKING, Any

from assistant.code.fences import CODE_BLOCK_PATTERN, UNKNOWN, content_str, extract_code
from assistant.code.infer import infer_lang
from assistant.functions.constants import (
    DEFAULT_MODEL,
    DEFAULT_TIMEOUT,
    FAST_MODEL,
    TIMEOUT_MSG,
    working_dir,
)
from assistant.functions.docker_choice import (
    check_can_use_docker_or_throw,
    decide_use_docker,
    in_docker_container,
    is_docker_running,
)
from assistant.functions.execute import execute_code
from assistant.functions.implementing import (
    PassAssertionFilter,
    generate_assertions,
    implement,
)
from assistant.functions.improving import generate_code, improve_code, improve_function
from assistant.functions.judging import eval_function_completions
from assistant.functions.tools import create_virtual_env, get_powershell_command

if TYPE_CHECKING:
    WORKING_DIR: str

__all__ = [
    "CODE_BLOCK_PATTERN",
    "DEFAULT_MODEL",
    "DEFAULT_TIMEOUT",
    "FAST_MODEL",
    "TIMEOUT_MSG",
    "UNKNOWN",
    "WORKING_DIR",
    "PassAssertionFilter",
    "check_can_use_docker_or_throw",
    "content_str",
    "create_virtual_env",
    "decide_use_docker",
    "eval_function_completions",
    "execute_code",
    "extract_code",
    "generate_assertions",
    "generate_code",
    "get_powershell_command",
    "implement",
    "improve_code",
    "improve_function",
    "in_docker_container",
    "infer_lang",
    "is_docker_running",
]


def __getattr__(name: str) -> Any:
    if name == "WORKING_DIR":  # The user's folders are looked up when asked for, not before.
        return working_dir()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
