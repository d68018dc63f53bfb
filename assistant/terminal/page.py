"""A conversation as one page of HTML: what the terminal shows, with nothing that runs or loads."""

from collections.abc import Iterable
from html import escape

from assistant.events import Event, Pictured
from assistant.terminal.markdown import Preview
from assistant.terminal.render import Renderer
from assistant.terminal.sanitize import one_line
from assistant.terminal.theme import Line
from assistant.transcript import by_user

_COLUMNS = 100
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --dim: #777; --good: #07740b; --bad: #b00020; --warn: #8a5a00;
  --code: #005a9e; --key: #8b2ea8; --text: #a33b00 }}
@media (prefers-color-scheme: dark) {{ :root {{ --dim: #999; --good: #6cc26f; --bad: #ff7b85;
  --warn: #e5b567; --code: #7ab8f5; --key: #d49bea; --text: #f0a67c }} }}
body {{ max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ font: 0.9rem/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }}
img {{ max-width: 100% }}
.prompt, .user, .strong, .heading, .title {{ font-weight: bold }}
.title {{ text-decoration: underline }}
.emphasis, .quote, .reasoning, .comment {{ font-style: italic }}
.strike {{ text-decoration: line-through }}
.dim, .reasoning, .url, .fence, .bar, .comment {{ color: var(--dim) }}
.good, .added, .prompt {{ color: var(--good) }}
.bad, .removed {{ color: var(--bad) }}
.warn, .bullet {{ color: var(--warn) }}
.code, .link, .mark, .name, .hunk, .heading {{ color: var(--code) }}
.keyword {{ color: var(--key) }}
.string, .number {{ color: var(--text) }}
</style>
</head>
<body>
<pre>
"""
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


class _Page:
    """A screen whose lines are HTML. Text is escaped here; class names are the theme's own."""

    columns, rich = _COLUMNS, True

    def __init__(self) -> None:
        self.lines: list[str] = []

    def show(self, rows: Iterable[Line], live: Preview | None = None) -> None:
        self.lines += ["".join(_span(style, text) for style, text in row) for row in rows]

    def pulse(self, text: str) -> None:
        """A page does not move."""


def _span(style: str, text: str) -> str:
    names = " ".join(name.removeprefix("class:") for name in style.split())
    return f'<span class="{escape(names)}">{escape(text)}</span>' if names else escape(text)


def page(events: Iterable[Event], session: str = "") -> str:
    """The conversation as a page of its own."""
    screen = _Page()
    renderer = Renderer(screen, echo=True, hints=False)
    title = ""
    for event in events:
        if by_user(event):
            title = title or one_line(event.text, 80)
        renderer(event)
        if isinstance(event, Pictured) and event.media in _PICTURES:
            data = escape(event.data)
            screen.lines.append(f'<img alt="" src="data:{event.media};base64,{data}">')
    renderer.close()
    head = _HEAD.format(title=escape(title or session or "a conversation"))
    return head + "\n".join(screen.lines) + "\n</pre>\n</body>\n</html>\n"
