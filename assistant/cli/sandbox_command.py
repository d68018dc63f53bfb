"""``assistant sandbox build|check|clean|stop``: the engine and the images."""

import argparse
from dataclasses import replace
from pathlib import Path

from assistant.cli.host import open_host
from assistant.cli.output import say
from assistant.events import UsageError
from assistant.following import followed


def run(options: argparse.Namespace) -> int:
    return {"build": _build, "check": _check, "clean": _clean, "stop": _stop}[options.action](
        options
    )


def _build(options: argparse.Namespace) -> int:
    from assistant.sandbox.building.build import build, for_project, for_purpose
    from assistant.sandbox.building.recipe import BuildOptions
    from assistant.sandbox.daemon import ensure_engine

    host = open_host(assume_yes=options.yes)
    wanted = BuildOptions(
        base=options.base or None, packages=tuple(options.package), apt=tuple(options.apt)
    )
    if options.tag:
        tag = options.tag if ":" in options.tag.rpartition("/")[2] else f"{options.tag}:latest"
        wanted = replace(wanted, tag=tag)
    if options.purpose:
        wanted = for_purpose(options.purpose, wanted)
    if options.project:
        wanted = for_project(Path.cwd(), wanted)
        for line in wanted.project.lines() if wanted.project else ():
            say(line)
        if not host.ask("Build this image?"):
            raise UsageError("nothing was built", "Say yes, or give --yes.")
    engine = followed(ensure_engine(host), say)
    built = followed(build(engine, host, wanted), say)
    say(f"The sandbox is ready: {built.tag}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from assistant.sandbox.report import check

    report = check(open_host())
    for line in report.lines():
        say(line)
    return 0 if report.ok else 5


def _clean(options: argparse.Namespace) -> int:
    from assistant.sandbox.cleaning import clean

    followed(clean(open_host(), everything=options.all), say)
    return 0


def _stop(options: argparse.Namespace) -> int:
    from assistant.sandbox.daemon import stop_engine

    for line in stop_engine(open_host()):
        say(line)
    return 0
