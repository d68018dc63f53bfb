"""The page in a real Chromium: it runs without a complaint, fits, and works by keyboard alone."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.cli.eval_compare import highlight
from assistant.evals.comparison.compared import compare_runs
from assistant.evals.comparison.measured import Key, Shown, Step
from assistant.evals.comparison.page.document import page
from tests.evals.browser import Browser, open_browser
from tests.evals.comparison.made import CODE, drawn
from tests.evals.comparison.test_page import HOSTILE

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs with long lines and hostile texts."""

    def show(keys: Sequence[Key]) -> dict[Key, Shown]:
        code = f"{CODE.format(sign='+')}# {HOSTILE} {'long ' * 60}\nx = '{HOSTILE}'\n"
        steps = [Step("predict", 0, 2), Step("model", 0, 1.5, 1, "100 tokens in, 50 out")]
        return {key: Shown(code, "python", HOSTILE * 9, HOSTILE, HOSTILE, steps) for key in keys}

    runs = [drawn(f"model-{n}", 0.3 + 0.2 * n, 60, turns=n + 1) for n in range(3)]
    path = tmp_path_factory.mktemp("page") / "page.html"
    comparison = compare_runs([replace(run, show=show) for run in runs])
    path.write_text(page(comparison, highlight), "utf-8")
    return path


SCREENS = [
    (1280, 900, False, False),
    (1280, 900, True, False),
    (390, 844, False, True),
    (320, 640, True, True),
]


@pytest.mark.parametrize(("width", "height", "dark", "phone"), SCREENS)
def test_it_fits_and_loads_nothing(
    browser: Browser, file: Path, width: int, height: int, dark: bool, phone: bool, tmp_path: Path
) -> None:
    browser.said.clear()
    browser.screen(width, height, dark, phone)
    browser.open(file)
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert [url for url in browser.asked if url != "about:blank"] == [file.as_uri()]
    assert browser.said == []
    light = browser.run(f"{_BRIGHT}(getComputedStyle(document.body).backgroundColor)") > 128
    assert light != dark
    browser.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


_BRIGHT = "((c) => c.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3)"


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out(browser: Browser, file: Path, dark: bool) -> None:
    """Every text has the contrast that WCAG asks for: 4.5 to 1, and 3 for large letters."""
    browser.screen(1280, 900, dark)
    browser.open(file)
    found = browser.run(_CONTRASTS)
    assert len(found) > 10
    poor = [one for one in found if one["ratio"] < (3 if one["large"] else 4.5)]
    assert not poor


_CONTRASTS = """
(() => {
  const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const parts = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = parts(c).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (parts(c).length === 3) return c;
    }
    return "rgb(255, 255, 255)";
  };
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const seen = new Map();
  for (const e of document.querySelectorAll("main *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || e.disabled || e.closest("title")) continue;
    const style = getComputedStyle(e);
    const ink = e instanceof SVGElement ? style.fill : style.color;
    const key = `${ink} on ${behind(e)} (${e.tagName} ${e.className.baseVal ?? e.className})`;
    const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24;
    seen.set(key, { key, large, ratio: (a + 0.05) / (b + 0.05) });
  }
  return [...seen.values()];
})()
"""


def test_by_keyboard_alone(browser: Browser, file: Path) -> None:
    browser.screen(1280, 900)
    browser.open(file)
    total = browser.run("document.querySelectorAll('.entry').length")
    at = "document.activeElement.closest('.entry')?.id ?? document.activeElement.id"
    browser.press("Tab", 9)
    assert browser.run("document.activeElement.className") == "skip"
    browser.press("Enter", 13, "\r")
    assert browser.run("location.hash") == "#tasks"
    browser.press("j")
    first = browser.run(at)
    browser.press("j")
    second = browser.run(at)
    assert re.fullmatch(r"t\d+", first)
    assert second != first
    browser.press("k")
    assert browser.run(at) == first
    browser.press("Enter", 13, "\r")
    assert browser.run(f"document.getElementById('{first}').open") is True
    browser.press("/")
    assert browser.run(at) == "find"
    for key in "set/7":
        browser.press(key, 191 if key == "/" else 0)
    found = browser.run(
        "[...document.querySelectorAll('.entry:not([hidden])')].map((e) => e.dataset.t)"
    )
    assert found
    assert all(name.startswith("set/7") for name in found)
    browser.press("Escape", 27)
    assert browser.run("document.querySelectorAll('.entry:not([hidden])').length") == total


