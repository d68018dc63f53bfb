"""Where engines are looked for: variables, contexts, sockets."""

import hashlib
import json
from pathlib import Path

import pytest

from assistant.sandbox.endpoints import Endpoint, NoEngine, endpoints


def store(home: Path, name: str, host: str | None, *, current: bool = True) -> Path:
    """A context as Docker's command line stores it."""
    folder = home / ".docker"
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts/meta" / key
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": False} if host else {}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    if current:
        (folder / "config.json").write_text(json.dumps({"currentContext": name}))
    return folder / "contexts/tls" / key / "docker"


def test_the_variable_is_the_only_one_asked(tmp_path: Path) -> None:
    store(tmp_path, "far", "tcp://10.0.0.1:2376")
    found = endpoints({"HOME": str(tmp_path), "DOCKER_HOST": "unix:///x.sock"})
    assert found == [Endpoint("unix:///x.sock", "DOCKER_HOST", chosen=True, verify=False)]
    assert found[0].socket == Path("/x.sock")


def test_a_variable_with_certificates(tmp_path: Path) -> None:
    given = {"DOCKER_HOST": "tcp://far:2376", "DOCKER_TLS_VERIFY": "1", "HOME": str(tmp_path)}
    (found,) = endpoints(given)
    assert found.certificates == tmp_path / ".docker"
    assert found.verify
    (found,) = endpoints({**given, "DOCKER_CERT_PATH": "/certs"})
    assert found.certificates == Path("/certs")
    assert found.socket is None


def test_the_current_context_is_the_only_one_asked(tmp_path: Path) -> None:
    tls = store(tmp_path, "desktop-linux", "unix:///desktop.sock")
    assert endpoints({"HOME": str(tmp_path)}) == [
        Endpoint("unix:///desktop.sock", "context desktop-linux", chosen=True)
    ]
    tls.mkdir(parents=True)
    assert endpoints({"HOME": str(tmp_path)})[0].certificates == tls


def test_a_context_named_by_variable_wins_over_the_current_one(tmp_path: Path) -> None:
    store(tmp_path, "one", "unix:///one.sock")
    store(tmp_path, "two", "unix:///two.sock", current=False)
    (found,) = endpoints({"DOCKER_CONFIG": str(tmp_path / ".docker"), "DOCKER_CONTEXT": "two"})
    assert found.url == "unix:///two.sock"


@pytest.mark.parametrize("host", [None, ""])
def test_a_context_without_an_engine_says_so(tmp_path: Path, host: str | None) -> None:
    store(tmp_path, "empty", host)
    with pytest.raises(NoEngine, match="'empty' is not in"):
        endpoints({"HOME": str(tmp_path)})


def test_a_damaged_configuration_is_named(tmp_path: Path) -> None:
    config = tmp_path / ".docker/config.json"
    config.parent.mkdir()
    config.write_text("{")
    with pytest.raises(NoEngine, match=r"config\.json cannot be read"):
        endpoints({"HOME": str(tmp_path)})


def test_usual_sockets_are_taken_where_they_are(tmp_path: Path) -> None:
    rootless, podman = tmp_path / "run/docker.sock", tmp_path / "run/podman/podman.sock"
    podman.parent.mkdir(parents=True)
    given = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    before = endpoints(given)
    rootless.touch()
    podman.touch()
    added = [e for e in endpoints(given) if e not in before]
    assert [e.source for e in added] == ["rootless Docker", "rootless Podman"]
    assert not any(e.chosen for e in added)


def test_the_default_context_means_the_usual_sockets(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text('{"currentContext": "default"}')
    assert not any(e.chosen for e in endpoints({"HOME": str(tmp_path)}))
