"""Public sets are fetched from a server, and kept only if they are the published ones."""

import stat
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assistant.evals.datasets import PUBLISHED, load
from assistant.evals.fetching import fetch
from assistant.events import UsageError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address that serves it on loopback."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_published_file_is_kept(
    served: tuple[Path, str], data_folder: Path, tmp_path: Path
) -> None:
    folder, address = served
    published = (data_folder / "humaneval" / "HumanEval.jsonl.gz").read_bytes()
    (folder / "it.gz").write_bytes(published)
    sizes: list[int] = []
    path = fetch("humaneval", tmp_path / "data", f"{address}/it.gz", sizes.append)
    assert path.read_bytes() == published
    assert sizes[-1] == len(published)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(load("humaneval", [tmp_path / "data"])) == 164
    # It is not asked for again.
    assert fetch("humaneval", tmp_path / "data", "http://127.0.0.1:1/") == path


def test_another_file_is_not_kept(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    (folder / "it.gz").write_bytes(b"something else")
    with pytest.raises(UsageError, match="is not the published humaneval"):
        fetch("humaneval", tmp_path / "data", f"{address}/it.gz")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("humaneval", "http://127.0.0.1:1/x", "cannot be fetched"),
        ("humaneval", "http://elsewhere.example/x", "no https address"),
        ("humaneval", "file:///etc/passwd", "no https address"),
        ("nothing", "", "no public data set"),
    ],
)
def test_what_cannot_be_fetched(name: str, address: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        fetch(name, tmp_path, address)


def test_a_place_that_does_not_have_it(served: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"[Nn]ot found"):
        fetch("mbpp", tmp_path, f"{served[1]}/nothing")


def test_all_official_places_are_encrypted() -> None:
    assert all(one.address.startswith("https://") for one in PUBLISHED.values() if one.address)
