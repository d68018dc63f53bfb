"""A sandbox made of several: each language in the one whose image has it, over one workspace."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack

from assistant.closing import Closing
from assistant.events import CodeBlock
from assistant.languages import find
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.mirror import RawSandbox, Run
from assistant.sandbox.overlay import puts, received
from assistant.sandbox.tree import Delta, Tree


class ByLanguage(Closing):
    """Blocks go to ``main``, those of the languages in ``images`` to a sandbox of their image.

    Each of them is opened when it is first needed. The workspace goes along: what one language
    wrote is there for the next.
    """

    def __init__(
        self,
        main: RawSandbox,
        images: Mapping[str, str],
        opener: Callable[[str], AbstractContextManager[RawSandbox]],
    ) -> None:
        self._images = {_name(tag): image for tag, image in images.items()}
        self.main, self._opener, self._stack = main, opener, ExitStack()
        self._others: dict[str, RawSandbox] = {}
        self._tree: Tree = {}
        self._inside: dict[str, Tree] = {"": {}}
        self._last = ""
        self._blobs: Blobs | None = None

    def close(self) -> None:
        self._stack.close()

    @property
    def image(self) -> str:
        return self.main.image

    @property
    def left_out(self) -> tuple[str, ...]:
        return tuple(getattr(self._sandbox(self._last), "left_out", ()))

    def put(self, delta: Delta, blobs: Blobs) -> None:
        """Into the sandbox that ran last; the others get it before they run."""
        self._blobs = blobs
        self._sandbox(self._last).put(delta, blobs)
        tree = {path: entry for path, entry in self._tree.items() if path not in delta.removed}
        self._tree = self._inside[self._last] = {**tree, **delta.written}

    def pull(self, blobs: Blobs) -> Delta:
        delta = self._sandbox(self._last).pull(blobs)
        self._tree = self._inside[self._last] = received(self._tree, delta)
        return delta

    def run(self, block: CodeBlock, seconds: float) -> Run:
        image = self._images.get(_name(block.lang), "")
        sandbox = self._sandbox(image)
        if self._blobs is not None:
            for delta in puts(self._inside[image], self._tree):
                sandbox.put(delta, self._blobs)
        self._inside[image], self._last = self._tree, image
        return (yield from sandbox.run(block, seconds))

    def _sandbox(self, image: str) -> RawSandbox:
        if not image:
            return self.main
        if image not in self._others:
            self._others[image] = self._stack.enter_context(self._opener(image))
            self._inside[image] = {}
        return self._others[image]


def _name(tag: str) -> str:
    language = find(tag)
    return language.name if language else tag
