"""What a run is set up with: its settings, its folder, and what follows from the two."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.cli.parser import SETTINGS
from assistant.events import UsageError
from assistant.redact import Redactor
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from assistant.sandbox.importing import CopyOptions

PROJECT_WORDS = "AGENTS.md"
LARGEST = 100_000


def data_folder(settings: Settings) -> Path:
    """Where sessions are kept."""
    return Path(settings.data_folder)


@dataclass(frozen=True)
class Setup:
    """Settings and folder of one run."""

    settings: Settings
    folder: Path

    @cached_property
    def redactor(self) -> Redactor:
        return Redactor(self.settings.secrets)

    @property
    def copying(self) -> "CopyOptions":
        from assistant.sandbox.importing import CopyOptions  # late: heavy

        settings = self.settings
        return CopyOptions(
            total_bytes=settings.copy_bytes,
            files=settings.copy_files,
            file_bytes=settings.copy_file_bytes,
            named=settings.copy,
            secrets=settings.secrets,
            private=(str(data_folder(settings)), "/var/run/docker.sock"),
        )

    @cached_property
    def project_words(self) -> str:
        """The project's own instructions, or "". A link is not followed: the folder may be
        anyone's."""
        from assistant.sandbox.names import FileRefused
        from assistant.sandbox.safe_files import Root

        try:
            with Root(self.folder) as root:
                return root.read(PROJECT_WORDS, LARGEST).decode("utf-8", "replace")
        except (OSError, FileRefused):
            return ""

    @property
    def project_file(self) -> str:
        return PROJECT_WORDS if self.project_words else ""


def read_setup(options: argparse.Namespace, more: Mapping[str, object] | None = None) -> Setup:
    """The settings that the flags, the environment and the files give; ``more`` lies below flags.

    Raises UsageError for what cannot be meant.
    """
    folder = Path(getattr(options, "folder", None) or os.getcwd())
    if not folder.is_dir():
        raise UsageError(f"no such folder: {folder}", "Name one that is there: --folder DIR")
    given = {name: getattr(options, name) for name in SETTINGS if hasattr(options, name)}
    return Setup(load_settings({**(more or {}), **given}, folder=folder), folder.resolve())
