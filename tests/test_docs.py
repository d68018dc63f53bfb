"""The README and docs/: examples run as written, command lines parse, links lead somewhere."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from assistant.cli.parser import parser
from assistant.code.fences import Fence, fences
from assistant.events import EXIT_CODES
from assistant.settings import OPTIONS
from assistant.tasks.script_file import load_script

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
ELSEWHERE = ("functions.md",)
"""Its examples share names and talk to a server: tests/functions runs them."""
EXAMPLES: list[Any] = [
    pytest.param(page, fence, id=f"{page.name}:{fence.line}")
    for page in PAGES
    if page.name not in ELSEWHERE
    for fence in fences(page.read_text(encoding="utf-8"))
]


def examples(lang: str) -> list[Any]:
    return [one for one in EXAMPLES if one.values[1].lang == lang]


@pytest.mark.parametrize(("page", "fence"), examples("python"))
def test_python_examples_run(
    page: Path, fence: Fence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "no-run" in fence.attributes:
        compile(fence.code, str(page), "exec")
        return
    monkeypatch.chdir(tmp_path)
    exec(compile(fence.code, f"{page}:{fence.line}", "exec"), {"__name__": "example"})


SCRIPTS = [
    one
    for one in examples("toml")
    if re.search(r"^\[\[(turn|improve)\]\]", one.values[1].code, re.MULTILINE)
]


@pytest.mark.parametrize(("page", "fence"), SCRIPTS)
def test_scripts_are_valid(page: Path, fence: Fence, tmp_path: Path) -> None:
    file = tmp_path / "script.toml"
    file.write_text(fence.code, encoding="utf-8")
    assert load_script(str(file))


@pytest.mark.parametrize(("page", "fence"), examples("console"))
def test_command_lines_parse(page: Path, fence: Fence) -> None:
    for line in re.findall(r"^\$ (.*)$", fence.code, re.MULTILINE):
        words = shlex.split(line, comments=True)
        names = [word for word in words if word.rpartition("/")[2] == "assistant"]
        if names:
            parser().parse_args(words[words.index(names[0]) + 1 :])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_the_readme_names_every_exit_code() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for code in {*EXIT_CODES.values(), 2, 70, 124, 125, 137, 143, 129}:
        assert re.search(rf"\b{code}\b", text), code


def test_the_readme_tells_the_default_budget() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("replies", "tokens", "blocks"):
        assert f"{OPTIONS[name].default:,} {name}" in text.replace("executed ", "")
    assert "2 dollars, 30 minutes" in text
    assert (OPTIONS["dollars"].default, OPTIONS["seconds"].default) == (2, 1800)
