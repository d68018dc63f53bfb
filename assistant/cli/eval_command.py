"""``assistant eval ACTION``: each action has a module of its own."""

import argparse
from collections.abc import Callable
from importlib import import_module


def run(options: argparse.Namespace) -> int:
    module = import_module(f"assistant.cli.eval_{options.action}")
    act: Callable[[argparse.Namespace], int] = module.run
    return act(options)
