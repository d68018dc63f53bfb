"""What a project's own files say it needs, read without running any of them."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.events import UsageError

_LARGEST = 20 * 1024 * 1024
_LOCKS = ("pylock.toml", "uv.lock", "poetry.lock", "pdm.lock")
_FOR_TESTS = {"test", "tests", "testing", "dev", "develop", "development"}


@dataclass(frozen=True, slots=True)
class ProjectPlan:
    """What an image for a folder would hold besides the default image."""

    folder: Path
    files: tuple[str, ...]
    """The files that were read, relative to the folder."""
    python: tuple[str, ...] = ()
    """Requirements, as pip takes them."""
    pins: tuple[str, ...] = ()
    """Versions from lock files, as constraints."""
    node: Mapping[str, str] = field(default_factory=dict)
    node_lock: bytes | None = None
    notes: tuple[str, ...] = ()
    """What is asked for and will not be installed, and why."""

    @property
    def digest(self) -> str:
        """Changes when what is to be installed changes, not when a comment does."""
        lock = hashlib.sha256(self.node_lock).hexdigest() if self.node_lock else ""
        parts = [sorted(self.python), sorted(self.pins), sorted(self.node.items()), lock]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def tag(self) -> str:
        return f"assistant-project:{self.digest[:16]}"

    def lines(self) -> Iterator[str]:
        """The plan for a person to agree to."""
        yield f"Read: {', '.join(self.files)}"
        if self.python:
            yield f"Python packages (wheels only): {', '.join(self.python)}"
        if self.pins:
            yield f"Versions held by a lock file: {len(self.pins)}"
        if self.node:
            packages = ", ".join(f"{name} {version}" for name, version in self.node.items())
            yield f"Node.js and npm packages (their scripts are not run): {packages}"
        yield from (f"Not installed: {note}" for note in self.notes)


def plan_project(folder: Path) -> ProjectPlan:
    """Reads requirements*.txt, pyproject.toml, a lock file and package.json of a folder.

    Raises UsageError when there is none of them, they are damaged, or they name nothing.
    """
    notes: list[str] = []
    read: list[str] = []
    python: list[str] = []
    for path in sorted(folder.glob("requirements*.txt")):
        python += _requirements(folder, path, read, notes)
    if project := _toml(folder, "pyproject.toml", read):
        python += _pyproject(project, notes)
    elif (folder / "setup.py").exists() and not python:
        notes.append("what setup.py asks for (to know it, its code would have to run)")
    pins = [pin for name in _LOCKS for pin in _locked(_toml(folder, name, read))]
    node = _package_json(folder, read, notes)
    lock = _read(folder, "package-lock.json", read) if node else None
    if not read:
        raise UsageError(
            f"{folder} has no requirements*.txt, pyproject.toml or package.json",
            "Name packages instead: assistant sandbox build --package NAME",
        )
    return ProjectPlan(
        folder=folder,
        files=tuple(read),
        python=tuple(dict.fromkeys(python)),
        pins=tuple(pins),
        node=node,
        node_lock=lock,
        notes=tuple(dict.fromkeys(notes)),
    )


def _read(folder: Path, name: str, read: list[str]) -> bytes | None:
    path = folder / name
    if not path.is_file():
        return None
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise UsageError(f"{path} is larger than 20 MiB", "Name the packages with --package")
    read.append(name)
    return data


def _toml(folder: Path, name: str, read: list[str]) -> dict[str, Any]:
    data = _read(folder, name, read)
    if data is None:
        return {}
    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise UsageError(f"{folder / name}: {error}", "Mend the file") from error


def _requirements(folder: Path, path: Path, read: list[str], notes: list[str]) -> list[str]:
    """Named requirements of one file, and of those that it includes from the same folder."""
    name = path.relative_to(folder).as_posix()
    data = None if name in read else _read(folder, name, read)
    found: list[str] = []
    for line in (data or b"").decode("utf-8", "replace").replace("\\\n", " ").splitlines():
        words = re.sub(r"(^|\s)#.*", "", line).split(" --hash")[0].strip()
        include = re.fullmatch(r"(?:-r|--requirement)[ =]?\s*(\S+)", words)
        if include:
            other = (path.parent / include[1]).resolve()
            if other.is_relative_to(folder.resolve()):
                found += _requirements(folder.resolve(), other, read, notes)
            else:
                notes.append(f"{name}: {include[1]} (outside the folder)")
        elif words:
            found += _named([words], name, notes)
    return found


def _named(requirements: Iterable[str], where: str, notes: list[str]) -> list[str]:
    """Those requirements that an index can satisfy; addresses, paths and options are noted."""
    from packaging.requirements import InvalidRequirement, Requirement  # late: heavy

    good = []
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            notes.append(f"{where}: {text} (only named packages are)")
            continue
        if requirement.url:
            notes.append(f"{where}: {text} (an address, not a release)")
        else:
            good.append(str(requirement))
    return good


def _pyproject(document: Mapping[str, Any], notes: list[str]) -> list[str]:
    from packaging.requirements import Requirement  # late: heavy
    from packaging.utils import canonicalize_name  # late: heavy

    project = document.get("project", {})
    own = canonicalize_name(str(project.get("name", "")))
    where = "pyproject.toml"
    found = _named(project.get("dependencies", ()), where, notes)
    if "dependencies" in project.get("dynamic", ()):
        notes.append(f"{where}: dependencies that its build computes (code would have to run)")
    groups = {**project.get("optional-dependencies", {}), **document.get("dependency-groups", {})}
    for name, members in groups.items():
        if canonicalize_name(name) in _FOR_TESTS:
            found += _named((m for m in members if isinstance(m, str)), where, notes)
        else:
            notes.append(f"{where}: the optional group {name!r}")
    # So that `pip install --no-build-isolation -e .` works without a network.
    found += _named(document.get("build-system", {}).get("requires", ()), where, notes)
    found += _poetry(document.get("tool", {}).get("poetry", {}), notes)
    return [text for text in found if canonicalize_name(Requirement(text).name) != own]


def _poetry(poetry: Mapping[str, Any], notes: list[str]) -> list[str]:
    """Poetry's own tables, for projects that have no [project] table yet."""
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    groups = poetry.get("group", {})
    tables += [groups[g].get("dependencies", {}) for g in groups if g in _FOR_TESTS]
    found = []
    for name, given in ((n, g) for table in tables for n, g in table.items() if n != "python"):
        wanted = given.get("version") if isinstance(given, dict) else given
        extras = ",".join(given.get("extras", ())) if isinstance(given, dict) else ""
        if isinstance(wanted, str):
            whole = f"{name}[{extras}]{_poetry_range(wanted)}"
            found += _named([whole.replace("[]", "")], "pyproject.toml", notes)
        else:
            notes.append(f"pyproject.toml: {name} (only named packages are)")
    return found


