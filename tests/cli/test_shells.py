"""Completion in the real shells, the manual page by the real formatter."""

import shutil
import subprocess
from pathlib import Path

import pytest

from assistant.cli.grammar import places
from assistant.cli.man_command import page
from assistant.cli.parser import parser
from assistant.cli.shells import SHELLS
from tests.terminal.driver import Terminal

ALL = list(places(parser()))


def needs(program: str) -> str:
    found = shutil.which(program)
    if not found:
        pytest.skip(f"{program} is not installed")
    return found


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    for name, write in SHELLS.items():
        (tmp_path / f"assistant.{name}").write_text(write(ALL), encoding="utf-8")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


def printed(scripts: Path, shell: str, *arguments: str) -> str:
    """What a shell prints, in the folder of the scripts; it has no complaint."""
    done = subprocess.run(
        [needs(shell), *arguments],
        cwd=scripts,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert not done.stderr
    return done.stdout


def in_bash(scripts: Path, *typed: str) -> list[str]:
    words = " ".join(f"'{word}'" for word in ("assistant", *typed))
    code = f"""
        source assistant.bash
        COMP_WORDS=({words}) COMP_CWORD={len(typed)}
        _assistant
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return printed(scripts, "bash", "--norc", "-c", code).split()


def test_bash(scripts: Path) -> None:
    assert "sandbox" in in_bash(scripts, "")
    assert in_bash(scripts, "sandb") == ["sandbox"]
    assert in_bash(scripts, "sandbox", "b") == ["build"]
    assert in_bash(scripts, "--mou") == ["--mount"]
    assert in_bash(scripts, "run", "--mount", "") == ["none", "ro", "rw"]
    assert in_bash(scripts, "run", "--mount", "r") == ["ro", "rw"]
    assert "--apply" in in_bash(scripts, "run", "--")
    assert "--apply" not in in_bash(scripts, "exec", "--")
    assert in_bash(scripts, "exec", "no") == ["notes.txt"]
    assert in_bash(scripts, "--folder", "") == ["folder"]
    assert in_bash(scripts, "sessions", "l") == ["list"]
    assert in_bash(scripts, "completion", "z") == ["zsh"]
    assert in_bash(scripts, "--model", "run", "--app") == ["--apply"]  # As good as it gets.


def test_fish(scripts: Path) -> None:
    def offered(typed: str) -> list[str]:
        code = f"source assistant.fish; complete -C '{typed}'"
        found = printed(scripts, "fish", "--no-config", "-c", code)
        return [line.partition("\t")[0] for line in found.splitlines()]

    assert offered("assistant sandb") == ["sandbox"]
    assert offered("assistant sandbox b") == ["build"]
    assert offered("assistant run --mount r") == ["ro", "rw"]
    assert "--apply" in offered("assistant run --")
    assert "--apply" not in offered("assistant exec --")
    assert "notes.txt" in offered("assistant exec no")


def test_zsh_at_a_terminal(scripts: Path) -> None:
    zsh = needs("zsh")
    (scripts / ".zshrc").write_text(
        "PS1='%% '; autoload -Uz compinit; compinit -u -D; LISTMAX=0\n"
        "source $ZDOTDIR/assistant.zsh; cd $ZDOTDIR; print ready\n",
        encoding="utf-8",
    )
    environment = {"ZDOTDIR": str(scripts), "HOME": str(scripts)}
    with Terminal(command=[zsh, "-i"], environment=environment, columns=120) as terminal:
        terminal.expect("ready")
        terminal.type("assistant sandb\t")
        terminal.expect("assistant sandbox")
        terminal.type("b\t")
        terminal.expect("assistant sandbox build")
        terminal.type("\x15assistant run --mount r\t")
        terminal.expect("rw")
        terminal.type("\x15assistant exec no\t")
        terminal.expect("assistant exec notes.txt")
        terminal.type("\x15assistant --unch\x15assistant run --unch\t")
        terminal.expect("assistant run --unchecked")


def test_every_command_and_flag_is_in_the_scripts_and_the_manual() -> None:
    text = page(ALL).replace("\\-", "-")
    for place in ALL:
        assert place.path in text
        for flag in place.flags:
            for name in flag.names:
                assert name in text
                assert name in SHELLS["bash"](ALL)
                assert name in SHELLS["zsh"](ALL)
                assert f"-l {name[2:]}" in SHELLS["fish"](ALL) or len(name) == 2


def test_the_manual_page_is_well_formed() -> None:
    done = subprocess.run(
        [needs("groff"), "-man", "-Tascii", "-ww", "-P-cbou"],
        input=page(ALL),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not done.stderr
    assert "EXIT STATUS" in done.stdout
    assert "--check CMD" in done.stdout


def test_nothing_in_a_help_text_can_leave_its_quotes() -> None:
    from assistant.cli.grammar import Flag, Place

    evil = "it's $(touch evil) `touch evil` \\\" ; touch evil"
    flag = Flag(("--a",), evil, True, choices=(evil,))
    odd = [Place("", "", (flag,), {"c": evil}), Place("c", evil, ())]
    for name, write in SHELLS.items():
        shell = shutil.which(name)
        if shell:
            done = subprocess.run(
                [shell, "-n"], input=write(odd), capture_output=True, text=True, timeout=30
            )
            assert done.returncode == 0, (name, done.stderr)


def test_the_manual_page_has_every_exit_code_and_what_need_not_be_given() -> None:
    text = page(ALL)
    status = text.partition("EXIT STATUS")[2]
    assert all(code in status for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "70 ", "130"))
    assert "\\fI[ID]\\fR" in text
