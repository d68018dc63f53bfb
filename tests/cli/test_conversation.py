"""A conversation that is shortened, forked and taken back: the real program against a server."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Program, records, terminal

Replies = Callable[..., None]


def kinds(record: Path) -> list[str]:
    return [json.loads(line)["type"] for line in record.read_text().splitlines()]


def sent(llmock: Any) -> str:
    return "\n".join(str(message["content"]) for message in llmock.last_request.body["messages"])


def test_a_conversation_that_outgrows_the_window_goes_on(
    program: Program, replies: Replies, llmock: Any, home: Path
) -> None:
    noisy = "```bash\n: {}\nfor n in $(seq 400); do echo line $n of a long output; done\n```\n"
    replies(*(noisy.format(number) for number in range(4)), "It printed lines.")
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
    told = f"what you do now goes on from here; session {first.parent.name} stays as it is"
    assert told in done.stdout
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


def test_a_check_of_the_session_is_exported_and_replays(
    program: Program, replies: Replies, home: Path
) -> None:
    """Set, asked by hand, passed, dropped; with an undo between."""
    one = '```python title="one.py"\nx = 1\n```\n'
    replies("Hello.", one, "One is there.", "Now it is gone.", "It is.", "Bye.")
    typed = "Hello?\n/check test -f one.py\nWrite one.\n/check\n/undo\nAnd now?\n"
    typed += "/check off\nSo?\n/export talk.toml\n"
    program("--ask", "never", given=typed)
    (record,) = records(home)
    again = program("replay", str(record))
    assert again.returncode == 0, again.stdout + again.stderr
    text = (program.folder / "talk.toml").read_text(encoding="utf-8")
    assert text.count('check = "test -f one.py"') == 1
    assert text.count('check = ""') == 1
    said = [turn["say"] for turn in tomllib.loads(text)["turn"]]
    assert said == ["Hello?", "Write one.", "And now?", "So?"]
    assert '"check-failed"' in text


def test_a_conflict_is_settled_by_hand(program: Program, replies: Replies, llmock: Any) -> None:
    (program.folder / "a.txt").write_text("before\n")
    replies('```text title="a.txt"\nthe code\'s\n```\n', "Changed.", "I see.", "Fine.")
    typed = f"Change it.\n!echo mine > {program.folder}/a.txt\nGo on.\n/resolve\n"
    typed += "/resolve a.txt folder\n/diff\nSo?\n"
    done = program("--ask", "never", given=typed)
    assert "both changed a.txt: /resolve a.txt copy" in done.stdout
    assert "a.txt: the folder's counts" in done.stdout
    assert "nothing has changed" in done.stdout
    assert "the user's own version counts" in sent(llmock)
    wrong = program("--resume", "--ask", "never", given="/resolve a.txt mine\n")
    assert "/resolve FILE copy" in wrong.stdout


def test_a_conflict_is_seen_and_settled_before_the_next_message(
    program: Program, replies: Replies, llmock: Any
) -> None:
    (program.folder / "a.txt").write_text("before\n")
    replies('```text title="a.txt"\nthe code\'s\n```\n', "Changed.", "I see.")
    typed = f"Change it.\n!echo mine > {program.folder}/a.txt\n/apply\n/diff\n"
    typed += "/resolve a.txt copy\n/diff\n/apply\nSo?\n"
    done = program("--ask", "never", given=typed)
    assert "/resolve a.txt folder (what you have)" in done.stdout
    assert "# a.txt: not applied: changed in your folder too" in done.stdout
    assert done.stdout.count("Changed both by code") == 1
    assert "there is no conflict" not in done.stdout
    assert "-mine\n+the code's" in done.stdout
    assert (program.folder / "a.txt").read_text() == "the code's\n"
    assert "Changed both by code" in sent(llmock)


def test_the_diff_says_what_apply_refuses(program: Program, replies: Replies) -> None:
    (program.folder / "plain").write_text("x\n")
    replies("```bash\nrm plain && ln -s /etc/passwd plain\n```\n", "Linked.")
    done = program("--ask", "never", given="Link it.\n/diff\n")
    assert "/apply cannot write plain: a symbolic link that leads out of the folder" in done.stdout


def test_where_no_code_can_run_nothing_is_sent_until_it_is_wanted(
    program: Program, replies: Replies
) -> None:
    replies("Hello there.")
    del program.variables["ASSISTANT_LOCAL"]
    with terminal(program, DOCKER_HOST="unix:///nowhere/docker.sock") as screen:
        screen.expect("no sandbox")
        screen.enter("hello", "not sent, since no code can run")
        screen.expect("Start that engine")
        screen.expect("assistant doctor")
        assert "Hello there." not in screen.text
        screen.enter("\x1b[A", "Hello there.")
        screen.settle()
        screen.type("\x04")
        assert screen.leave() == 0


def test_the_line_under_the_prompt_tells_the_window_and_the_sandbox(
    program: Program, replies: Replies
) -> None:
    replies("Hello there.")
    program.variables |= {"ASSISTANT_MODEL": "nobody-knows-me", "ASSISTANT_WINDOW": "32000"}
    with terminal(program) as screen:
        screen.expect("sandbox ready")
        screen.enter("hello", "Hello there.")
        screen.expect(" of 32k")
        assert "$" not in screen.display[-1]
        screen.enter("/budget", "kept where the model's price is known")
        screen.settle()
        screen.type("\x04")
        assert screen.leave() == 0


def test_output_that_cannot_be_written_is_told_in_a_line(program: Program) -> None:
    with open("/dev/full", "w") as full:
        process = program.start("config", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.splitlines() == ["assistant: the output cannot be written: No space left on device"]


def test_models_are_completed_once_the_server_has_named_them(program: Program) -> None:
    with terminal(program) as screen:
        screen.expect("sandbox ready")
        screen.type("/model ")

        def offered() -> bool:
            screen.type("g\x7f")  # Each key asks again.
            return "claude" in screen.text or "gpt-4o-mini" in screen.text

        screen.expect(offered)
        screen.type("\x15\x04")
        assert screen.leave() == 0


def test_the_model_is_asked_for_before_the_prompt_stands(program: Program) -> None:
    """Two that read what is typed would each get a part of it."""
    program.variables["ASSISTANT_MODEL"] = ""
    with terminal(program) as screen:
        screen.expect("Which model (number or name)?")
        assert "/help shows" not in screen.text
        screen.enter("1", "sandbox ready")
        screen.enter("hello", "▸ done")
        screen.settle()
        screen.type("\x04")
        assert screen.leave() == 0


def test_who_answers_no_model_is_told_how_to_name_one(program: Program) -> None:
    program.variables["ASSISTANT_MODEL"] = ""
    for typed, code in (("\r", 2), ("nobody\r", 2), ("\x03", 130)):
        with terminal(program) as screen:
            screen.expect("Which model (number or name)?")
            screen.type(typed)
            assert screen.leave() == code
            assert "Traceback" not in screen.text
            assert ("--model NAME" in screen.text) == (code == 2)


def test_a_command_of_ones_own_sees_what_the_editor_has_just_written(
    program: Program, replies: Replies
) -> None:
    (program.folder / "a.txt").write_text("before\n")
    given = f"!cat a.txt\n!echo after > {program.folder}/a.txt\n!cat a.txt\n"
    done = program("--ask", "never", given=given)
    assert "│ before" in done.stdout
    assert "│ after" in done.stdout


def test_a_session_in_which_nothing_was_done_has_nothing_to_go_on_with(
    program: Program, replies: Replies
) -> None:
    assert "go on with it" not in program(given="/help\n/exit\n").stdout
    assert "go on with it" in program(given="!true\n").stdout


def test_what_is_shown_before_an_apply_is_what_it_would_write(
    program: Program, replies: Replies
) -> None:
    replies("```bash\necho first > one.txt; echo second > two.txt\n```\n", "Both are there.")
    typed = "Write both.\n/diff one.txt\n/apply absent.txt\n/apply one.txt\n"
    done = program("--ask", "never", given=typed)
    assert "+first" in done.stdout
    assert "+second" not in done.stdout
    assert "nothing to apply at absent.txt" in done.stdout
    assert (program.folder / "one.txt").exists()
    assert not (program.folder / "two.txt").exists()
