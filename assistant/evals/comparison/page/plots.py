"""The parts of plots, as SVG with classes only: the page's sheet colours them.

Runs are told apart by colour, by the shape of their mark and by their letter.
"""

import math
from collections.abc import Callable, Sequence

from assistant.evals.comparison.page.markup import Markup, join, tag
from assistant.evals.statistics import Interval

COLOURS = 8
"""Classes ``r0`` ... of the sheet, after which they begin again."""
Scale = Callable[[float], float]


def colour(run: int) -> str:
    return f"r{run % COLOURS}"


def picture(width: float, height: float, title: str, /, *content: Markup, **more: str) -> Markup:
    """An SVG that scales with the page and says in words what it shows."""
    box = f"0 0 {width:g} {height:g}"
    head = tag("title", title)
    more.setdefault("class_", "plot")
    return tag("svg", head, *content, viewBox=box, role="img", **more)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def label(x: float, y: float, words: str, class_: str = "", anchor: str = "start") -> Markup:
    return tag("text", words, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def linear(low: float, high: float, start: float, end: float) -> Scale:
    wide = (high - low) or 1.0
    return lambda value: start + (value - low) / wide * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    by_log = linear(math.log(low), math.log(high), start, end)
    return lambda value: by_log(math.log(value))


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers from low to high."""
    wide = (high - low) or 1.0
    step = 10 ** math.floor(math.log10(wide / wanted))
    step *= next((m for m in (1, 2, 2.5, 5) if wide / (step * m) <= wanted), 10)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten; powers alone where those would be many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [m * 10.0**p for p in powers for m in (1, 2, 5) if low <= m * 10.0**p <= high]
    return found if len(found) <= 6 else [t for t in found if f"{t:e}".startswith("1.0")]


def mark(run: int, x: float, y: float, size: float = 5) -> Markup:
    """The mark of a run: circle, square, triangle, diamond."""
    s = size
    if run % 4 == 0:
        return tag("circle", cx=x, cy=y, r=s, class_=f"mark {colour(run)}")
    corners = {
        1: [(-s, -s), (s, -s), (s, s), (-s, s)],
        2: [(0, -1.2 * s), (1.15 * s, s), (-1.15 * s, s)],
        3: [(0, -1.35 * s), (1.35 * s, 0), (0, 1.35 * s), (-1.35 * s, 0)],
    }[run % 4]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return tag("polygon", points=points, class_=f"mark {colour(run)}")


def whisker(run: int, found: Interval, scale: Scale, limits: tuple[float, float]) -> Markup:
    """One interval in a line of a table, on the scale that all lines share."""
    y, low, high = 9.0, scale(found.low), scale(found.high)
    axis = [line(scale(limits[0]), y, scale(limits[1]), y, "faint")]
    reach = [line(low, y, high, y, f"reach {colour(run)}")]
    ends = [line(x, y - 4, x, y + 4, f"reach {colour(run)}") for x in (low, high)]
    words = f"{100 * found.low:.1f} to {100 * found.high:.1f} %"
    dot = mark(run, scale(found.value), y, 4)
    return picture(180, 18, words, *axis, *reach, *ends, dot, class_="inline")


def difference(found: Interval, sure: bool, limit: float) -> Markup:
    """An interval around no difference; the dot is full where one was found."""
    scale, y = linear(-limit, limit, 6, 234), 11.0
    low, high = scale(max(found.low, -limit)), scale(min(found.high, limit))
    parts = [line(6, y, 234, y, "faint"), line(scale(0), 1, scale(0), 21, "zero")]
    parts.append(line(low, y, high, y, "reach ink"))
    parts += [line(x, y - 4, x, y + 4, "reach ink") for x in (low, high)]
    dot = tag("circle", cx=scale(found.value), cy=y, r=4.5, class_="dot" if sure else "ring")
    words = f"{100 * found.low:+.1f} to {100 * found.high:+.1f} points"
    return picture(240, 22, words, *parts, dot, class_="inline wide")


def frame(
    across: Sequence[tuple[float, str]],
    up: Sequence[tuple[float, str]],
    box: tuple[float, float, float, float],
) -> Markup:
    """Grid lines with their figures, below and to the left; ``box`` is left, top, right, bottom."""
    left, _, right, bottom = box
    parts = []
    for y, words in up:
        parts += [line(left, y, right, y, "rule"), label(left - 8, y + 4, words, "", "end")]
    for x, words in across:
        parts += [
            line(x, bottom, x, bottom + 4, "rule"),
            label(x, bottom + 19, words, "", "middle"),
        ]
    return join(*parts, line(left, bottom, right, bottom, "axis"))


def bar(x: float, y: float, width: float, height: float, class_: str, title: str = "") -> Markup:
    told = [tag("title", title)] if title else []
    return tag("rect", *told, x=x, y=y, width=max(width, 0.0), height=height, class_=class_)
