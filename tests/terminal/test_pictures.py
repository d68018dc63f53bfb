"""Pictures: what is no picture is told, what is one is kept, drawn where asked, given to models."""

import json
import struct
import zlib
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.events import Pictured, Replied, Said, UsageError
from assistant.model.call import Request
from assistant.model.faults import Fault
from assistant.model.messages import in_words, to_wire
from assistant.model.quirks import Quirks
from assistant.model.tokens import PER_PICTURE, Counter
from assistant.terminal.pictures import drawn, kept, looked_at, named, protocol_of
from assistant.transcript import history
from tests.cli.conftest import Program, folder, home, program, replies, terminal

__all__ = ["folder", "home", "program", "replies"]


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int = 40, height: int = 20, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(min(width, 100)) for _ in range(min(height, 100))))
    parts = [chunk(b"IHDR", header), extra, chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_png_is_known_by_what_is_in_it() -> None:
    found = looked_at("x.svg", png(640, 480))
    assert (found.media, found.width, found.height) == ("image/png", 640, 480)
    assert found.size.startswith("640 x 480, ")


@pytest.mark.parametrize(
    "data",
    [
        png()[:-1],
        png()[:20],
        png()[:60] + b"X" + png()[61:],
        png(0, 5),
        png(20_000, 5),
        png(10_000, 10_000),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"no header"),
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 100,
        b"<html>",
        b"",
        b"\x89PNG",
    ],
)
def test_what_is_damaged_or_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        looked_at("x.png", data)


def test_other_kinds() -> None:
    for data, media in (
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89a\x05\0\x06\0", "image/gif"),
        (b"RIFFxxxxWEBP", "image/webp"),
        (b"<?xml version='1.0'?>\n<!-- a -->\n<svg xmlns='x'>", "image/svg+xml"),
    ):
        assert looked_at("x", data).media == media
    assert named(["a.PNG", "b.py", "c.svg"]) == ["a.PNG", "c.svg"]


def test_a_kept_picture_stays_in_its_folder(tmp_path: Path) -> None:
    for name in ("../../etc/passwd.png", "a/b c\n.png", ".hidden.png", "-", "x" * 400 + ".png"):
        file = kept(looked_at(name, png()), tmp_path / "pictures")
        assert file.parent == tmp_path / "pictures"
        assert file.read_bytes() == png()
        assert not file.name.startswith((".", "-"))


def test_drawing_for_kitty_and_iterm() -> None:
    big = looked_at("x.png", png(extra=chunk(b"tEXt", b"k\0" + bytes(9000))))
    kitty = drawn(big, "kitty", 80)
    parts = kitty.split("\x1b\\")[:-1]
    assert len(parts) > 2
    assert parts[0].startswith("\x1b_Ga=T,f=100,q=2,r=")
    assert parts[-1].startswith("\x1b_Gm=0;")
    assert b64decode("".join(part.partition(";")[2] for part in parts)) == big.data
    iterm = drawn(big, "iterm", 80)
    assert iterm.startswith("\x1b]1337;File=inline=1;")
    assert iterm.endswith("\a")
    assert drawn(big, "off", 80) == ""
    assert drawn(looked_at("x", b"GIF89a\1\0\1\0"), "kitty", 80) == ""


def test_pictures_are_drawn_only_where_the_terminal_can_and_the_user_wants() -> None:
    kitty = {"KITTY_WINDOW_ID": "1"}
    assert protocol_of("off", kitty) == "off"
    assert protocol_of("auto", kitty) == "kitty"
    assert protocol_of("auto", {**kitty, "TMUX": "x"}) == "off"
    assert protocol_of("auto", {"TERM_PROGRAM": "iTerm.app"}) == "iterm"
    assert protocol_of("auto", {}) == "off"
    assert protocol_of("iterm", {}) == "iterm"


