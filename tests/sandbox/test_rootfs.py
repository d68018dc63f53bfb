"""Which archive a system is made from."""

from pathlib import Path

import pytest

from assistant.events import SandboxError
from assistant.sandbox.building.rootfs import AptSource, debian_rootfs, kept_tarball, pick_archive
from assistant.sandbox.host import Host, apt_family, is_root

LINES = [
    "cdrom://disc bookworm main",
    "http://mirror.test/debian/ bookworm main",
    "http://mirror.test/debian/ bookworm contrib",
    "http://mirror.test/debian/ bookworm-updates main",
    "http://mirror.test/security/ bookworm-security main",
    "http://other.test/debian/ bookworm main",
    "",
]


def test_the_first_archive_of_the_release_itself() -> None:
    assert pick_archive(LINES, "bookworm") == AptSource(
        "http://mirror.test/debian/", "bookworm", ("main",)
    )


def test_ubuntu_keeps_pip_in_universe() -> None:
    lines = [f"http://mirror.test/ubuntu noble {c}" for c in ("universe", "main", "multiverse")]
    assert pick_archive(lines, "noble").components == ("main", "universe")


def test_an_archive_that_is_not_there() -> None:
    with pytest.raises(SandboxError, match="names no archive of trixie"):
        pick_archive(LINES, "trixie")


@pytest.mark.skipif(is_root() and apt_family() is not None, reason="here one can be made")
def test_elsewhere_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="only root on Debian") as caught:
        next(debian_rootfs(Host({}, tmp_path, tmp_path)))
    assert "--from IMAGE" in caught.value.remedy


@pytest.mark.skipif(apt_family() is None, reason="needs Debian or Ubuntu")
def test_a_system_made_earlier_is_used_again(tmp_path: Path) -> None:
    host = Host({}, tmp_path / "state", tmp_path / "cache")
    kept = kept_tarball(host, apt_family() or "")
    kept.touch()
    steps = debian_rootfs(host)
    assert "made earlier" in next(steps)
    with pytest.raises(StopIteration) as ended:
        next(steps)
    assert ended.value.value == kept