def test_what_is_won_and_what_is_lost(browser: Browser, file: Path) -> None:
    browser.screen(1280, 900)
    browser.open(file)
    comparison = compare_runs(
        [drawn(f"model-{n}", 0.3 + 0.2 * n, 60, turns=n + 1) for n in range(3)]
    )
    for pair in comparison.pairs:
        for side, tasks in (("1", pair.won), ("-1", pair.lost), ("", [*pair.won, *pair.lost])):
            shown = browser.run(_CHOOSE % (f"{pair.after} {pair.before}", side))
            assert sorted(shown) == sorted(tasks)


_CHOOSE = """
(() => {
  const set = (id, value) => {
    const control = document.getElementById(id);
    control.value = value;
    control.dispatchEvent(new Event("change"));
  };
  set("pair", "%s");
  set("side", "%s");
  return [...document.querySelectorAll(".entry:not([hidden])")].map((e) => e.dataset.t);
})()
"""


def test_a_link_to_a_task_opens_it(browser: Browser, file: Path) -> None:
    browser.screen(1280, 900)
    browser.open(file, "#t3")
    assert browser.run("document.getElementById('t3').open") is True
    browser.run(
        "document.querySelector('.strip a[href=\"#t5\"]').dispatchEvent(new MouseEvent('click'))"
    )
    assert browser.run("location.hash") == "#t5"


def test_the_theme_can_be_chosen(browser: Browser, file: Path) -> None:
    browser.screen(1280, 900)
    browser.open(file)
    bright = f"{_BRIGHT}(getComputedStyle(document.body).backgroundColor)"
    assert browser.run(bright) > 128
    browser.run("document.getElementById('theme').click()")
    assert browser.run(bright) < 128
    assert browser.run("document.getElementById('theme').textContent") == "Light"


def test_the_policy_is_in_force(browser: Browser, file: Path) -> None:
    """What would be injected could neither run nor load."""
    browser.screen(1280, 900)
    browser.open(file)
    browser.said.clear()
    browser.run(
        "document.body.insertAdjacentHTML('beforeend',"
        ' \'<img src="https://127.0.0.1:9/x.png" onerror="window.bad = 1">\'),'
        " (() => { const s = document.createElement('script'); s.textContent = 'window.bad = 2';"
        " document.body.append(s); })()"
    )
    end = time.monotonic() + 60
    while sum("Content Security Policy" in words for words in browser.said) < 2:
        assert time.monotonic() < end, browser.said
        browser.run("1")
    assert browser.run("window.bad") is None


def test_names_of_any_length_fit(browser: Browser, tmp_path: Path) -> None:
    runs = []
    for n in range(2):
        run = drawn("x" * 400 + str(n), 0.5, 20)
        samples = [
            replace(s, task=s.task + "/" + "y" * 400, outcome="z" * 300) for s in run.samples
        ]
        facts = {"f" * 300: "v" * 3_000 + str(n)}
        runs.append(
            replace(run, samples=samples, facts=facts, conditions={"c": "w" * 900 + str(n)})
        )
    path = tmp_path / "page.html"
    path.write_text(page(compare_runs(runs), highlight), "utf-8")
    for width in (1280, 390):
        browser.screen(width, 800, phone=width < 500)
        browser.open(path)
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert browser.run("document.documentElement.scrollWidth") <= width


def test_without_scripts_everything_can_be_read(browser: Browser, file: Path) -> None:
    browser.screen(1280, 900)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(file)
        shown = "getComputedStyle(document.querySelector('%s')).display"
        assert browser.run(shown % ".controls") == "none"
        assert browser.run(shown % "#theme") == "none"
        assert browser.run(shown % ".entry") != "none"
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
