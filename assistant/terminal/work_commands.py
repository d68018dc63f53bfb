"""The slash commands about the work: changes, undo, checks, code, files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from assistant.code.fences import fences
from assistant.events import Checked, CodeBlock, Event, Finished, Ran, Replied, Said, UsageError
from assistant.languages import find
from assistant.prompts import prompt
from assistant.terminal import words
from assistant.terminal.attaching import file_names, file_text
from assistant.terminal.files import written
from assistant.terminal.highlight import Highlighter
from assistant.terminal.render import output_of
from assistant.terminal.sanitize import one_line, visible
from assistant.terminal.session import Session, number
from assistant.terminal.theme import Fragment


def add(session: Session, argument: str) -> None:
    """add FILE ...: put files into your next message (as @FILE does)."""
    if not argument:
        raise UsageError("/add needs a file", "/add FILE")
    for name in file_names(argument):
        text = file_text(session.chat, name)
        session.attached.append(text)
        session.renderer.say(f"{name}: {session.standing.price(text)} with your next message")


def diff(session: Session, argument: str) -> None:
    """diff [PATH ...|discard]: what the code changed so far; discard throws it all away."""
    if argument == "discard":
        if session.approval.confirm("Throw away every change that is not applied?"):
            session.chat.discard()
        return
    paths = file_names(argument)
    text = session.chat.diff(paths)
    if not text.strip():
        session.renderer.say(f"nothing has changed{_at(paths)}")
        return
    session.renderer.text(_coloured(text, "diff"))
    for refusal in session.chat.refusals():
        session.renderer.say(f"/apply cannot write {one_line(refusal, 500)}", "class:warn")


def apply(session: Session, argument: str) -> None:
    """apply [PATH ...]: write the changes to your folder, all or only these paths."""
    paths = file_names(argument)
    text = session.chat.diff(paths)
    if not text.strip():
        session.renderer.say(f"nothing to apply{_at(paths)}")
        return
    if session.approval.mode != "never":
        session.renderer.text(_coloured(text, "diff"))
    if disputed := _disputed(session, paths):
        session.renderer.say("nothing was applied: you and the code changed the same", "class:warn")
        for name in disputed:
            session.renderer.say(_settle(name))
        return
    what = argument or "all of it"
    if session.approval.confirm(f"Write {what} to {session.chat.folder or 'your folder'}?"):
        session.chat.apply(paths or None)
        session.applied = True
    else:
        session.renderer.say("nothing was written")


def _at(paths: Sequence[str]) -> str:
    return f" at {one_line(', '.join(paths), 200)}" if paths else ""


def _disputed(session: Session, paths: Sequence[str]) -> list[str]:
    """Conflicts that stand in the way of writing these paths (all)."""
    return [
        name
        for name in session.chat.conflicts()
        if not paths or any(name == path or name.startswith(f"{path}/") for path in paths)
    ]


def _settle(name: str) -> str:
    name = one_line(name)
    return (
        f"both changed {name}: /resolve {name} copy (what the code made) or"
        f" /resolve {name} folder (what you have)"
    )


def undo(session: Session, argument: str) -> None:
    """undo [N]: take back what the last block, or the last N, changed."""
    session.chat.undo(number(argument, "/undo 2"))
    _offer(session)


def redo(session: Session, argument: str) -> None:
    """redo [N]: bring back what was undone."""
    session.chat.redo(number(argument, "/redo 2"))
    _offer(session)


def rewind(session: Session, argument: str) -> None:
    """rewind: after /undo or /redo, take the conversation to where the files are, too."""
    session.chat.rewind()


def _offer(session: Session) -> None:
    if session.chat.rewindable:
        session.renderer.say("the conversation is where it was; /rewind takes it there, too")
    if session.applied and session.chat.diff().strip():
        session.renderer.say("your folder keeps what was applied; /apply writes this state to it")


def run(session: Session, argument: str) -> None:
    """run [COMMAND]: run a command of yours in the sandbox, or the last code block again."""
    session.run(CodeBlock("bash", argument) if argument else _last_block(session))


def output(session: Session, argument: str) -> None:
    """output [N]: all that was kept of an output, of the last one or of the session's Nth."""
    printed = [event for event in session.chat.events if output_of(event)]
    if not printed:
        raise UsageError("nothing has printed anything yet")
    wanted = number(argument, "/output 2", "an output") if argument else len(printed)
    if wanted > len(printed):
        raise UsageError(f"there is no output {wanted:,}", f"The last is /output {len(printed)}")
    event = printed[wanted - 1]
    session.renderer.say(f"output {wanted:,} of {len(printed):,}: {_source(event)}")
    if not session.console.page(session.renderer.lines_of(output_of(event))):
        session.renderer.output(output_of(event))


