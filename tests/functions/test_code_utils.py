"""AutoGen's module name: what is there, that it is light, and the small functions."""

import importlib
import inspect
import os
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, patch

import pytest

import assistant
from assistant import code_utils
from assistant.cli.model import DEFAULT_MODEL as USUAL_MODEL

PROMISED = {
    "CODE_BLOCK_PATTERN": str,
    "DEFAULT_MODEL": str,
    "DEFAULT_TIMEOUT": 600,
    "FAST_MODEL": str,
    "TIMEOUT_MSG": "Timeout",
    "UNKNOWN": "unknown",
    "WORKING_DIR": str,
}
SIGNATURES = {
    "infer_lang": ["code"],
    "extract_code": ["text", "pattern", "detect_single_line_code"],
    "generate_code": ["pattern", "config"],
    "improve_function": ["file_name", "func_name", "objective", "config"],
    "improve_code": ["files", "objective", "suggest_only", "config"],
    "execute_code": ["code", "timeout", "filename", "work_dir", "use_docker", "lang"],
    "generate_assertions": ["definition", "config"],
    "eval_function_completions": [
        *("responses", "definition", "test", "entry_point", "assertions", "timeout", "use_docker")
    ],
    "implement": ["definition", "configs", "assertions"],
    "content_str": ["content"],
    "in_docker_container": [],
    "is_docker_running": [],
    "decide_use_docker": ["use_docker"],
    "check_can_use_docker_or_throw": ["use_docker"],
    "get_powershell_command": [],
    "create_virtual_env": ["dir_path", "env_args"],
}


@pytest.mark.parametrize("name", PROMISED)
def test_constants(name: str) -> None:
    value, wanted = getattr(code_utils, name), PROMISED[name]
    assert isinstance(value, wanted) if isinstance(wanted, type) else value == wanted


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    assert list(inspect.signature(getattr(code_utils, name)).parameters) == SIGNATURES[name]


def test_defaults() -> None:
    judged = inspect.signature(code_utils.eval_function_completions).parameters
    assert (judged["timeout"].default, judged["use_docker"].default) == (3, True)
    made = inspect.signature(code_utils.implement).parameters
    assert made["assertions"].default is code_utils.generate_assertions
    assert made["configs"].default is None


def test_the_package_has_the_same_functions() -> None:
    for name in assistant.__all__:
        assert getattr(assistant, name) is getattr(code_utils, name)
        assert name in dir(assistant)
    with pytest.raises(AttributeError):
        _ = assistant.no_such_name


def test_one_cheap_model_for_all() -> None:
    assert code_utils.FAST_MODEL == USUAL_MODEL


def test_neither_import_loads_what_is_heavy() -> None:
    heavy = {"openai", "docker", "tiktoken", "pydantic", "httpx", "httpx2", "genai_prices"}
    code = "import sys, assistant.code_utils; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
    code = "import sys, assistant; print(*(m for m in sys.modules if m.startswith('assistant.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_star_import_brings_all() -> None:
    names: dict[str, object] = {}
    exec("from assistant.code_utils import *", names)
    assert {*SIGNATURES, *PROMISED, "PassAssertionFilter"} <= set(names)


# Whether to use Docker.


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *((word, True) for word in ("1", "true", "yes", "t", "True", "YES")),
        *((word, False) for word in ("0", "false", "no", "f", "False")),
        ("none", None),
        ("None", None),
    ],
)
def test_the_variable(monkeypatch: pytest.MonkeyPatch, said: str, meant: bool | None) -> None:
    monkeypatch.setenv("AUTOGEN_USE_DOCKER", said)
    assert code_utils.decide_use_docker(None) is meant
    assert code_utils.decide_use_docker(True) is True
    assert code_utils.decide_use_docker(False) is False


def test_a_variable_that_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_utils.decide_use_docker(None) is True
    monkeypatch.setenv("AUTOGEN_USE_DOCKER", "invalid")
    with pytest.raises(ValueError, match="invalid"):
        code_utils.decide_use_docker(None)
    assert code_utils.decide_use_docker(True) is True


def test_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert code_utils.is_docker_running() is False
    code_utils.check_can_use_docker_or_throw(None)
    code_utils.check_can_use_docker_or_throw(False)
    with pytest.raises(RuntimeError):
        code_utils.check_can_use_docker_or_throw(True)


@pytest.mark.docker
def test_with_an_engine() -> None:
    assert code_utils.is_docker_running() is True
    code_utils.check_can_use_docker_or_throw(True)


def test_in_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    choice = importlib.import_module("assistant.functions.docker_choice")
    for mark, there in ((tmp_path, True), (tmp_path / "none", False)):
        monkeypatch.setattr(choice, "DOCKER_MARK", mark)
        assert code_utils.in_docker_container() is there


# The small functions.


def test_content() -> None:
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url", "url": "x"}]
    assert code_utils.content_str(parts) == "hello<image>"
    with pytest.raises(ValueError, match="Wrong content format"):
        code_utils.content_str([{"type": "wrong_type"}])
    with pytest.raises(TypeError):
        code_utils.content_str(["text", parts[0]])  # type: ignore[list-item]  # Wrong on purpose.


@pytest.mark.parametrize(
    ("code", "lang"),
    [
        ("print('hello world')", "python"),
        ("pip install autogen", "sh"),
        ("dummy text", "unknown"),
    ],
)
def test_languages(code: str, lang: str) -> None:
    assert code_utils.infer_lang(code) == lang


def test_a_virtual_environment() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = code_utils.create_virtual_env(folder, with_pip=False)
        assert isinstance(made, SimpleNamespace)
        assert made.env_name == os.path.basename(folder)
        assert os.access(made.env_exe, os.X_OK)


@pytest.mark.parametrize(
    ("ends", "name"),
    [([0], "powershell"), ([FileNotFoundError, 0], "pwsh"), ([1, 0], "pwsh")],
)
def test_powershell(ends: list[object], name: str) -> None:
    done = [
        e if isinstance(e, type) else MagicMock(returncode=e, stdout=StringIO("7")) for e in ends
    ]
    with patch("subprocess.run", side_effect=done):
        assert code_utils.get_powershell_command() == name


def test_no_powershell() -> None:
    with (
        patch("subprocess.run", side_effect=[FileNotFoundError] * 2),
        pytest.raises(FileNotFoundError),
    ):
        code_utils.get_powershell_command()
    with patch("subprocess.run", side_effect=[PermissionError]), pytest.raises(PermissionError):
        code_utils.get_powershell_command()
