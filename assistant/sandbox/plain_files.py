"""The files of the plain way: in volumes of a container that is never started, carried as tar.

What comes out was packed by the engine from what hostile code has left, so it is read as a stream
and held to the caps while it is read.
"""

import io
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.container import Blueprint, create_arguments, created
from assistant.sandbox.image_checks import check_name_lists
from assistant.sandbox.owners import new_name
from assistant.sandbox.protocol import Caps, checked_path
from assistant.sandbox.ready import HOME, UID, WORKSPACE, ended
from assistant.sandbox.tree import Delta, Entry, Store, patched

if TYPE_CHECKING:
    from docker import DockerClient

_TYPES = {"dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "file": tarfile.REGTYPE}
_PASSED_OVER = 1 << 30
"""Bytes of files that are too large, after which the rest is not looked at."""


_FOLDER = Entry("dir", 0o755)


def _parents(paths: Iterable[str]) -> set[str]:
    return {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"}


class PlainFiles:
    def __init__(self, client: "DockerClient", blueprint: Blueprint) -> None:
        self._client, self._blueprint = client, blueprint
        self._keeper = ""
        self._agreed: dict[str, Entry] = {}
        self._store: Store | None = None

    def keeper(self) -> str:
        """The container whose volumes hold workspace and home; made when it is first needed."""
        if not self._keeper:
            name = new_name(self._blueprint.options.session)
            self._keeper = name
            arguments = create_arguments(self._client, self._blueprint, name)
            created(self._client, {**arguments, "entrypoint": ["true"]})
            check_name_lists(self._client, name)
            self._send(WORKSPACE, self._contents(self._agreed))
        return self._keeper

    def close(self) -> None:
        from docker.errors import NotFound  # late: heavy

        name, self._keeper = self._keeper, ""
        if name:
            with suppress(NotFound):
                self._client.api.remove_container(name, v=True, force=True)

    def put(self, delta: Delta, blobs: Store) -> None:
        self._store = blobs
        contents = list(self._contents(delta.written))  # Whole before anything changes.
        old = self._agreed
        turned = {p for p, e in delta.written.items() if p in old and old[p].kind != e.kind}
        below = tuple(path + "/" for path in turned)
        under = [path for path in old if path.startswith(below) and path not in delta.written]
        self._agreed = patched(old, Delta(delta.written, (*delta.removed, *under)))
        if delta.removed or turned:  # The engine can only add: what is agreed on moves to new ones.
            self.close()
        if self._keeper:
            self._send(WORKSPACE, contents)

    def write_home(self, name: str, code: bytes) -> None:
        """A file for a program to run, beside the workspace."""
        self.keeper()
        entry = Entry("file", 0o644, len(code))
        self._send(HOME, [(name, entry, code)])

    def _contents(self, tree: Mapping[str, Entry]) -> Iterator[tuple[str, Entry, bytes]]:
        """Folders before what they hold, also those that nobody names: the engine would make them
        its own."""
        above = {path: _FOLDER for path in _parents(tree) if path not in self._agreed}
        for path, entry in sorted({**above, **tree}.items()):
            held = entry.kind == "file" and self._store is not None
            yield path, entry, self._store.get(entry.digest) if held and self._store else b""

    def _send(self, folder: str, contents: Iterable[tuple[str, Entry, bytes]]) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, entry, data in contents:
                about = tarfile.TarInfo(path)
                about.type, about.mode, about.linkname = (
                    _TYPES[entry.kind],
                    entry.mode,
                    entry.target,
                )
                about.size, about.mtime = len(data), int(time.time())
                about.uid = about.gid = UID
                archive.addfile(about, io.BytesIO(data))
            end = archive.offset
        self._client.api.put_archive(self._keeper, folder, ended(packed, end))

    def pull(
        self, blobs: Store, caps: Caps, skip: frozenset[str]
    ) -> tuple[dict[str, Entry], list[str], Mapping[str, Any]]:
        if not self._keeper:
            return {}, [], {}
        pulled = _Pulled(blobs, caps, skip)
        stream, _ = self._client.api.get_archive(self._keeper, WORKSPACE)
        with closing(stream):
            pulled.read(stream)
        for path in _parents(self._agreed) - set(self._agreed):
            if pulled.entries.get(path) == _FOLDER:  # As it was made, and of no interest.
                del pulled.entries[path]
        hidden = tuple(pulled.hidden)
        gone = [p for p in self._agreed if p not in pulled.entries and p not in pulled.kept]
        removed = [path for path in gone if not (path + "/").startswith(hidden)] if hidden else gone
        removed = [] if pulled.partial else removed
        self._agreed = patched(self._agreed, Delta(pulled.entries, tuple(removed)))
        self._store = blobs
        names = [[path, why] for path, why in pulled.left[:20]]
        counts: dict[str, int] = {}
        for _, why in pulled.left:
            counts[why] = counts.get(why, 0) + 1
        told = {"out": counts, "names": names, "partial": pulled.partial}
        return pulled.entries, sorted(removed, reverse=True), told


class _Pulled:
    """The entries of one archive, held to the caps."""

    def __init__(self, blobs: Store, caps: Caps, skip: frozenset[str]) -> None:
        self._blobs, self._caps, self._skip = blobs, caps, skip
        self.entries: dict[str, Entry] = {}
        self.kept: set[str] = set()
        self.hidden: set[str] = set()
        self.left: list[tuple[str, str]] = []
        self.partial = False
        self._bytes = caps.bytes
        self._passed = 0

    def read(self, stream: Iterator[bytes]) -> None:
        until = time.monotonic() + self._caps.seconds
        try:
            with tarfile.open(fileobj=_Reading(stream), mode="r|") as archive:
                for member in archive:
                    over = len(self.entries) >= self._caps.count or self._passed > _PASSED_OVER
                    if over or time.monotonic() > until:
                        self._leave("(more)", "count")
                        self.partial = True
                        return
                    path = member.name.partition("/")[2]
                    if path and not self._skipped(path):
                        self._take(archive, member, path)
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise SandboxError(f"The engine sent files that cannot be read: {error}") from error

    def _skipped(self, path: str) -> bool:
        parts = path.split("/")
        for depth, part in enumerate(parts, 1):
            if part in self._skip:
                self.hidden.add("/".join(parts[:depth]) + "/")
                return True
        return False

    def _leave(self, path: str, why: str) -> None:
        self.left.append((path, why))
        self.kept.add(path)

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        caps, mode = self._caps, member.mode & 0o777
        if path.count("/") >= caps.deepest or len(path.encode("utf-8", "replace")) > caps.longest:
            self._leave(path[:200], "name")
            return
        path = checked_path(path)
        if member.isdir():
            self.entries[path] = Entry("dir", mode)
        elif member.issym():
            self.entries[path] = Entry("link", 0o777, target=member.linkname)
        elif member.islnk():  # Another name of a file that came before.
            first = self.entries.get(member.linkname.partition("/")[2])
            if first is not None:
                self.entries[path] = first
        elif not member.isreg():
            self._leave(path, "special")
        elif member.size > min(caps.largest, self._bytes):
            self._passed += member.size
            self._leave(path, "size")
        else:
            source = archive.extractfile(member)
            data = source.read() if source is not None else b""
            self._bytes -= len(data)
            self.entries[path] = Entry("file", mode, len(data), self._blobs.put(data))


class _Reading(io.RawIOBase):
    """Pieces as a file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = [self._rest]
        got = len(self._rest)
        while size < 0 or got < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            found.append(piece)
            got += len(piece)
        data = b"".join(found)
        if size < 0:
            size = len(data)
        data, self._rest = data[:size], data[size:]
        return data