def _source(event: Event) -> str:
    """What an output came from."""
    if isinstance(event, Ran):
        what = words.doing(event.block).removeprefix("running ")
        return words.joined((what, words.done(event.block, event.result)))
    assert isinstance(event, Checked)
    return words.joined((f"check {one_line(event.command)}", words.verdict(event)))


def check(session: Session, argument: str) -> None:
    """check [COMMAND|off]: run the acceptance check, set another, or none."""
    if not argument:
        session.chat.run_check()
        return
    session.chat.set_check("" if argument == "off" else argument)
    session.renderer.say("no check" if argument == "off" else f"check: {argument}")


def save(session: Session, argument: str) -> None:
    """save FILE: write the last code block of the conversation to FILE in your folder."""
    if not argument:
        raise UsageError("/save needs a file", "/save FILE")
    path = Path(session.chat.folder or ".", Path(argument).expanduser())
    block = _last_block(session)
    if path.exists() and not session.approval.confirm(f"{argument} exists. Write over it?"):
        session.renderer.say("nothing was written")
        return
    session.renderer.say(
        written(path, block.code if block.code.endswith("\n") else block.code + "\n")
    )


def resolve(session: Session, argument: str) -> None:
    """resolve [FILE copy|folder]: what both you and the code changed, or whose version counts."""
    path, _, side = argument.rpartition(" ")
    if not argument:
        found = session.chat.conflicts()
        for name in found:
            session.renderer.say(_settle(name))
        if not found:
            session.renderer.say("nothing was changed by both you and the code")
        return
    if side not in ("copy", "folder") or not path:
        raise UsageError(
            f"/resolve {argument} means nothing",
            "/resolve FILE copy (what the code made) or /resolve FILE folder (what you have)",
        )
    session.chat.resolve(path, side)
    session.renderer.say(f"{one_line(path)}: the {side}'s counts")


def see(session: Session, argument: str) -> None:
    """see FILE: give a picture, from the code's files or yours, to a model that takes pictures."""
    if not argument:
        raise UsageError("/see needs a picture", "/see plot.png")
    session.gallery.see(argument)


def _coloured(text: str, language: str) -> Iterable[list[Fragment]]:
    colours = Highlighter(language)
    return [colours.line(visible(line)) for line in text.rstrip("\n").split("\n")]


def _last_block(session: Session) -> CodeBlock:
    """The model's last code: a fence of the last reply that has one, or a block that ran of it."""
    events = session.chat.events
    own = _own_blocks(events)
    for at in reversed(range(len(events))):
        event = events[at]
        if isinstance(event, Ran) and event.block.action == "run" and at not in own:
            return event.block
        if isinstance(event, Replied) and (found := fences(event.text)):
            language = find(found[-1].lang)
            return CodeBlock(language.name if language else found[-1].lang, found[-1].code)
    raise UsageError("there is no code block yet")


def _own_blocks(events: Sequence[Event]) -> set[int]:
    """Where the user's own blocks ended: between the end of a message and the next one."""
    own, between, resumed = set(), False, prompt("resumed")
    for at, event in enumerate(events):
        if isinstance(event, Said):
            between = event.role != "user" and (between or event.text == resumed)
        elif isinstance(event, Finished):
            between = True
        elif isinstance(event, Ran) and between:
            own.add(at)
    return own


FIRST = (add, diff, apply, undo, redo, run, output, check)
MORE = (save, rewind, resolve, see)
