"""The README's pictures: the real program in a pseudo-terminal, its screen drawn as SVG.

    .venv/bin/python tools/screenshots.py [FOLDER]

Needs the test extra (a server that answers with the replies below, a screen emulator) and the
sandbox. What is on the screen is what the program shows, cell by cell; nothing is retouched.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from llmock.pytest_plugin import LLMock
from llmock.testing import LLMockServer

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.terminal.driver import Terminal

COLUMNS, ROWS = 96, 53
CELL, LINE, MARGIN = 8.4, 18, 16
COLOURS = {
    "default": "#d8dee9",
    "black": "#3b4252",
    "red": "#e06c75",
    "green": "#98c379",
    "brown": "#e5c07b",
    "blue": "#61afef",
    "magenta": "#c678dd",
    "cyan": "#56b6c2",
    "white": "#e5e9f0",
    "brightblack": "#7f8896",
}
BEFORE = '''\
def week_of(day):
    """The ISO year and week of a date."""
    return day.year, (day.timetuple().tm_yday - 1) // 7 + 1
'''
TEST = """\
import unittest
from datetime import date

from dates import week_of


class WeekOf(unittest.TestCase):
    def test_a_day_in_summer(self):
        self.assertEqual(week_of(date(2021, 7, 7)), (2021, 27))

    def test_new_year_belongs_to_the_week_before(self):
        self.assertEqual(week_of(date(2021, 1, 1)), (2020, 53))
"""
LOOK = """\
First I look at what it says of a New Year's Day, and how.

```python
from datetime import date
from dates import week_of

print(week_of(date(2021, 1, 1)))
```
"""
MEND = """\
Weeks were counted from **1 January**. By ISO 8601 a week belongs to the year of its *Thursday*,
and `date.isocalendar` knows that:

```edit title="dates.py"
<<<<<<< SEARCH
    return day.year, (day.timetuple().tm_yday - 1) // 7 + 1
=======
    year, week, _ = day.isocalendar()
    return year, week
>>>>>>> REPLACE
```
"""
PRICES = """\
["gpt-4o"]
input = 2.50
cached = 1.25
output = 10.00
"""
DONE = "`week_of` follows ISO 8601 now: 1 January 2021 lies in week 53 of 2020."
TASK = "The test of week_of fails. Mend it."


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, LLMockServer() as server:
        home = Path(name)
        project = home / "shop"
        project.mkdir()
        (project / "dates.py").write_text(BEFORE)
        (project / "test_dates.py").write_text(TEST)
        (home / "prices.toml").write_text(PRICES)
        mock = LLMock(server).pace(25)
        for reply in (LOOK, MEND, DONE):
            mock.reply(reply)
        with opened(home, project, mock.base_url()) as screen:
            screen.expect("sandbox ready", 60)
            screen.type(f"{TASK}\r")
            screen.expect("changed: dates.py", 120)
            screen.settle(1.0)
            draw(screen, folder / "session.svg", "A task being solved in a session")
            screen.type("/apply\r")
            screen.expect("[y/n]", 30)
            screen.settle(1.0)
            draw(screen, folder / "apply.svg", "The difference, before it is written")
            screen.type("y\r")
            screen.expect("applied to", 30)
            screen.type("\x04")
            screen.leave()


def opened(home: Path, project: Path, url: str) -> Terminal:
    command = [sys.executable, "-m", "assistant", "--folder", str(project)]
    command += ["--model", "gpt-4o", "--check", "python3 -m unittest -q"]
    environment = {"HOME": str(home), "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-none"}
    environment["ASSISTANT_PRICES"] = str(home / "prices.toml")
    if "DOCKER_HOST" in os.environ:
        environment["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
    return Terminal(command=command, environment=environment, columns=COLUMNS, rows=ROWS)


def draw(terminal: Terminal, file: Path, title: str) -> None:
    """The screen as an SVG without scripts, links or fonts of its own."""
    rows = [list(cells(terminal.screen, row)) for row in range(ROWS)]
    while rows and not any(text.strip() for _, text, _ in rows[-1]):
        rows.pop()
    width, height = COLUMNS * CELL + 2 * MARGIN, len(rows) * LINE + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1e222a"/>',
        "<g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\""
        ' font-size="14">',
    ]
    for number, row in enumerate(rows):
        base = MARGIN + number * LINE + 13
        for column, text, style in row:
            if text.strip():
                x, kept = MARGIN + column * CELL, text.replace(" ", "\xa0")
                size = f'textLength="{len(text) * CELL:.1f}" lengthAdjust="spacingAndGlyphs"'
                lines.append(f'<text x="{x:.1f}" y="{base}" {size} {style}>{escape(kept)}</text>')
    file.write_text("\n".join([*lines, "</g>", "</svg>", ""]), encoding="utf-8")
    print(file)


def cells(screen: Any, row: int) -> Iterator[tuple[int, str, str]]:
    """Runs of cells of one style: the column, the text, the attributes."""
    column = 0
    line = [screen.buffer[row][at] for at in range(COLUMNS)]
    for style, run in groupby(line, key=style_of):
        text = "".join(cell.data for cell in run)
        blanks = len(text) - len(text.lstrip(" "))
        yield column + blanks, text.strip(" "), style
        column += len(text)


def style_of(cell: Any) -> str:
    colour = COLOURS.get(cell.fg, COLOURS["default"])
    parts = [f'fill="{colour}"']
    parts += ['font-weight="bold"'] if cell.bold else []
    parts += ['font-style="italic"'] if cell.italics else []
    parts += ['text-decoration="underline"'] if cell.underscore else []
    return " ".join(parts)


if __name__ == "__main__":
    main()
