"""The page as text: nothing gets out of its place, nothing is loaded, it stays small enough."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from assistant.evals.comparison.compared import compare_runs
from assistant.evals.comparison.measured import Key, Measured, Shown, Step
from assistant.evals.comparison.page.charts import WIDE, latency
from assistant.evals.comparison.page.code import differing
from assistant.evals.comparison.page.document import page
from assistant.evals.comparison.page.markup import Markup, tag, text
from assistant.evals.comparison.page.plots import log_ticks, ticks
from tests.evals.comparison.made import drawn, texts, verdicts

HOSTILE = (
    "</script><script>x()</script><img src=x onerror=x()>\"'&\x00\x1b[31m\r\u202e\ud800 ]]>-->"
)


class Reader(HTMLParser):
    """What a browser would make of it: the elements, their attributes, the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def count(self, name: str, class_: str = "") -> int:
        return sum(t == name and (not class_ or a.get("class") == class_) for t, a in self.found)


def hostile_run(name: str, passes: str) -> Measured:
    run = verdicts(*passes, name=f"{name} {HOSTILE}")

    def show(keys: Sequence[Key]) -> dict[Key, Shown]:
        steps = [Step(HOSTILE, 0.0, 1.0, 0, HOSTILE), Step("b", 0.0, 0.0, 9)]
        return {key: Shown(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, steps) for key in keys}

    samples = [
        replace(s, task=s.task + HOSTILE, outcome=s.outcome if s.passed else HOSTILE)
        for s in run.samples
    ]
    named = {HOSTILE: HOSTILE}
    return replace(
        run,
        samples=samples,
        facts={**named, "x": name},
        conditions=named,
        notes=[HOSTILE],
        show=show,
    )


def test_hostile_text_stays_text() -> None:
    runs = [hostile_run("a", "0011"), hostile_run("b", "1110")]
    html = page(compare_runs(runs))
    html.encode("utf-8")
    read = Reader(html)
    assert read.count("script") == 1
    assert read.count("img") == 0
    assert not any(c in html for c in "\x00\x1b\r\u202e\ud800")
    assert "⟨U+202E⟩" in html
    for _, attributes in read.found:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert read.count("details", "entry") == 3
    assert sum(word.startswith("</script><script>") for word in read.words) >= 3


