"""The picture of the comparison page in docs/: the real page, of two runs with made-up figures.

    .venv/bin/python tools/comparison_picture.py [FILE]

Needs the test extra and Chromium.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from assistant.cli.eval_compare import highlight
from assistant.evals.comparison.compared import compare_runs
from assistant.evals.comparison.measured import Measured
from assistant.evals.comparison.page.document import page
from tests.evals.browser import open_browser
from tests.evals.comparison.made import drawn

WIDE, HIGH = 1180, 1680


def made_up(name: str, rate: float, dear: int) -> Measured:
    run = drawn(name, rate, 164)
    samples = [
        replace(s, cost=s.cost and s.cost * dear, seconds=s.seconds and s.seconds * dear**0.5)
        for s in run.samples
    ]
    return replace(run, id=f"20260101-1200-{name[:5]}", samples=samples)


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/pictures/comparison.png"
    comparison = compare_runs([made_up("small-model", 0.7, 1), made_up("large-model", 0.86, 6)])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page(comparison, highlight), "utf-8")
        with open_browser(Path(folder) / "profile") as browser:
            browser.screen(WIDE, HIGH)
            browser.call("Emulation.setScrollbarsHidden", hidden=True)
            browser.open(file)
            browser.picture(target)
    print(f"{target}: {target.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
