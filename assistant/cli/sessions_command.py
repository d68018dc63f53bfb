"""``assistant sessions [list|show|delete]``: what is recorded."""

import argparse
import json
from datetime import UTC, datetime

from assistant.cli.output import say
from assistant.cli.wiring import open_sessions, read_setup
from assistant.event_lines import to_json
from assistant.events import UsageError
from assistant.sessions import Session, Sessions
from assistant.terminal.words import count, money


def run(options: argparse.Namespace) -> int:
    sessions = open_sessions(read_setup(options))
    if options.action == "list":
        return _list(sessions, options.json)
    if not options.id:
        raise UsageError(f"which session? assistant sessions {options.action} ID")
    if options.action == "delete":
        name = sessions.find(options.id)
        sessions.delete(name)
        say(f"Deleted {name}")
        return 0
    return _show(sessions, options.id, options.json)


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
    return f"{session.id}  {when(session)}  {session.status:<12}  {used}  {title}"


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
    with text_screen(echo=True) as show:
        for event in loaded.events:
            show(event)
    return 0
