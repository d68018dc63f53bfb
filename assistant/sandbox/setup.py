"""Everything that has to be there before code can run: an engine that answers, and an image."""

from collections.abc import Generator

from assistant.sandbox.building.build import build
from assistant.sandbox.building.recipe import BuildOptions
from assistant.sandbox.daemon import ensure_engine
from assistant.sandbox.host import Host
from assistant.sandbox.image import BuiltImage

_DEFAULT = BuildOptions()


def setup(host: Host, options: BuildOptions = _DEFAULT) -> Generator[str, None, BuiltImage]:
    """Finds or starts an engine and builds the image unless it is there; yields what it does.

    Installs nothing without ``host.ask``. Raises SandboxError with the remedy.
    """
    engine = yield from ensure_engine(host)
    return (yield from build(engine, host, options))