def test_the_policy_allows_only_what_is_written_there() -> None:
    html = page(compare_runs([verdicts("1"), verdicts("0", name="b")]))
    read = Reader(html)
    (policy,) = [
        a["content"] for t, a in read.found if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for element in ("style", "script"):
        (body,) = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    loading = {"src", "srcset", "data", "poster", "background", "action"}
    for name, attributes in read.found:
        assert not loading & attributes.keys(), name
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", html)


def test_every_reference_leads_somewhere() -> None:
    html = page(compare_runs([drawn("a", 0.5, 30), drawn("b", 0.6, 30), drawn("c", 0.7, 30)]))
    read = Reader(html)
    ids = [a["id"] for _, a in read.found if "id" in a]
    assert len(ids) == len(set(ids))
    links = {a["href"] for t, a in read.found if t == "a"}
    assert len(links) > 5
    assert links <= {f"#{one}" for one in ids}
    for name in ("aria-labelledby",):
        assert {a[name] for _, a in read.found if name in a} <= set(ids)


def test_codes_for_at_most_so_many_tasks_and_bytes() -> None:
    def long(keys: Sequence[Key]) -> dict[Key, Shown]:
        return {key: Shown("x = '<&>'\n" * 5_000, detail="y" * 100_000) for key in keys}

    runs = [drawn("a", 0.0, 3_000), drawn("b", 1.0, 3_000)]
    html = page(compare_runs(runs))
    assert Reader(html).count("details", "entry") == 500
    assert "3,000 tasks of 3,000 are not solved alike" in html
    assert "Here are the 500" in html
    html = page(compare_runs([replace(run, show=long) for run in runs]))
    assert len(html.encode()) < 15_000_000
    shown = Reader(html).count("details", "entry")
    assert 50 < shown < 500
    assert f"Here are the {shown}" in html
    assert "more characters" in html


def test_the_widest_gaps_come_first() -> None:
    before = verdicts(*["0" * 10] * 600)
    after = verdicts(*["1" + "0" * 9] * 300, *["1" * 10] * 300, name="b")
    html = page(compare_runs([before, after]))
    shown = re.findall(r'data-t="t(\d+)"', html)
    assert len(shown) == 500
    assert sum(int(number) >= 300 for number in shown) == 300
    assert shown == sorted(shown, key=int)


def test_the_sample_that_stands_for_a_task() -> None:
    """Of the better run one that passed, of the others one that did not."""

    def show(keys: Sequence[Key]) -> dict[Key, Shown]:
        return {key: Shown(f"number {key[1]}") for key in keys}

    before, after = verdicts("1101", show=show), verdicts("0111", "1", name="b", show=show)
    assert not compare_runs([before, after]).differing
    better = verdicts("1111", name="c", show=show)
    html = page(compare_runs([after, better]))
    assert re.findall(r"<code>(.*?)</code>", html) == ["number 1", "number 1"]
    html = page(compare_runs([before, better]))
    assert re.findall(r"<code>(.*?)</code>", html) == ["number 3", "number 1"]


@pytest.mark.parametrize(
    "runs",
    [
        [verdicts("1"), verdicts("0", name="b")],
        [verdicts("1"), verdicts("1", name="b")],
        [verdicts(*"0" * 164), verdicts(*"0" * 164, name="b")],
        [verdicts(*"11?"), verdicts(*"?11", name="b"), verdicts(*"1?1", name="c")],
        [drawn("a", 1.0, 40, 3, 4), drawn("b", 0.0, 40, 2)],
        [drawn(str(n), 0.5, 12) for n in range(12)],
    ],
)
def test_edges_are_drawn(runs: list[Measured]) -> None:
    html = page(compare_runs(runs))
    assert "nan" not in html.lower().replace("nano", "")
    read = Reader(html)
    common = len(compare_runs(runs).common)
    assert read.count("svg", "strip") == bool(common)
    for _, attributes in read.found:
        for name in ("x", "y", "width", "height", "cx", "cy"):
            if attributes.get(name):
                float(str(attributes[name]))


@pytest.mark.parametrize("times", [(0.34, 0.342, 0.35), (2.9, 3.0, 3.0), (0.34, 1.0, 3.0)])
def test_the_words_of_a_latency_stand_beside_each_other(times: Sequence[float]) -> None:
    """Right of the axis, in the picture, and above the bars, wherever median and p95 are."""
    few = verdicts("1", "1", "0")
    timed = [replace(s, seconds=t) for s, t in zip(few.samples, times, strict=True)]
    wide = [replace(s, seconds=t) for s, t in zip(few.samples, (0.34, 1.0, 3.0), strict=True)]
    both = [replace(few, samples=timed), replace(few, id="b", samples=wide)]
    plot = str(latency(compare_runs(both)))
    words = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>((?:median|p95) [^<]+)<', plot)
    assert len(words) == 4
    (start, high, one), (behind, same, other) = words[:2]
    assert high == same
    assert float(start) >= 36
    assert float(start) + 7 * len(one) < float(behind)
    assert float(behind) + 7 * len(other) <= WIDE
    bars = [float(y) for y in re.findall(r'<rect[^>]* y="([\d.]+)"', plot)]
    assert bars
    assert min(bars) > float(high)


def test_ten_thousand_tasks_share_cells() -> None:
    html = page(compare_runs([drawn("a", 0.5, 10_000), drawn("b", 0.6, 10_000)]))
    assert "a cell for every 9 tasks" in html
    assert len(html) < 3_000_000


def test_the_headline_calls_runs_by_names_that_tell_them_apart() -> None:
    worse, better = verdicts(*"0" * 20, name="small"), verdicts(*"1" * 20, name="large; <b>")
    html = page(compare_runs([worse, better]))
    assert "<h1>large; &lt;b&gt; solves more than small, by 100.0 points.</h1>" in html
    html = page(compare_runs([worse, replace(better, name="small")]))
    assert "<h1>B solves more than A, by 100.0 points.</h1>" in html
    html = page(compare_runs([better, replace(better, id="b", name="other")]))
    assert "<h1>No difference found between large; &lt;b&gt; and other.</h1>" in html
    assert "With 20 tasks one of " in html


def test_markup() -> None:
    made = tag(
        "a", "<x>", Markup("<b>y</b>"), 3, class_="c", aria_label='"q"', hidden=True, id=None
    )
    assert made == '<a class="c" aria-label="&quot;q&quot;" hidden>&lt;x&gt;<b>y</b>3</a>'
    assert tag("br") == "<br>"
    assert text("a\tb\nc\x7f") == "a\tb\nc\u2421"
    for wrong in ("onclick", "style", "a b"):
        with pytest.raises(AssertionError):
            tag("a", **{wrong: "x"})


def test_ticks_are_round() -> None:
    assert ticks(0.6, 0.9, 5) == [0.6, 0.7, 0.8, 0.9]
    assert ticks(0, 0.024, 5) == [0, 0.005, 0.01, 0.015, 0.02]
    assert log_ticks(0.3, 22) == [0.5, 1, 2, 5, 10, 20]
    assert log_ticks(0.01, 200) == [0.01, 0.1, 1, 10, 100]


def test_texts_are_asked_only_for_what_is_shown() -> None:
    asked: list[Key] = []

    def show(keys: Sequence[Key]) -> dict[Key, Shown]:
        asked.extend(keys)
        return texts(keys)

    runs = [verdicts(*"0011", show=show), verdicts(*"1011", name="b", show=show)]
    assert page(compare_runs(runs)).count("<article>") == 2
    assert asked == [("t0", 1), ("t0", 1)]


def test_lines_that_the_other_has_not_are_marked() -> None:
    code = ["def f(x):", "    y = x", "", "    return y"]
    assert differing(code, ["def f(x):", "    y = x", "    return not y"]) == {3}
    assert differing(code, code) == set()
    assert differing(code, ["a", "b", "c", "d"]) == set()

    def show(line: str) -> Measured:
        made = {("t0", 1): Shown(f"def f(x):\n    y = x\n    {line}\n")}
        return verdicts(line[-1], name=line, show=lambda keys: made)

    html = page(compare_runs([show("return 0"), show("return 1")]))
    assert re.findall(r'<span class="x">(.*?)</span>', html) == ["    return 0", "    return 1"]
