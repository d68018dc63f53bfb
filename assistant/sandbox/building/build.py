"""Builds the images that code runs in: the default, a folder's own, those with a toolchain."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from assistant.events import SandboxError, UsageError
from assistant.sandbox.building.fetch import check_apt_names
from assistant.sandbox.building.project import plan_project
from assistant.sandbox.building.purposes import PURPOSES
from assistant.sandbox.building.recipe import BuildOptions, fill
from assistant.sandbox.building.start import Start, find_start
from assistant.sandbox.building.workbench import workbench
from assistant.sandbox.cleaning import remove_predecessors
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.host import Host, is_locked, locked
from assistant.sandbox.image import DEFAULT_IMAGE, BuiltImage, find_image, folder_key

if TYPE_CHECKING:
    from docker import DockerClient

_DEFAULT = BuildOptions()


def build(engine: Engine, host: Host, options: BuildOptions) -> Generator[str, None, BuiltImage]:
    """Builds an image unless one of the same recipe has the tag; yields what it does.

    Raises UsageError for names that cannot be meant, SandboxError when it cannot be built.
    """
    _check(options)
    if (options.project or options.purpose) and options.base is None:
        # On top of the default image, which they share.
        default = yield from build(engine, host, _DEFAULT)
        options = replace(options, base=default.id)
    with connect(engine.endpoint, 1800) as client:
        there = find_image(client, options.tag)
        if there and there.digest == options.digest and not options.rebuild:
            yield f"The image {options.tag} is up to date"
            return there
        if is_locked(host.state / "image.lock"):
            yield "Another process is building an image: waiting for it"
        with locked(host.state / "image.lock"):
            start = yield from find_start(engine, client, host, options.base)
            built = yield from _build_over(client, host, options, start)
        remove_predecessors(client, built.tag, built.id)
    yield f"Built {built.tag} ({built.id.removeprefix('sha256:')[:12]})"
    return built


def for_project(folder: Path, options: BuildOptions = _DEFAULT) -> BuildOptions:
    """The options with what a folder's own files ask for; ``project.lines()`` tell the user."""
    plan = plan_project(folder)
    tag = plan.tag if options.tag == DEFAULT_IMAGE else options.tag
    return replace(options, tag=tag, project=plan)


def for_purpose(name: str, options: BuildOptions = _DEFAULT) -> BuildOptions:
    """The options with what the programs of a kind need that has a name.

    Raises UsageError for a name that is not known.
    """
    purpose = PURPOSES.get(name)
    if purpose is None:
        raise UsageError(f"There is no image for {name!r}", f"Known: {', '.join(PURPOSES)}")
    tag = purpose.tag if options.tag == DEFAULT_IMAGE else options.tag
    return replace(options, tag=tag, purpose=purpose)


def _check(options: BuildOptions) -> None:
    check_apt_names(options.apt)
    for text in options.packages:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise UsageError(
                f"{text!r} is no name of a Python package", "Example: --package 'pandas>=2'"
            ) from error
        if requirement.url:
            raise UsageError(f"{text!r} is an address, not a name", "Name a released package")
    name, _, version = options.tag.rpartition(":")
    if not name or "/" in version:
        raise UsageError(f"The tag {options.tag!r} has no version", f"Say {options.tag}:latest")


def _build_over(
    client: "DockerClient", host: Host, options: BuildOptions, start: Start
) -> Generator[str, None, BuiltImage]:
    """Tries with packages fetched by this machine and with a network inside, likelier first.

    This machine's own clients work behind mirrors, proxies and private certificates. Building
    runs packages' code, so that is only ever done inside.
    """
    ways = [True] if options.sdists else [True, False] if start.network else [False, True]
    failed: list[str] = []
    while ways:
        network = ways.pop(0)
        try:
            return (yield from _build_once(client, host, options, Start(start.id, network)))
        except SandboxError as error:
            how = "with a network in the container" if network else "with packages from outside"
            failed.append(f"{how}: {error.message}")
            if ways:
                yield f"Not possible {failed[0]}; trying another way"
    hint = "" if options.sdists else "Only ready-made wheels are taken. "
    raise SandboxError(
        f"The image cannot be built {'; '.join(failed)}",
        f"{hint if 'No matching' in failed[0] else ''}The whole log is {host.log('image')}",
    )


def _build_once(
    client: "DockerClient", host: Host, options: BuildOptions, start: Start
) -> Generator[str, None, BuiltImage]:
    with workbench(client, start.id, host.log("image"), network=start.network) as bench:
        packages = yield from fill(bench, host, options)
        labels = {
            "assistant.owner": "1",
            "assistant.image": "1",
            "assistant.tag": options.tag,
            "assistant.recipe": options.digest,
            "assistant.packages": " ".join(packages),
            "assistant.network": "yes" if start.network else "no",
        }
        if options.project:
            labels["assistant.folder"] = folder_key(options.project.folder)
        made = bench.commit(options.tag, labels)
    return BuiltImage(options.tag, made, options.digest, packages, labels)