def _poetry_range(wanted: str) -> str:
    """A caret or tilde range in pip's words: ^1.2 is >=1.2,<2 and ~1.2 is >=1.2,<1.3."""
    parts = []
    for text in (part.strip() for part in wanted.split(",")):
        version = text.lstrip("^~ ")
        numbers = [int(n) for n in re.findall(r"\d+", version.split("-")[0])][:3]
        if text == "*":
            continue
        if text.startswith(("^", "~")) and not text.startswith("~=") and numbers:
            # A caret keeps the first number that is not 0; a tilde the second, where there is one.
            caret = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1)
            kept = caret if text.startswith("^") else min(1, len(numbers) - 1)
            upper = [*numbers[:kept], numbers[kept] + 1]
            parts.append(f">={version},<{'.'.join(map(str, upper))}")
        else:
            parts.append(text if text[0] in "<>=!~" else f"=={text}")
    return ",".join(parts)


def _locked(document: Mapping[str, Any]) -> list[str]:
    """Pins of a TOML lock file; a package that it has in several versions is not pinned."""
    if not document:
        return []
    from packaging.utils import canonicalize_name  # late: heavy

    versions: dict[str, set[str]] = {}
    for package in document.get("packages", document.get("package", ())):
        source = package.get("source", {})
        if "version" in package and not {"editable", "virtual", "directory"} & set(source):
            versions.setdefault(canonicalize_name(package["name"]), set()).add(package["version"])
    return [f"{name}=={v.pop()}" for name, v in sorted(versions.items()) if len(v) == 1]


def _package_json(folder: Path, read: list[str], notes: list[str]) -> dict[str, str]:
    data = _read(folder, "package.json", read)
    if data is None:
        return {}
    try:
        document = json.loads(data)
        wanted = {**document.get("dependencies", {}), **document.get("devDependencies", {})}
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"{folder / 'package.json'}: {error}", "Mend the file") from error
    found = {}
    for name, version in wanted.items():
        if isinstance(version, str) and not re.search(r"[:/]", version):
            found[name] = version
        else:
            notes.append(f"package.json: {name} {version} (only released versions are)")
    return found
