"""The whole page: one file that loads nothing, with a policy that lets nothing of it be loaded."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from assistant.evals.comparison import wording as w
from assistant.evals.comparison.compared import Comparison
from assistant.evals.comparison.page import sections
from assistant.evals.comparison.page.code import Highlight, plain
from assistant.evals.comparison.page.entries import MOST_TASKS, Entries, entries
from assistant.evals.comparison.page.markup import Markup, div, join, tag


def page(comparison: Comparison, highlight: Highlight = plain) -> str:
    """The comparison as HTML; ``highlight`` colours code."""
    found = entries(comparison, highlight)
    body = tag(
        "body",
        tag("a", "To the tasks won and lost", href="#tasks", class_="skip"),
        tag("button", "Theme", id="theme", type="button", hidden=True),
        tag(
            "main",
            sections.head(comparison),
            sections.warnings(comparison),
            sections.runs(comparison),
            sections.pairs(comparison),
            sections.figures(comparison, found.shown),
            _tasks(comparison, found),
        ),
        tag("script", Markup(_asset("page.js"))),
    )
    names = ", ".join(dict.fromkeys(s.run.name for s in comparison.summaries))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy()),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"Comparison: {names}"),
        tag("style", Markup(_asset("page.css"))),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def policy() -> str:
    """Nothing may be loaded, sent or run but the style and the script that are written here."""
    allowed = f"style-src {_hash('page.css')}; script-src {_hash('page.js')}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


@cache
def _asset(name: str) -> str:
    found = files("assistant.evals.comparison.page").joinpath(name).read_text(encoding="utf-8")
    assert "</" not in found, f"{name} must not be able to end its element"
    return found


def _hash(name: str) -> str:
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _tasks(comparison: Comparison, found: Entries) -> Markup:
    """What the runs do not solve alike, with the means to pick among it."""
    if not found.differing:
        told = "The runs solve every task they have in common equally often."
        return sections.section("tasks", "Tasks won and lost", tag("p", told, class_="none"))
    told = w.count(found.differing, "task")
    left = found.differing - len(found.markup)
    verb = "is" if found.differing == 1 else "are"
    told = f"{told} of {len(comparison.common):,} {verb} not solved alike."
    if left:
        told += (
            f" Here are the {len(found.markup):,} that differ most (at most {MOST_TASKS}, and what"
            " fits); “assistant eval export” writes the full text of all."
        )
    return sections.section(
        "tasks",
        "Tasks won and lost",
        tag("p", told),
        _controls(comparison),
        tag("div", *found.markup, id="entries"),
        tag("p", "No task fits.", id="none", class_="none", hidden=True),
    )


def _controls(comparison: Comparison) -> Markup:
    """Made visible by the script, without which all entries are shown."""
    labels = comparison.labels
    options = [tag("option", "any two runs", value="")]
    options += [
        tag(
            "option", f"{labels[q.after]} against {labels[q.before]}", value=f"{q.after} {q.before}"
        )
        for q in comparison.pairs
    ]
    if len(comparison.pairs) == 1:
        options = options[1:]
    which = [("", "won and lost"), ("1", "won"), ("-1", "lost")]
    shown = [tag("option", words, value=value) for value, words in which]
    return tag(
        "div",
        _field("Compare", tag("select", *options, id="pair")),
        _field("Show", tag("select", *shown, id="side")),
        _field("Find", tag("input", type="search", id="find", placeholder="task")),
        tag("button", "Open all", type="button", id="open"),
        tag("output", id="count", aria_live="polite"),
        tag("p", _KEYS, class_="note"),
        class_="controls",
        id="controls",
        hidden=True,
    )


_KEYS = "Keys: j and k go to the next and the previous task, Enter opens it, / finds."


def _field(words: str, control: Markup) -> Markup:
    return join(div("field", tag("label", tag("span", words), control)))
