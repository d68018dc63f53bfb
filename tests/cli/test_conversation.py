"""A conversation that is shortened, forked and taken back: the real program against a server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Program
from tests.cli.test_sessions import records

Replies = Callable[..., None]


def kinds(record: Path) -> list[str]:
    return [json.loads(line)["type"] for line in record.read_text().splitlines()]


def sent(llmock: Any) -> str:
    return "\n".join(str(message["content"]) for message in llmock.last_request.body["messages"])


def test_a_conversation_that_outgrows_the_window_goes_on(
    program: Program, replies: Replies, llmock: Any, home: Path
) -> None:
    noisy = "```bash\nfor n in $(seq 400); do echo line $n of a long output; done\n```\n"
    replies(noisy, noisy, noisy, noisy, "It printed lines.")
    program.variables["ASSISTANT_WINDOW"] = "9000"
    done = program("--max-reply", "500", given="Print many lines.\n/compact\n")
    assert done.returncode == 0, done.stdout
    (record,) = records(home)
    assert "Compacted" in kinds(record)
    assert "made shorter for the model: about" in done.stdout
    calls = [json.loads(line) for line in record.read_text().splitlines() if '"Reserved"' in line]
    assert calls
    assert all(call["prompt"] + call["completion"] <= 9000 for call in calls)
    assert record.read_text().count("line 200 of a long output") >= 4  # Nothing is lost.
    shown = program("sessions", "show", record.parent.name)
    assert shown.stdout.count("line 200 of") == 4
    # What was shortened stays so in a session that goes on.
    replies("Yes.")
    again = program("--resume", given="Still there?\n")
    assert again.returncode == 0, again.stdout
    assert "line 200 of" not in sent(llmock)
    assert "Print many lines." in sent(llmock)


def test_a_fork_has_the_files_and_leaves_the_first_session_alone(
    program: Program, replies: Replies, llmock: Any, home: Path
) -> None:
    replies(
        '```python title="one.py"\nx = 1\n```\n',
        "One is there.",
        '```python title="two.py"\nx = 2\n```\n',
        "Two is there.",
        "```bash\nls\n```\n",
        "Only one.",
    )
    typed = "Write one.\nWrite two.\n/fork 1\nWhat is there?\n"
    done = program("--ask", "never", given=typed)
    assert done.returncode == 0, done.stdout
    first, second = records(home)
    if "Moved" in kinds(first):
        first, second = second, first
    assert "goes on from here" in done.stdout
    assert "Rewound" in kinds(second)
    assert "Write two." in sent(llmock)  # It is what the new words are added to.
    assert "Two is there." not in sent(llmock)
    listed = [line for line in done.stdout.splitlines() if line.startswith("│")]
    assert "│ one.py" in listed
    assert "│ two.py" not in listed
    kept = program("apply", first.parent.name, "--yes")
    assert kept.returncode == 0, kept.stderr
    assert (program.folder / "two.py").read_text() == "x = 2\n"


def test_undo_offers_to_take_the_conversation_back(
    program: Program, replies: Replies, llmock: Any
) -> None:
    replies('```python title="one.py"\nx = 1\n```\n', "One is there.", "As you say.")
    typed = "Write one.\n/undo\n/rewind\nWrite nothing.\n"
    done = program("--ask", "never", given=typed)
    assert "/rewind takes it there, too" in done.stdout
    assert "goes on from where the files are" in done.stdout
    assert "One is there." not in sent(llmock)
    assert "Write one.\n\nWrite nothing." in sent(llmock)


def test_an_exported_script_runs_and_needs_no_model(
    program: Program, replies: Replies, home: Path
) -> None:
    replies('```python title="one.py"\nx = 1\n```\n', "One is there.", "Two things \\ said.")
    typed = '"""\nWrite "one":\n\ttab, back\\slash, ümlaut\n"""\nAnd then?\n/export talk.toml\n'
    done = program("--ask", "never", given=typed)
    assert "wrote" in done.stdout
    text = (program.folder / "talk.toml").read_text(encoding="utf-8")
    (record,) = records(home)
    (program.folder / "talk.toml").unlink()
    (home / "talk.toml").write_text(text, encoding="utf-8")
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        program.variables[name] = ""
    model = f"replay:{record.parent.name}"
    ran = program("script", str(home / "talk.toml"), "--model", model)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("ok ") == 2
