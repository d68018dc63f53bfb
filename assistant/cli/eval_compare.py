"""``assistant eval compare RUN RUN...``: figures and words on the screen, a page in a file."""

import argparse
import json
from collections.abc import Sequence

from assistant.cli.output import say
from assistant.cli.setup import data_folder, read_setup
from assistant.cli.whole_file import whole_file
from assistant.evals.comparison.as_json import as_json
from assistant.evals.comparison.compared import compare_runs
from assistant.evals.comparison.from_run import measured
from assistant.evals.comparison.page.document import page
from assistant.evals.comparison.text import lines
from assistant.evals.run_reader import Runs, load_run
from assistant.terminal.highlight import Highlighter


def run(options: argparse.Namespace) -> int:
    runs = Runs(data_folder(read_setup(options).settings))
    named = [measured(load_run(runs.find(name))) for name in options.runs]
    comparison = compare_runs(named, options.k)
    if options.html:
        text = page(comparison, highlight)
        with whole_file(options.html) as file:
            file.write(text.encode())
    if options.json:
        say(json.dumps(as_json(comparison)))
        return 0
    for line in lines(comparison):
        say(line)
    if options.html:
        say("")
        say(f"The page: {options.html}")
    return 0


def highlight(code: str, lang: str) -> Sequence[Sequence[tuple[str, str]]]:
    """Code in the colours of the terminal's highlighter, by their names."""
    highlighter = Highlighter(lang)
    return [
        [(style.removeprefix("class:"), words) for style, words in highlighter.line(line)]
        for line in code.split("\n")
    ]
