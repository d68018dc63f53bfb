"""What is told of an engine, and what cleaning takes away."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.sandbox.building.workbench import NAME
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.host import Host
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.limits import _compare, try_limits
from assistant.sandbox.report import Lack, Report, check

KEPT = {
    "Memory": 64 << 20,
    "MemorySwap": 64 << 20,
    "PidsLimit": 32,
    "NanoCpus": 500_000_000,
}
SEEN: dict[str, Any] = {
    "memory": [str(64 << 20)],
    "swap": ["0"],
    "memory and swap": [],
    "pids": ["32"],
    "cpu": ["50000", "100000"],
    "files": 256,
    "file size": 8 << 20,
    "core": 0,
    "scratch": 16 << 20,
    "interfaces": ["lo"],
    "uid": 10001,
    "capabilities": 0,
    "no new privileges": "1",
    "seccomp": "2",
    "io_uring": False,
    "root writable": False,
}


def host_of(engine: Engine, folder: Path) -> Host:
    environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": engine.endpoint.url}
    return Host(environment, folder / "state", folder / "cache")


@pytest.mark.docker
def test_the_limits_of_this_engine_hold(engine: Engine, sandbox_image: BuiltImage) -> None:
    with connect(engine.endpoint) as client:
        limits = try_limits(client, sandbox_image.id)
        assert not client.containers.list(all=True, filters={"name": f"{NAME}{os.getpid()}-"})
    assert len(limits) == 15
    assert [limit for limit in limits if not limit.holds] == []


@pytest.mark.docker
def test_the_report_of_this_machine(
    engine: Engine, sandbox_image: BuiltImage, tmp_path: Path
) -> None:
    report = check(host_of(engine, tmp_path))
    assert report.ok
    assert report.image == sandbox_image
    lines = list(report.lines())
    for word in ("engine", "storage", "cgroups", "runtimes", "image"):
        assert any(line.startswith(word) for line in lines)
    assert any("memory: holds" in line for line in lines)
    assert any(sandbox_image.id in line for line in lines)


@pytest.mark.docker
def test_a_missing_image_is_a_lack_with_its_remedy(engine: Engine, tmp_path: Path) -> None:
    report = check(host_of(engine, tmp_path), "assistant-none:none")
    assert not report.ok
    assert Lack("the sandbox image", "assistant sandbox build") in report.lacks
    assert report.version == engine.version


def test_without_an_engine_the_remedy_is_all(tmp_path: Path) -> None:
    report = check(Host({"DOCKER_HOST": "unix:///none"}, tmp_path, tmp_path))
    assert not report.ok
    (line,) = report.lines()
    assert line.startswith("missing   No engine answers, though DOCKER_HOST names one")
    assert report.lacks[0].remedy in line


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("memory", {"memory": ["max"]}),
        ("memory", {"memory": []}),
        ("swap", {"swap": ["max"]}),
        ("swap", {"swap": []}),
        ("processes", {"pids": ["max"]}),
        ("processors", {"cpu": ["max", "100000"]}),
        ("processors", {"cpu": ["-1"]}),
        ("open files", {"files": 1048576}),
        ("size of a file", {"file size": -1}),
        ("core dumps", {"core": -1}),
        ("scratch space", {"scratch": 10**12}),
        ("network", {"interfaces": ["eth0", "lo"]}),
        ("user", {"uid": 0}),
        ("capabilities", {"capabilities": 0x20}),
        ("no new privileges", {"no new privileges": "0"}),
        ("system call filter", {"seccomp": "0"}),
        ("io_uring", {"io_uring": True}),
        ("writable system", {"root writable": True}),
    ],
)
def test_a_limit_that_the_kernel_does_not_know_does_not_hold(
    name: str, changed: dict[str, object]
) -> None:
    assert all(limit.holds for limit in _compare(SEEN, KEPT))
    broken = [limit.name for limit in _compare({**SEEN, **changed}, KEPT) if not limit.holds]
    assert broken == [name]


@pytest.mark.parametrize("key", KEPT)
def test_a_limit_that_the_engine_dropped_does_not_hold(key: str) -> None:
    assert [limit for limit in _compare(SEEN, {**KEPT, key: 0}) if not limit.holds]


def test_control_groups_of_version_1_count_as_well() -> None:
    old = {**SEEN, "swap": [], "memory and swap": [str(64 << 20)], "cpu": ["50000"]}
    assert all(limit.holds for limit in _compare(old, KEPT))


def test_what_is_only_better_is_no_failure() -> None:
    report = Report(lacks=(Lack("x", "y", needed=False),))
    assert report.ok
    assert list(report.lines()) == ["better   x: y"]
    assert not replace(report, lacks=(Lack("x", "y"),)).ok
