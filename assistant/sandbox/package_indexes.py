"""The package indexes that the user has set up for pip: what a container may reach, and trusts."""

import configparser
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from assistant.events import UsageError
from assistant.sandbox.relay import Indexes

_LARGEST = 4 << 20
_NAMES = ("index-url", "extra-index-url", "cert")


def package_indexes(environment: Mapping[str, str]) -> Indexes:
    """As pip on this machine would choose: its variables before its files, files that are nearer
    before others. Without an index of the user's own it is the public one.

    Folders and ``file:`` addresses stay outside. Raises UsageError for an index that cannot be
    reached by CONNECT, or with a password, which no code may have.
    """
    said = _settings(environment)
    first, more = _reachable(said.get("index-url", "")), _reachable(said.get("extra-index-url", ""))
    own = frozenset(_address(url) for url in (*first, *more))
    usual = _usual()
    if own & usual:  # Its pages lie on one host, its files on another.
        own |= usual
    variables = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    if first:
        variables["PIP_INDEX_URL"] = first[-1]
    if more:
        variables["PIP_EXTRA_INDEX_URL"] = " ".join(more)
    public = frozenset() if first else usual
    if not public and not own:
        raise UsageError(
            "There is no pip here to tell which package index is the usual one",
            "Name it: PIP_INDEX_URL=https://...",
        )
    return Indexes(public, own, variables, _certificates(said.get("cert", "")))


def _usual() -> frozenset[tuple[str, int]]:
    """The hosts of the public index, as pip knows them; none where there is no pip."""
    try:
        index = import_module("pip._internal.models.index").PyPI
        return frozenset({(str(index.netloc), 443), (str(index.file_storage_domain), 443)})
    except (ImportError, AttributeError):
        return frozenset()


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in _files(environment):
        config = configparser.RawConfigParser()
        with suppress(OSError, UnicodeDecodeError, configparser.Error):
            config.read(path, "utf-8")
        for section in ("global", "install"):
            for name in _NAMES:
                if config.has_option(section, name):
                    found[name] = config.get(section, name)
    for name in _NAMES:
        variable = "PIP_" + name.upper().replace("-", "_")
        if environment.get(variable):
            found[name] = environment[variable]
    return found


def _files(environment: Mapping[str, str]) -> list[Path]:
    """Where pip looks, the last winning."""
    home = Path(environment.get("HOME") or Path.home())
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    own = environment.get("PIP_CONFIG_FILE", "")
    usual = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        config / "pip/pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    if own == "/dev/null":
        return []
    return [*usual, Path(own)] if own else usual


def _reachable(text: str) -> list[str]:
    """The addresses in a setting that a relay can reach; those of files stay outside."""
    found = []
    for url in text.split():
        parts = urlsplit(url)
        if parts.scheme in ("", "file"):
            continue
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        shown = urlunsplit(bare)
        if parts.scheme != "https" or not parts.hostname:
            raise UsageError(
                f"The package index {shown} is not reached by https", "Use --network full, or none"
            )
        if parts.username or parts.password:
            raise UsageError(
                f"The package index {shown} needs a password, which code may not have",
                "Build an image with the packages: assistant sandbox build --package NAME",
            )
        found.append(shown)
    return found


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname).lower().rstrip("."), parts.port or 443


def _certificates(path: str) -> str:
    """What clients inside must trust besides: only certificates are taken from the file."""
    if not path:
        return ""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read(_LARGEST)
    except OSError as error:
        raise UsageError(
            f"pip's certificates cannot be read: {path}: {error.strerror}", "Mend pip's settings"
        ) from error
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    parts = [part.partition(end)[0] for part in text.split(begin)[1:]]
    return "".join(f"{begin}{part}{end}\n" for part in parts)
