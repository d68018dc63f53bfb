"""Every setting: what it means, its default, and which layer it came from.

Later layers win: defaults, the user's file, the project's ``assistant.toml``, the environment,
flags. A named profile lies just above the files, or just below the flags if a flag chose it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

from assistant.options import Option, Size, option, options_of, text_of
from assistant.redact import Redactor
from assistant.settings_layers import DEFAULT, gather


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one run. ``load_settings`` makes it; by itself it holds the defaults."""

    # The model.
    model: str = option("", "a model's name, or replay:RECORD")
    base_url: str = option(
        "",
        "an OpenAI-compatible server, such as http://localhost:11434/v1",
        shown=False,
        widens="change",
    )
    profile: str = option("", "the named profile to use", widens="change")
    api_key: str = option(
        "",
        "the server's key; never in a file of settings, nor a flag",
        shown=False,
        secret=True,
        places=("environment",),
    )
    api_key_file: str = option(
        "",
        "a file (mode 0600) with the key; goes before OPENAI_API_KEY",
        path=True,
        widens="change",
    )
    temperature: float | None = option(None, "the model's temperature; none: its own", least=0)
    max_reply: int = option(16_384, "tokens of the largest reply, reasoning included", least=1)
    window: int | None = option(
        None, "tokens that the model's window holds; none: what is known of it", least=1000
    )
    reasoning_effort: str = option("", "how much the model thinks: low, medium, high, ...")
    seed: int | None = option(None, "the seed of the model's chance; none: its own")
    stop: tuple[str, ...] = option((), "texts that end a reply")
    silence: float = option(
        60.0, "seconds of a silent server before the call is made again", least=1
    )
    prices: str = option("", "a TOML table of prices; it wins", path=True, widens="change")

    # The sandbox.
    image: str = option("", "the image that code runs in", widens="change")
    images: Mapping[str, str] = option({}, "images for single languages", widens="change")
    local: bool = option(
        False, "run code here, without a container: only code you trust", widens="more"
    )
    mount: Literal["none", "ro", "rw"] = option(
        "none", "the folder itself in the container, no copy", widens="more"
    )
    network: Literal["none", "packages", "full"] = option(
        "none", "the network of the code; a flag alone can open it", places=("flag",)
    )
    runtime: str = option("", "the engine's runtime, such as runsc", widens="change")
    show_value: bool = option(True, "show the last expression of a Python block")
    memory: Size | None = option(
        None,
        "memory of the code, swap included; none: half the machine's, 4G at most",
        least=64 << 20,
        widens="change",
    )
    processors: float | None = option(
        None, "processors of the code; none: all but one", least=0.1, widens="change"
    )
    processes: int = option(1024, "processes of the code at a time", least=16, widens="more")
    disk: Size = option(
        Size(4 << 30), "what the code may keep in folder and home", least=1 << 20, widens="more"
    )
    disk_files: int = option(
        200_000, "files that the code may keep there", least=100, widens="more"
    )
    open_files: int = option(
        4096, "files that a process of the code may have open", least=256, widens="more"
    )
    tmp: Size | None = option(
        None,
        "the size of /tmp, in memory; none: a quarter of the memory, 512M at most",
        least=1 << 20,
        widens="change",
    )
    output_bytes: Size = option(
        Size(8 << 20), "output past which a block is killed", least=1 << 10, widens="more"
    )
    output_kept: Size = option(
        Size(32 << 10),
        "of a longer output: what is kept of its start, and of its end",
        least=256,
        widens="more",
    )

    # The workspace: what is copied, and what comes back.
    copy_bytes: Size = option(Size(200 << 20), "the largest folder that is copied", least=1)
    copy_files: int = option(20_000, "files that are copied at most", least=1)
    copy_file_bytes: Size = option(Size(20 << 20), "the largest file that is copied", least=1)
    copy: tuple[str, ...] = option(
        (),
        "patterns of files to copy although they are ignored or may hold keys",
        adds=True,
        widens="change",
    )
    apply: bool = option(False, "write the changes back when a run ended well", widens="more")

    # What a run is held to.
    check: str = option("", "the command that decides whether a task passes")
    protect: tuple[str, ...] = option(
        (),
        "more files that are restored to your own for a check; !FILE: a script of its is not",
        adds=True,
    )
    block_seconds: float = option(120.0, "the limit of one block", least=1)
    check_seconds: float = option(600.0, "the limit of one check", least=1)

    # The budget for each message.
    replies: int = option(30, "replies for each message", least=1)
    tokens: int = option(400_000, "tokens for each message", least=1)
    dollars: Decimal = option(
        Decimal("2.00"),
        "dollars for each message; if set, an unknown price is an error",
        widens="more",
        least=0,
    )
    seconds: float = option(1800.0, "seconds for each message", least=1)
    blocks: int = option(60, "executed blocks for each message", least=0)

    # The budget of a whole session.
    session_replies: int | None = option(None, "replies for a session", least=1)
    session_tokens: int | None = option(None, "tokens for a session", least=1)
    session_dollars: Decimal | None = option(None, "dollars for a session", widens="more", least=0)
    session_seconds: float | None = option(None, "seconds for a session", least=1)
    session_blocks: int | None = option(None, "executed blocks for a session", least=0)

    # The budget of an evaluation run.
    eval_dollars: Decimal | None = option(
        Decimal("5.00"),
        "dollars for `assistant eval run`, where prices are known",
        widens="more",
        least=0,
    )

    # What one answer under judgement may use.
    eval_memory: Size = option(
        Size(2 << 30), "memory of an answer under judgement", least=64 << 20, widens="more"
    )
    eval_processes: int = option(256, "processes of one", least=16, widens="more")
    eval_processors: float = option(1.0, "processors of one", least=0.1, widens="more")

    # The terminal.
    ask: Literal["all", "apply", "never"] = option(
        "apply",
        "ask before each block too, before writing to your folder, or never",
        widens="more",
    )
    dearest: Decimal | None = option(
        None,
        "dollars: a message whose first call may cost more is asked about",
        widens="more",
        least=0,
    )
    allow: tuple[str, ...] = option(
        (), "patterns of code that runs unasked", adds=True, widens="change"
    )
    deny: tuple[str, ...] = option((), "patterns of code that is never run", adds=True)
    theme: Literal["auto", "dark", "light", "mono", "text"] = option("auto", "colours")
    output_lines: int = option(
        50, "rows of a long output that a terminal shows, of its start and its end; 0: all", least=0
    )
    pictures: Literal["off", "auto", "kitty", "iterm"] = option(
        "off", "draw the PNG that code writes, in terminals that can"
    )
    vi: bool = option(False, "vi keys")

    # Where things are.
    data_folder: str = option("", "where sessions are kept", path=True, widens="change")
    ignore_project: bool = option(
        False, "do not read the project's assistant.toml", places=("environment", "flag")
    )

    # Traces for other programs.
    otlp: str = option(
        "",
        "an OpenTelemetry collector that gets traces, such as http://localhost:4318",
        shown=False,
        widens="change",
    )
    otlp_wait: float = option(1.0, "seconds that an end waits for traces not sent yet", least=0)
    otlp_content: bool = option(False, "traces with what was said, run and printed", widens="more")

    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)
    """The values that nothing may show: keys and passwords, whether used or not."""
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where each value came from, for those that are not defaults."""
    files: tuple[Path, ...] = field(default=(), repr=False, compare=False)
    """The settings files that were read."""

    def given(self, name: str) -> bool:
        """Whether someone set it, rather than that it is the default."""
        return name in self.sources


class Row(NamedTuple):
    """One line of ``assistant config``."""

    name: str
    value: str
    source: str


OPTIONS: Mapping[str, Option] = options_of(Settings)


def load_settings(
    flags: Mapping[str, object] | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings for work in ``folder`` (by default the current one).

    ``flags`` are settings by name, as text or as values; those that are None were not given.

    Raises:
        UsageError: an unknown name (with the nearest right one), a wrong value, an unreadable
            file, an unknown profile, or a project that asks for more than it is trusted with.
    """
    found = gather(
        OPTIONS,
        {name: value for name, value in (flags or {}).items() if value is not None},
        os.environ if environment is None else environment,
        Path(folder or os.getcwd()),
    )
    return Settings(**found.values, secrets=found.secrets, sources=found.origins, files=found.files)


def explain(settings: Settings) -> tuple[Row, ...]:
    """Each setting with its value and where it came from; keys and passwords are not shown."""
    redactor = Redactor(settings.secrets)

    def row(one: Option) -> Row:
        value: Any = getattr(settings, one.name)
        text = redactor.patterns(text_of(one, value))
        if one.traits.secret:
            text = "(set)" if value else ""
        return Row(one.name, text, settings.sources.get(one.name, DEFAULT))

    return tuple(row(one) for one in OPTIONS.values())
