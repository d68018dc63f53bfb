"""Every sentence that a model reads lives in a text file; this finds and fills them."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template


@cache
def _text(name: str) -> str:
    installed = files("assistant").joinpath("_prompts", f"{name}.txt")
    if installed.is_file():
        return installed.read_text(encoding="utf-8")
    checkout = Path(__file__).parent.parent / "prompts" / f"{name}.txt"
    return checkout.read_text(encoding="utf-8")


def prompt(name: str, /, **values: object) -> str:
    """The text of ``prompts/<name>.txt`` with its ``$placeholders`` filled; all must be given."""
    return Template(_text(name)).substitute({k: str(v) for k, v in values.items()}).strip("\n")
