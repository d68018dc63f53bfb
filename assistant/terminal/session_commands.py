"""The slash commands about the conversation: leaving, the model, the budget, other sessions."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from assistant.events import Replied, Summarised, Usage, UsageError
from assistant.terminal import words
from assistant.terminal.console import MODES
from assistant.terminal.export import export as exported
from assistant.terminal.session import Session, number

_CAPS: Mapping[str, Callable[[Decimal], Decimal | float]] = {
    "replies": int,
    "tokens": int,
    "dollars": Decimal,
    "seconds": float,
    "blocks": int,
}
"""The caps that a message has, and what each is counted in."""


def exit_(session: Session, argument: str) -> None:
    """exit: leave; the session is kept and can be resumed."""
    raise EOFError


def model(session: Session, argument: str) -> None:
    """model [NAME]: go on with another model, or say which one it is."""
    if argument:
        session.chat.set_model(argument)
        session.tell_status()
        names = session.options.models()
        if names and argument not in names and not argument.startswith("replay:"):
            near = difflib.get_close_matches(argument, names, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            session.renderer.say(f"the server does not list it{hint}", "class:warn")
    else:
        session.renderer.say(f"model: {session.chat.model.name}")


def budget(session: Session, argument: str) -> None:
    """budget [CAP=VALUE ...|cost]: what is left, other caps, or what it all cost."""
    if argument == "cost":
        session.renderer.text([[("", line)] for line in _cost(session)])
        return
    if argument:
        session.chat.set_budget(**dict(_cap(part) for part in argument.split()))
        session.tell_status()
    session.renderer.text([[("", line)] for line in _rests(session)])


def _rests(session: Session) -> Iterable[str]:
    """Each cap: what the next message has of it, and what the session used."""
    chat, standing = session.chat, session.standing
    rest, used, whole = standing.next_message(), chat.spent(), chat.terms.session
    yield f"{'':<9}  {'next message':<13}  this session"
    for name in rest._fields:
        given = _amount(name, getattr(rest, name))
        taken = _amount(name, getattr(used, name), unknown=used.unpriced)
        cap = getattr(whole, name) if whole else None
        yield f"{name:<9}  {given:<13}  {taken}" + (f" of {_amount(name, cap)}" if cap else "")
    if chat.terms.budget.dollars is not None and not standing.priced():
        yield "Dollars are kept where the model's price is known."


def _amount(name: str, amount: Decimal | float, unknown: bool = False) -> str:
    if amount == Decimal("Infinity"):
        return "no cap"
    if name != "dollars":
        return f"{max(amount, 0):,.0f}"
    if unknown:
        return f"{words.money(Decimal(amount))} and what is not known" if amount else "unknown"
    return words.money(Decimal(amount))


def reset(session: Session, argument: str) -> None:
    """reset: forget the conversation; files and what was spent stay."""
    session.attached.clear()
    session.chat.reset()


def ask(session: Session, argument: str) -> None:
    """ask [never|apply|all]: when to ask: never, before your folder is written, before all code."""
    if argument:
        asked = {str(mode): mode for mode in MODES}
        if argument not in asked:
            raise UsageError(f"/ask {argument} means nothing", "/ask never, /ask apply or /ask all")
        session.approval.mode = asked[argument]
    session.renderer.say(f"asking: {session.approval.mode}")


def resume(session: Session, argument: str) -> None:
    """resume [ID]: go on with an earlier session, or list them."""
    assert session.options.resume
    if argument:
        session.use(session.options.resume(argument))
        session.renderer.say(
            f"session {argument}: {words.count(len(session.chat.events), 'event')}"
        )
        return
    lines = session.options.session_lines() if session.options.session_lines else ()
    for line in lines[:20]:
        session.renderer.say(line)
    if len(lines) > 20:
        session.renderer.say(f"and {len(lines) - 20:,} more: `assistant sessions` lists them")
    elif not lines:
        session.renderer.say("there is no session on this folder yet")


def fork(session: Session, argument: str) -> None:
    """fork [N]: go on in a copy, from before the last N blocks; this session stays as it is."""
    assert session.options.fork
    blocks = number(argument, "/fork 2") if argument else 0
    before = session.chat.session
    session.use(session.options.fork())
    session.renderer.say(f"what you do now goes on from here; session {before} stays as it is")
    if blocks:
        session.chat.undo(blocks)
        if session.chat.rewindable:
            session.chat.rewind()


def compact(session: Session, argument: str) -> None:
    """compact: have the older messages summed up now, to make room for new ones."""
    if not session.chat.compact():
        session.renderer.say("nothing was made smaller")
    session.tell_status()


def export(session: Session, argument: str) -> None:
    """export FILE: write it all to FILE: .md, .html, .jsonl (events) or .toml (a script)."""
    chat = session.chat
    session.renderer.say(exported(chat.events, argument, chat.folder, chat.session))


def _cap(part: str) -> tuple[str, Decimal | float | None]:
    """``replies=10`` or ``dollars=none`` as a cap."""
    name, equals, value = part.partition("=")
    if name not in _CAPS or not equals:
        raise UsageError(
            f"/budget {part} means nothing",
            "Caps are replies, tokens, dollars, seconds and blocks: /budget replies=10",
        )
    if value == "none":
        return name, None
    try:
        number = Decimal(value.removeprefix("$"))
        if not number.is_finite():
            raise ValueError
        return name, _CAPS[name](number)
    except (InvalidOperation, ValueError):
        raise UsageError(f"/budget {part}: {value} is no number") from None


def _cost(session: Session) -> Sequence[str]:
    """The whole session in tokens and money, cached and reasoning tokens told apart."""
    events = [e for e in session.chat.events if isinstance(e, Replied | Summarised)]
    used = [event.usage for event in events]
    summaries = sum(isinstance(event, Summarised) for event in events)
    told = words.count(summaries, "summary")
    priced = [usage for usage in used if usage.cost is not None]
    total = sum((usage.cost or Decimal(0) for usage in priced), Decimal(0))
    unknown = sum(usage.cost is None and usage.total > 0 for usage in used)
    prompts, cached = _sum(used, "prompt"), _sum(used, "cached")
    completions, reasoning = _sum(used, "completion"), _sum(used, "reasoning")
    money = words.money(total) if priced or not unknown else "unknown"
    if priced and unknown:
        money += f", and {words.count(unknown, 'reply')} of unknown cost"
    return (
        f"replies: {len(used) - summaries:,}" + (f", and {told}" if summaries else ""),
        f"tokens in: {prompts:,}, of them cached {cached:,}",
        f"tokens out: {completions:,}, of them reasoning {reasoning:,}",
        f"cost: {money}",
    )


def _sum(used: Sequence[Usage], name: str) -> int:
    return sum(getattr(usage, name) for usage in used)


FIRST = (exit_, model, budget, compact, resume, fork, ask)
MORE = (reset, export)
