"""The system message: where the model's code runs, how blocks work, what the project says."""

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.feedback import clean, one_line
from assistant.prompts import prompt

MOST_PROJECT_WORDS = 16_000
"""Characters of a project's own instructions that are passed on."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the model must know before the first message."""

    folder: str
    languages: Sequence[str]
    place: str = "container"
    network: str = "none"
    """none, packages or full."""
    block_seconds: float = 120.0
    check: str = ""
    project_file: str = ""
    project_words: str = ""


def system_message(briefing: Briefing) -> str:
    """The text of the first message. A project's own words come last, and are marked as such."""
    text = prompt(
        "system",
        place=prompt(f"place_{briefing.place}"),
        folder=one_line(briefing.folder),
        languages=", ".join(briefing.languages),
        network=prompt(f"network_{briefing.network}"),
        block_seconds=f"{briefing.block_seconds:g}",
        check=prompt("system_check", command=briefing.check) if briefing.check else "",
    )
    words = clean(briefing.project_words)[:MOST_PROJECT_WORDS].strip()
    if words:
        text += "\n" + prompt("project", name=one_line(briefing.project_file), text=words)
    return text
