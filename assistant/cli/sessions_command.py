"""``assistant sessions [list|show|delete]``: what is recorded."""

import argparse
import json
from datetime import UTC, datetime

from assistant.cli.output import say
from assistant.cli.setup import read_setup
from assistant.cli.wiring import open_sessions, session_named
from assistant.event_lines import to_json
from assistant.events import UsageError
from assistant.sessions import Session, Sessions
from assistant.terminal.words import count, money, size


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    sessions = open_sessions(setup)
    if options.action == "list":
        return _list(sessions, options.json)
    if not options.id:
        raise UsageError(f"which session? assistant sessions {options.action} ID")
    if options.action == "delete":
        name = sessions.find(options.id)
        sessions.delete(name)
        say(f"Deleted {name}")
        return 0
    return _show(sessions, session_named(sessions, setup, options.id), options.json)


def _list(sessions: Sessions, as_json: bool) -> int:
    found = sessions.list()
    for session in found:
        say(json.dumps(_fields(session)) if as_json else line(session))
    if not found and not as_json:
        say("There are no sessions yet.")
    return 0


def line(session: Session) -> str:
    """What a list says of a session."""
    title = session.title or "(nothing said)"
    if session.damage:
        title = f"{title}  [damaged: {session.damage}]"
    used = ", ".join(
        (count(session.replies, "reply"), count(session.tokens, "token"), money(session.cost))
    )
    facts = f"{age(session):>7}  {size(session.size):>6}  {session.status:<12}"
    return f"{session.id}  {facts}  {used}  {title}"


_UNITS = ((86_400 * 365, "year"), (86_400, "day"), (3600, "h"), (60, "min"))


def age(session: Session) -> str:
    """How long ago it was last written to, in one unit."""
    if not session.updated:
        return "?"
    past = (datetime.now(UTC) - session.updated).total_seconds()
    long, unit = next((one for one in _UNITS if past >= one[0]), (1, "s"))
    number = max(0, int(past // long))
    return count(number, unit) if unit in ("year", "day") else f"{number} {unit}"


def when(session: Session) -> str:
    """When it was last written to, by the clock of this place."""
    try:
        return session.updated.astimezone().strftime("%Y-%m-%d %H:%M") if session.updated else "?"
    except OverflowError:  # Not a time that this place has.
        return "?"


def _fields(session: Session) -> dict[str, object]:
    return {
        "id": session.id,
        "title": session.title,
        "folder": session.folder,
        "updated": (session.updated or datetime.min.replace(tzinfo=UTC)).isoformat(),
        "size": session.size,
        "status": session.status,
        "replies": session.replies,
        "tokens": session.tokens,
        "cost": None if session.cost is None else str(session.cost),
        "damage": session.damage,
    }


def _show(sessions: Sessions, name: str, as_json: bool) -> int:
    from assistant.cli.screen import text_screen

    loaded = sessions.show(name)
    if as_json:
        for recorded in loaded.recorded:
            say(to_json(recorded.event))
        return 0
    with text_screen(echo=True, lines=0) as show:  # Who asks for a record wants all of it.
        for event in loaded.events:
            show(event)
    return 0
