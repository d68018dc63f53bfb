"""Opens the sandboxes that the settings ask for."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from assistant.cli.output import say
from assistant.cli.setup import Setup
from assistant.events import Checked, Event, Running
from assistant.languages import TABLE
from assistant.settings import Settings

if TYPE_CHECKING:
    from docker import DockerClient

    from assistant.sandbox.options import Life
    from assistant.sandbox.running import RunnerSandbox


def engine_answers() -> None:
    """Raises SandboxError, with the remedy, where no engine does."""
    from assistant.sandbox.engine import find_engine

    find_engine(os.environ)


def choose_image(client: "DockerClient", setup: Setup) -> str:
    """The image that was asked for, else the one built for this folder, else the default."""
    if setup.settings.image:
        return setup.settings.image
    from assistant.sandbox.image import DEFAULT_IMAGE, image_for

    own, advice = image_for(client, setup.folder)
    if advice:
        say(f"assistant: {advice}", error=True)
    return own or DEFAULT_IMAGE


@contextmanager
def open_raw(setup: Setup, session: str) -> Iterator[Any]:
    """The sandbox of a session; it opens in the background, those of single languages later."""
    from assistant.sandbox.by_language import ByLanguage
    from assistant.sandbox.early import EarlySandbox

    settings = setup.settings
    with EarlySandbox(lambda: _sandbox(setup, session, "session")) as main:
        if not settings.images or settings.local:
            yield main
            return

        def opener(image: str) -> AbstractContextManager[Any]:
            return _container(setup, session, "session", image)

        with ByLanguage(main, settings.images, opener) as all_of_them:
            yield all_of_them


class Fresh:
    """Sandboxes for checks: nothing is carried over, mounted or open, whatever a session may.

    A container for the next check is made while there is time for it: ``hear`` is told all that
    happens. A check that has failed, or a block that runs, means that one will be wanted.
    """

    def __init__(self, setup: Setup) -> None:
        from assistant.sandbox.ahead import Ahead

        closed = replace(setup.settings, mount="none", network="none")
        place = replace(setup, settings=closed)
        self._ahead = Ahead(lambda: _sandbox(place, "", "fresh"))
        self._slow = not setup.settings.local

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._ahead.__exit__(*error)

    def __call__(self) -> AbstractContextManager[Any]:
        return self._ahead.take()

    def expect(self) -> None:
        """A check is to come."""
        if self._slow:
            self._ahead.prepare()

    def hear(self, event: Event) -> None:
        if isinstance(event, Running) or (isinstance(event, Checked) and not event.passed):
            self.expect()


def open_once(setup: Setup) -> AbstractContextManager[Any]:
    """A sandbox for one program, with the mount and the network that the user asked for. Figures
    that it leaves open are saved where they stay: in a folder that is mounted."""
    settings = setup.settings
    stay = replace(settings, show_value=settings.show_value and settings.mount == "rw")
    return _sandbox(replace(setup, settings=stay), "", "fresh")


_LIMITS = {
    "memory": "memory",
    "processors": "cpus",
    "processes": "processes",
    "disk": "disk",
    "disk_files": "files",
    "open_files": "open_files",
    "tmp": "tmp",
    "output_bytes": "flood",
    "output_kept": "keep",
}
"""The settings that are limits of a sandbox, and what it calls them."""


def wished_limits(settings: Settings) -> dict[str, Any]:
    """The limits that someone set, by their names in the sandbox."""
    found = {field: getattr(settings, name) for name, field in _LIMITS.items()}
    return {field: value for field, value in found.items() if value is not None}


def _sandbox(setup: Setup, session: str, life: "Life") -> "RunnerSandbox":
    settings = setup.settings
    if settings.local:
        from assistant.sandbox.local import LocalOptions, LocalSandbox
        from assistant.sandbox.options import Limits, adjusted

        limits = adjusted(Limits(), wished_limits(settings))
        return LocalSandbox(LocalOptions(dict(os.environ), life, limits, settings.show_value))
    return _container(setup, session, life)


def _container(setup: Setup, session: str, life: "Life", image: str = "") -> "RunnerSandbox":
    from assistant.sandbox.docker_sandbox import DockerSandbox
    from assistant.sandbox.engine import connect, find_engine
    from assistant.sandbox.options import Mounted, SandboxOptions
    from assistant.sandbox.owners import reap
    from assistant.sandbox.package_indexes import package_indexes
    from assistant.sandbox.relay import Indexes

    settings = setup.settings
    mount = None
    if settings.mount != "none":
        mount = Mounted(str(setup.folder), settings.mount == "rw")
    engine = find_engine(os.environ)
    with connect(engine.endpoint) as client:
        image = image or choose_image(client, setup)
        reap(client)  # What an assistant that was killed has left.
    options = SandboxOptions(
        image=image,
        life=life,
        wished=wished_limits(settings),
        network=settings.network,
        indexes=package_indexes(os.environ) if settings.network == "packages" else Indexes(),
        runtime=settings.runtime or None,
        mount=mount,
        values=settings.show_value,
        session=session,
    )
    return DockerSandbox(engine, options)


def runs_here(setup: Setup) -> list[str]:
    """The languages that the model is told of: those of our own image, and those with one."""
    ours = ("python", "bash", "sh")
    more = [name for name in setup.settings.images if name in TABLE]
    return [*ours, *more] if not setup.settings.image else [*ours, "what the image has besides"]
