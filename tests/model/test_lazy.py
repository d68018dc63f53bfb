"""Importing the models, and building one, loads no heavy library."""

import subprocess
import sys
from pathlib import Path

import assistant.model

HEAVY = ("openai", "tiktoken", "genai_prices", "httpx2", "httpx", "pydantic", "requests", "ssl")


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_importing_every_module_loads_nothing_heavy() -> None:
    folder = Path(assistant.model.__file__).parent
    names = [f"assistant.model.{path.stem}" for path in folder.glob("[a-z]*.py")]
    assert len(names) > 10
    loaded = f"print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run(f"import sys, {', '.join(names)}\n{loaded}") == "[]"


def test_building_a_model_loads_nothing_heavy() -> None:
    code = f"""
import sys
from assistant.model.openai_model import OpenAIModel
from assistant.model.options import ModelOptions, Secret
model = OpenAIModel(ModelOptions("gpt-4o", Secret("sk-0123456789")))
print(model.name, model.max_reply, [name for name in {HEAVY!r} if name in sys.modules])
"""
    assert run(code) == "gpt-4o 16384 []"


def test_no_module_but_two_names_the_heavy_ones() -> None:
    folder = Path(assistant.model.__file__).parent
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert ("import openai" in text) == (path.name == "openai_model.py"), path
        assert ("import tiktoken" in text or "from tiktoken" in text) == (path.name == "tokens.py")
        assert ("genai_prices" in text) == (path.name == "prices.py"), path
