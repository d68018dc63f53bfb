"""``assistant demo``: the whole loop on a conversation written by hand, without a model."""

import argparse
import tempfile
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from assistant.cli.output import say
from assistant.cli.sandboxes import engine_answers
from assistant.cli.screen import text_screen
from assistant.cli.setup import Setup, read_setup
from assistant.cli.wiring import open_chat
from assistant.events import EXIT_CODES, SandboxError

_OWN_MODEL = """\
To use your own model:
  export OPENAI_API_KEY=...           or, for a local server: export OPENAI_BASE_URL=http://...
  assistant                           a session on the folder you are in
  assistant run "TASK" --check CMD    one task, until the check passes"""


def run(options: argparse.Namespace) -> int:
    demo = tomllib.loads(files("assistant.demo").joinpath("demo.toml").read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="assistant-demo-") as name:
        folder = Path(name)
        for path, text in demo["files"].items():
            (folder / path).write_text(text.lstrip("\n"), encoding="utf-8")
        options.folder = name
        setup = read_setup(options, {"check": demo["check"], "apply": False})
        return _play(demo, _placed(setup))


def _placed(setup: Setup) -> Setup:
    """In the container; where no engine can be had, here: the demo's own code can be trusted."""
    try:
        engine_answers()
    except SandboxError as error:
        say(f"No sandbox: {error.message}")
        say("So the demo's own code, which ships with this program, runs on this machine.\n")
        return replace(setup, settings=replace(setup.settings, local=True))
    return setup


def _play(demo: dict[str, Any], setup: Setup) -> int:
    from assistant.model.replay import ScriptedModel

    model = ScriptedModel(
        [reply["text"].strip("\n") + "\n" for reply in demo["replies"]],
        name="the demo's replies, written by hand",
    )
    real = (
        "the code and the check" if setup.settings.local else "the code, the container, the check"
    )
    say(f"A demo: the replies were written by hand; {real} are real.")
    with open_chat(setup, model=model) as opened:
        with text_screen(echo=True) as show:
            opened.chat.attend(show)
            ending = opened.chat.say(demo["task"])
        say("\nThe difference, as it would be applied to the folder:\n")
        say(opened.chat.diff())
        used = opened.chat.spent()
        say(
            f"{ending.status}: {used.replies} replies, {used.tokens:,} tokens (estimated),"
            f" {used.seconds:.1f} s of running code"
        )
    say("")
    say(_OWN_MODEL)
    return EXIT_CODES[ending.status]
