"""Looks at each thing that the assistant needs; nothing is started, made or paid for."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistant.cli.setup import Setup, data_folder
from assistant.events import AssistantError, ModelError, SandboxError, UsageError

SECONDS = 5.0
"""A server's answer is waited for so long."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``code`` is the exit code for it, 0 where it is well."""

    what: str
    text: str
    remedy: str = ""
    code: int = 0

    @property
    def lines(self) -> Iterator[str]:
        mark = "MISSING" if self.code else "better" if self.remedy else "ok"
        yield f"{mark:<8} {self.what:<9} {self.text}"
        for line in self.remedy.splitlines():
            yield f"{'':<18} {line}"


def examined(setup: Setup) -> Iterator[Finding]:
    """Each finding as it is made."""
    looks: Mapping[str, Callable[[Setup], Iterator[Finding]]] = {
        "python": _python,
        "settings": _settings,
        "sessions": _sessions,
        "model": _model,
        "price": _price,
        "sandbox": _sandbox,
        "terminal": _terminal,
    }
    for name, look in looks.items():
        try:
            yield from look(setup)
        except AssistantError as error:
            yield Finding(
                name, error.message, error.remedy or "See the documentation.", error.exit_code
            )


def _python(setup: Setup) -> Iterator[Finding]:
    from assistant import __version__

    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("program", f"assistant {__version__}, Python {version}, {sys.platform}")


def _settings(setup: Setup) -> Iterator[Finding]:
    files = ", ".join(map(str, setup.settings.files)) or "defaults and environment only"
    yield Finding("settings", files)


def _sessions(setup: Setup) -> Iterator[Finding]:
    folder = data_folder(setup.settings)
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(
            f"{folder} cannot be written",
            "Make it yours, or choose another place: ASSISTANT_DATA_FOLDER=DIR",
        )
    made = "" if there == folder else " (made when it is first needed)"
    yield Finding("sessions", f"{folder}{made}")


def _model(setup: Setup) -> Iterator[Finding]:
    from assistant.cli.model import DEFAULT_MODEL, REPLAY, missing_model
    from assistant.model.openai_model import resolve_model
    from assistant.model.options import OPENAI_URL, Secret, host_of

    settings = setup.settings
    if settings.model.startswith(REPLAY):
        yield Finding("model", settings.model)
        return
    if not settings.api_key and not settings.base_url:
        raise missing_model("")
    url = settings.base_url or OPENAI_URL
    key = Secret(settings.api_key) if settings.api_key else None
    try:
        names = resolve_model(url, key, seconds=SECONDS)
    except ModelError as error:
        raise ModelError(error.message, error.remedy or "Look at OPENAI_BASE_URL.") from error
    wanted = settings.model or (names[0] if settings.base_url and len(names) == 1 else "")
    wanted = wanted or ("" if settings.base_url else DEFAULT_MODEL)
    where = f"at {host_of(url)}, which lists {len(names):,}"
    if not wanted:
        shown = ", ".join(names[:8])
        raise UsageError(f"none is chosen {where}", f"Choose one: --model NAME ({shown})")
    if names and wanted not in names and not any(n.startswith(f"{wanted}:") for n in names):
        shown = ", ".join(names[:8])
        raise UsageError(f"{wanted} is not listed {where}", f"Choose one: --model NAME ({shown})")
    yield Finding("model", f"{wanted} {where}")


def _price(setup: Setup) -> Iterator[Finding]:
    from assistant.cli.model import DEFAULT_MODEL
    from assistant.model.options import OPENAI_URL
    from assistant.model.prices import Prices

    settings = setup.settings
    served = settings.api_key and not settings.base_url
    name = settings.model or (DEFAULT_MODEL if served else "")
    if not name or ":" in name.partition("/")[0]:
        return
    table = Path(settings.prices) if settings.prices else None
    prices = Prices(name, settings.base_url or OPENAI_URL, table)
    known = "known" if prices.cost(1000, 1000) is not None else "unknown: cap tokens, not dollars"
    window = settings.window or prices.window
    size = f"{window:,} tokens" if window else "unknown (setting window)"
    yield Finding("price", f"of {name} {known}; window {size}")


def _sandbox(setup: Setup) -> Iterator[Finding]:
    if setup.settings.local:
        yield Finding("sandbox", "none: code runs on this machine, as you asked (local)")
        return
    from assistant.cli.sandboxes import choose_image
    from assistant.sandbox.engine import connect, find_engine
    from assistant.sandbox.image import find_image
    from assistant.sandbox.ready import remedy_for

    engine = find_engine(os.environ, SECONDS)
    yield Finding("engine", str(engine))
    with connect(engine.endpoint, SECONDS) as client:
        tag = choose_image(client, setup)
        image = find_image(client, tag)
    if image is None:
        raise SandboxError(f"the image {tag} is not there", remedy_for(tag))
    yield Finding("image", tag)


def _terminal(setup: Setup) -> Iterator[Finding]:
    kind = os.environ.get("TERM", "")
    encoding = (sys.stdout.encoding or "").lower()
    if encoding.replace("-", "") != "utf8":
        yield Finding(
            "terminal", f"writes {encoding or 'nothing known'}, not UTF-8", "export LANG=C.UTF-8", 0
        )
    if not sys.stdout.isatty():
        yield Finding("terminal", "none here: output goes to a file or pipe")
    elif kind in ("", "dumb", "unknown"):
        yield Finding("terminal", f"TERM={kind}: plain lines, no colours or editing")
    else:
        colours = "no colours (NO_COLOR)" if os.environ.get("NO_COLOR") else "colours"
        yield Finding("terminal", f"{kind}, {colours}")
