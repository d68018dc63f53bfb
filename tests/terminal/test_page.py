"""The exported page: what was said, as text only, and nothing that runs or loads."""

from html.parser import HTMLParser

from assistant.events import (
    Chunk,
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    Output,
    Pictured,
    Ran,
    Replied,
    Running,
    Said,
)
from assistant.terminal.page import page

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)> \x1b]0;x\x07 \u202e &amp; \"'"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_text_stays_text() -> None:
    block = CodeBlock("python", EVIL)
    events: list[Event] = [
        Said(EVIL),
        Chunk(EVIL),
        Replied(f"# {EVIL}\n\n**bold** `{EVIL}`\n\n```python\n{EVIL}\n```\n[{EVIL}](javascript:x)"),
        Running(block),
        Output(EVIL),
        Ran(block, ExecResult(1, EVIL, notes=(EVIL,), files=(EVIL,))),
        Pictured(EVIL, "result", "image/png", 'QUJD"><script>'),
        Pictured("x", "result", "text/html", "QUJD"),
        Finished("gave-up", EVIL),
    ]
    text = page(events, "s-1")
    tags = Tags()
    tags.feed(text)
    names = {name for name, _ in tags.seen}
    assert names == {"html", "head", "meta", "title", "style", "body", "pre", "span", "img"}
    for name, attributes in tags.seen:
        assert not [key for key in attributes if key.startswith("on") or key == "href"]
        if name == "img":
            assert str(attributes["src"]).startswith("data:image/png;base64,")
    assert [name for name, _ in tags.seen].count("img") == 1
    assert "default-src 'none'" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>alert(1)</script>" in tags.text  # It is there, to be read.
    assert "http" not in text.replace("http-equiv", "")


def test_markdown_and_code_are_set() -> None:
    text = page([Said("hi"), Replied("A **bold** word.\n\n```python\ndef f(): pass\n```\n")])
    assert '<span class="strong">bold</span>' in text
    assert '<span class="keyword">def</span>' in text
    assert "<title>hi</title>" in text
