"""The fixtures with which the command line is tested, for its traces as well."""

from tests.cli.conftest import folder, home, program, replies

__all__ = ["folder", "home", "program", "replies"]