def test_a_picture_is_a_part_of_the_users_message() -> None:
    picture = Pictured("The picture x.png.", "result", "image/png", "QUJD")
    seen = history([Said("s", "system"), Said("a"), Replied("b"), picture, Said("what is it?")])
    assert picture in seen
    wire = to_wire(seen, str)
    assert [message["role"] for message in wire] == ["system", "user", "assistant", "user"]
    assert [part["type"] for part in wire[-1]["content"]] == ["text", "image_url", "text"]
    assert wire[-1]["content"][1]["image_url"]["url"] == "data:image/png;base64,QUJD"
    plain = in_words(wire)
    assert "what is it?" in plain[-1]["content"]
    assert "cannot see" in plain[-1]["content"]
    counter = Counter("gpt-4o")
    assert counter.count([picture]) - counter.count([Said(picture.text)]) == PER_PICTURE


def test_a_server_that_takes_no_pictures_is_told_in_words_from_then_on() -> None:
    quirks = Quirks()
    wire = to_wire([Pictured("The picture x.png.", "result", "image/png", "QUJD")], str)
    fault = Fault("status", "image input is not supported by this model", status=400)
    assert "no pictures" in quirks.learn(fault, {"messages": wire}, 10)
    assert quirks.learn(fault, {"messages": in_words(wire)}, 10) == ""
    sent: Any = Request(wire, {}, 10).sent(quirks)["messages"]
    assert isinstance(sent[0]["content"], str)


DRAW = f"""```python
import base64
open("plot.png", "wb").write(base64.b64decode({__import__("base64").b64encode(png(300, 200))!r}))
open("bad.png", "wb").write(b"no picture")
None
```
"""


def test_the_program_names_what_code_drew_and_shows_it_to_the_model(
    program: Program, replies: Callable[..., None], llmock: Any, home: Path
) -> None:
    replies(DRAW, "Drawn.", "A grey one.")
    done = program("--ask", "never", given="Draw.\n/see plot.png\n/see plot.png\nWhat is on it?\n")
    assert "picture plot.png · 300 x 200, 1 kB · file:///" in done.stdout
    assert "bad.png is no picture" in done.stdout
    (file,) = (home / ".local/share/assistant/sessions").glob("*/pictures/plot.png")
    assert file.read_bytes() == png(300, 200)
    content = llmock.last_request.body["messages"][-1]["content"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert "What is on it?" in content[-1]["text"]
    record = next((home / ".local/share/assistant/sessions").glob("*/record.jsonl"))
    kinds = [json.loads(line)["type"] for line in record.read_text().splitlines()]
    assert kinds.count("Pictured") == 1
    assert "the model sees plot.png already" in done.stdout


FIGURE = """```python title="matplotlib/pyplot.py"
class Figure:
    def savefig(self, name):
        open(name, "w").write("a figure")
open_ones = [1, 2]
def get_fignums(): return list(open_ones)
def figure(number): return Figure()
def close(what): open_ones.clear()
```
```python title="matplotlib/__init__.py"
```
```python
import matplotlib.pyplot as plt
```
"""


def test_figures_that_were_not_saved_are(program: Program, replies: Callable[..., None]) -> None:
    replies(FIGURE, "```bash\nls *.png\n```\n", "Done.")
    done = program("run", "Plot.")
    assert "saved the figure as figure-1.png" in done.stdout
    assert "│ figure-2.png" in done.stdout


def test_at_a_terminal_that_can_it_is_drawn(program: Program, replies: Callable[..., None]) -> None:
    replies(DRAW, "Drawn.")
    with terminal(program, "--ask", "never", ASSISTANT_PICTURES="kitty") as screen:
        screen.expect("sandbox ready")
        screen.enter("Draw.", lambda: b"Drawn." in screen.raw)
        assert screen.raw.count(b"\x1b_Ga=T,f=100,q=2,r=") == 1
        screen.settle()
        screen.type("\x04")
        assert screen.leave() == 0
