"""Every attack against every life of the sandbox; and against a plain container, which it breaks.

The lives run side by side, each in a thread of its own; each test waits for its attack's turn.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import Life, SandboxOptions
from tests.attacks import feedback, files, kernel, network, resources, screen, secrets, supervision
from tests.attacks.attack import Attack, Evidence, together
from tests.attacks.host import KEY, Host, listening, make_project, secret_words
from tests.attacks.places import PROBED, SMALL, PlainContainer, Sandboxed, bridge_address
from tests.attacks.places import plain_container as plain

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

TABLES = (supervision, secrets, network, files, kernel, resources, screen, feedback)
ATTACKS = {
    f"{table.__name__.rpartition('.')[2]}: {attack.name}": attack
    for table in TABLES
    for attack in table.ATTACKS
}
ONCE = {
    f"{table.__name__.rpartition('.')[2]}: {attack.name}": attack
    for table in (supervision, resources)
    for attack in table.ONCE
}
"""Those that mean nothing in a session, where interpreters and background processes stay."""
EVERY = {**ATTACKS, **ONCE}


def in_few(every: dict[str, Attack]) -> dict[str, Attack]:
    """The same in fewer containers: what is one line each as one program, and of what is only
    printed, which is judged on the host, a sample."""
    lines = {n: a for n, a in every.items() if a.action and "forker" not in a.action}
    names = [name for name in every if name not in lines]
    printed = [name for name in names if name.startswith(("screen", "feedback"))][1::8]
    rest = [name for name in names if not name.startswith(("screen", "feedback"))]
    return {
        **{name: every[name] for name in (*rest, *printed)},
        "all that is one line": together(lines),
    }


FEW = in_few(EVERY)
KNOWN = {**EVERY, **FEW}


@pytest.fixture(scope="module")
def host(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    base = tmp_path_factory.mktemp("host")
    words = secret_words()
    make_project(base / "project", words)
    (base / "private").mkdir()
    (base / "private" / "secret.txt").write_text(words["file"])
    heard: set[str] = set()
    with connect(engine.endpoint) as client:
        address = bridge_address(client)
    with listening("0.0.0.0", heard) as port:
        secrets = (KEY, *words.values())
        yield Host(base / "project", base / "private/secret.txt", secrets, address, port, heard)


class Campaign:
    """The attacks of one life, in the order of the tests, as far ahead as they get; each of
    ``lanes`` runs its share, one after the other."""

    def __init__(self, names: list[str], lanes: list[Any]) -> None:
        self._pools = [ThreadPoolExecutor(1) for _ in lanes]
        self._found: dict[str, Future[tuple[str, str]]] = {}
        for number, name in enumerate(names):
            lane = number % len(lanes)
            self._found[name] = self._pools[lane].submit(lanes[lane], KNOWN[name])

    def outcome(self, name: str) -> tuple[str, str]:
        """What got through, and what is wrong afterwards; both "" where all is well."""
        return self._found[name].result(500)

    def close(self) -> None:
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)


class Lives:
    def __init__(
        self, stack: ExitStack, engine: Engine, image: str, host: Host, base: Path
    ) -> None:
        self._stack, self._engine, self._image = stack, engine, image
        self._host, self._base = host, base
        self._client = stack.enter_context(connect(engine.endpoint))
        self._count = 0

    def place(self, life: Life) -> Sandboxed:
        self._count += 1
        options = SandboxOptions(self._image, life, SMALL)
        sandbox = self._stack.enter_context(DockerSandbox(self._engine, options))
        store = self._base / f"{life}-{id(self)}-{self._count}"
        return Sandboxed(sandbox, self._host, store, self._client)

    def fresh(self) -> Any:
        place = self.place("fresh")
        return lambda attack: (attack.breach(place.attacked(attack)), "")

    alone = fresh

    def pooled(self) -> Any:
        place = self.place("pooled")

        def run(attack: Attack) -> tuple[str, str]:
            breach = attack.breach(place.attacked(attack))
            left = place.probe()
            return breach, "" if left == PROBED else f"left behind: {left}"

        return run

    def session(self) -> Any:
        place = self.place("session")

        def run(attack: Attack) -> tuple[str, str]:
            nonlocal place
            breach = attack.breach(place.attacked(attack))
            wrong = place.stands_still()
            if attack.reason or attack in (*files.ATTACKS, *resources.ATTACKS):
                place.sandbox.close()
                place = self.place("session")
            return breach, wrong

        return run


@pytest.fixture(scope="module")
def campaigns(
    request: pytest.FixtureRequest,
    engine: Engine,
    sandbox_image: BuiltImage,
    host: Host,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Campaign]]:
    with ExitStack() as stack:
        base = tmp_path_factory.mktemp("stores")
        made = {}
        for life in ("fresh", "alone", "pooled", "session"):
            names = [
                str(item.callspec.params["name"])
                for item in request.session.items
                if isinstance(item, pytest.Function)
                and item.originalname == f"test_it_holds_{life}"
            ]
            if names:
                width = 2 if life in ("fresh", "alone") else 1
                lives = [Lives(stack, engine, sandbox_image.tag, host, base) for _ in range(width)]
                made[life] = Campaign(names, [getattr(one, life)() for one in lives])
                stack.callback(made[life].close)
        yield made


def checked(campaign: Campaign, name: str) -> None:
    breach, wrong = campaign.outcome(name)
    assert not breach, f"{KNOWN[name].holds}: {breach}"
    assert not wrong


def ids(name: str) -> str:
    return name.replace(": ", "-").replace(" ", "-")


@pytest.mark.parametrize("name", FEW, ids=ids)
def test_it_holds_fresh(campaigns: dict[str, Campaign], name: str) -> None:
    checked(campaigns["fresh"], name)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY, ids=ids)
def test_it_holds_alone(campaigns: dict[str, Campaign], name: str) -> None:
    """Each in a container that nothing else has seen."""
    checked(campaigns["alone"], name)


@pytest.mark.parametrize("name", EVERY, ids=ids)
def test_it_holds_pooled(campaigns: dict[str, Campaign], name: str) -> None:
    """And nothing is left of it for the program that comes next."""
    checked(campaigns["pooled"], name)


@pytest.mark.parametrize("name", ATTACKS, ids=ids)
def test_it_holds_session(campaigns: dict[str, Campaign], name: str) -> None:
    """And the session goes on."""
    checked(campaigns["session"], name)


def test_the_suite_bites(
    engine: Engine, sandbox_image: BuiltImage, host: Host, tmp_path: Path
) -> None:
    """Of a container as ``docker run`` makes it, as root, at least a third of the attacks break
    what they try; else they would prove nothing of ours."""
    with (
        connect(engine.endpoint) as client,
        plain(client, sandbox_image.tag, tmp_path / "plain", host) as container,
    ):
        breaches = _breaches(container)
    assert len(EVERY) >= 80
    assert 3 * len(breaches) >= len(EVERY), breaches
    for table in ("secrets", "files", "kernel", "resources", "screen", "feedback"):
        assert [name for name in breaches if name.startswith(table)], table


def _breaches(container: PlainContainer) -> dict[str, str]:
    found = {}
    for name, attack in EVERY.items():
        if attack.bounded and not attack.ours:
            evidence: Evidence = container.attacked(attack)
            if breach := attack.breach(evidence):
                found[name] = breach
    return found
