"""What goes into an image, and the scripts that put it there."""

import hashlib
import json
import re
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from assistant.events import SandboxError
from assistant.sandbox.building.fetch import (
    TargetPython,
    fetch_debs,
    fetch_node_modules,
    fetch_wheels,
    write_manifest,
)
from assistant.sandbox.building.project import ProjectPlan
from assistant.sandbox.building.purposes import Purpose
from assistant.sandbox.building.workbench import INSIDE, Bench
from assistant.sandbox.host import Host, release_facts
from assistant.sandbox.image import DEFAULT_IMAGE

# Commands that every image should have, and the Debian package of each.
_TOOLS = {
    "python3": "python3",
    "pip3": "python3-pip",
    "bash": "bash",
    "git": "git",
    "ps": "procps",
    "timeout": "coreutils",
}
_NPM = {"npm": "^10"}
"""Runs on every Node.js that a current Debian has; Debian's own npm is four hundred packages."""

_LOOK = r"""
cat /etc/os-release 2>/dev/null || true
echo "MACHINE=$(uname -m)"
echo "ARCHITECTURE=$(dpkg --print-architecture 2>/dev/null || true)"
for tool in python3 pip3 bash git ps timeout node npm apt-get; do
    if command -v $tool >/dev/null; then echo "has_$tool=yes"; fi
done
if python3 -c 'import pytest' 2>/dev/null; then echo has_pytest=yes; fi
"""
_LOOK_AT_PYTHON = r"""
# Debian forbids pip to touch the system's Python; in an image of its own nothing else uses it.
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED /usr/local/lib/python3*/EXTERNALLY-MANAGED
python3 -I - <<'EOF'
import json, sys
from pip._vendor.packaging import tags
platforms = dict.fromkeys(t.platform for t in tags.sys_tags() if t.platform != "any")
print(json.dumps(["%d.%d" % sys.version_info[:2], list(platforms)]))
EOF
"""
_APT = """
export DEBIAN_FRONTEND=noninteractive
apt-get install -q -y --no-install-recommends -o APT::Sandbox::User=root "$@"
"""
_APT_OUTSIDE = f"""
set -- {INSIDE}/debs/*.deb
[ -e "$1" ] || exit 0 # all of it was there already
{_APT}"""
_APT_INSIDE = f"apt-get update -q{_APT}"
_PIP = r"""
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
cd /opt/assistant-build/python
python3 -m pip install -q --requirement requirements --constraint constraints "$@"
python3 -m pip check || true # told in the log: a package of the base may be at fault
"""
_NPM_INSIDE = r"""
cd /opt/assistant-build/node
npm install --ignore-scripts --no-audit --no-fund --no-progress
"""
_NODE = r"""
cd /opt/assistant-build
mv node/node_modules /node_modules # where Node.js looks from every folder, for both module kinds
for command in /node_modules/.bin/*; do
    [ -e "$command" ] || continue
    [ -e "/usr/local/bin/${command##*/}" ] || ln -s "$command" /usr/local/bin/
done
"""
_FINISH = r"""
command -v python >/dev/null || ln -s "$(command -v python3)" /usr/local/bin/python
if ! grep -q '^sandbox:' /etc/passwd; then
    echo 'sandbox:x:10001:10001:sandbox:/home/sandbox:/bin/bash' >>/etc/passwd
    echo 'sandbox:x:10001:' >>/etc/group
fi
mkdir -p /home/sandbox /workspace
chown 10001:10001 /home/sandbox /workspace
rm -rf /opt/assistant-build /root/.cache /root/.npm /var/lib/apt/lists/* /var/cache/apt/* \
    /var/log/*.log /var/log/apt /tmp/* /tmp/.[!.]*
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
"""
_PROVE = r"""
python3 -c 'import pytest' && python -c '' && python3 -m pip --version && bash -c 'git --version'
[ -w /workspace ] && [ -w /home/sandbox ] && [ ! -w / ] && [ "$(id -u)" = 10001 ]
[ -z "$(find / -xdev -type f -perm /6000 2>/dev/null | head -1)" ]
"""
_LIST = "python3 -m pip list --format freeze --disable-pip-version-check 2>/dev/null"
_MAN = "mkdir -p /usr/share/man/man1"
"""Slim images leave it out, and Java's packages fail without it; it changes nothing else."""
FORMAT = 3
"""Goes up when the same scripts would leave another image: what the bench commits changed."""
SCRIPTS = (_LOOK, _APT_OUTSIDE, _APT_INSIDE, _PIP, _NPM_INSIDE, _NODE, _FINISH, _PROVE)


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What image to build: nothing given is the default image."""

    tag: str = DEFAULT_IMAGE
    base: str | None = None
    """An image to start from, here or in a registry."""
    packages: tuple[str, ...] = ()
    """Python requirements besides pytest."""
    apt: tuple[str, ...] = ()
    """Debian packages."""
    sdists: bool = False
    """Also packages that have to be built, which runs their code (in the container)."""
    project: ProjectPlan | None = None
    purpose: Purpose | None = None
    rebuild: bool = False
    """Build even if an image of the same recipe is there."""

    @property
    def digest(self) -> str:
        """Of all that decides what the image holds, the scripts here included."""
        parts = {
            "base": self.base,
            "packages": sorted(self.packages),
            "apt": sorted(self.apt),
            "sdists": self.sdists,
            "project": self.project.digest if self.project else None,
            "scripts": [FORMAT, *SCRIPTS],
        }
        if self.purpose:
            parts["purpose"] = self.purpose.digest
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def fill(bench: Bench, host: Host, options: BuildOptions) -> Generator[str, None, tuple[str, ...]]:
    """Installs all that the options ask for; yields what it does.

    Returns the Python packages that the image then holds, as name==version.
    """
    there = release_facts(bench.run(_LOOK))
    plan, purpose = options.project, options.purpose
    wanted = [package for tool, package in _TOOLS.items() if f"has_{tool}" not in there]
    wanted += [*options.apt, *(purpose.apt if purpose else ())]
    node = dict(plan.node if plan else {})
    if node and "has_npm" not in there:
        node = {**_NPM, **node}
    if purpose:
        node.update(purpose.node)
    if node and "has_node" not in there:
        wanted.append("nodejs")
    if node and bench.network and "has_npm" not in there:
        wanted.append("npm")
    if wanted:
        yield f"Installing Debian packages: {' '.join(wanted)}"
        _install_debs(bench, host, tuple(wanted), there)
    requirements = list(options.packages) + list(plan.python if plan else ())
    if "has_pytest" not in there:
        requirements.append("pytest")
    target = _target(bench.run(_LOOK_AT_PYTHON))
    if requirements:
        only = "" if options.sdists else " (wheels only)"
        yield f"Installing Python packages{only}: {' '.join(requirements)}"
        _install_python(bench, host, (requirements, plan.pins if plan else ()), target, options)
    if node:
        yield f"Installing npm packages: {' '.join(node)}"
        lock = purpose.node_lock if purpose else plan.node_lock if plan else None
        _install_node(bench, host, (node, lock), there)
    if purpose and purpose.script:
        yield f"Getting it ready for {purpose.name}"
        bench.run(purpose.script)
    bench.run(_FINISH)
    bench.run(_PROVE, user="10001:10001")
    return tuple(bench.run(_LIST).split())


def _install_debs(bench: Bench, host: Host, names: tuple[str, ...], there: dict[str, str]) -> None:
    if "has_apt-get" not in there:
        raise SandboxError(
            f"The image has no apt-get to install {' '.join(names)} with",
            "Start from an image made of Debian or Ubuntu that has python3",
        )
    bench.run(_MAN)
    if bench.network:
        bench.run(_APT_INSIDE, *names, environment=_ways_out(host))
        return
    release = (there.get("VERSION_CODENAME", ""), there.get("ARCHITECTURE", ""))
    status = bench.run("cat /var/lib/dpkg/status")
    with _scratch() as folder:
        fetch_debs(host, names, release, status, folder)
        bench.put(folder, "debs")
    bench.run(_APT_OUTSIDE)


def _install_python(
    bench: Bench,
    host: Host,
    wanted: tuple[list[str], tuple[str, ...]],
    target: TargetPython,
    options: BuildOptions,
) -> None:
    requirements, pins = wanted
    if bench.network:
        wheels = () if options.sdists else ("--only-binary", ":all:")
        with _scratch() as folder:
            _write_requirements(folder, requirements, pins)
            bench.put(folder, "python")
        bench.run(_PIP, *wheels, environment=_ways_out(host))
        return
    # pip judges "only before Python 3.12" and the like by the Python that it runs on, which may
    # not be the image's: what the image then misses is fetched by name.
    missing: list[str] = []
    for _ in range(8):
        with _scratch() as folder:
            _write_requirements(folder, requirements, pins)
            (folder / "wanted").write_text("\n".join([*requirements, *missing]), "utf-8")
            fetch_wheels(host, folder / "wanted", folder / "constraints", target, folder / "wheels")
            bench.put(folder, "python")
        try:
            bench.run(_PIP, "--no-index", "--find-links", f"{INSIDE}/python/wheels")
            return
        except SandboxError as error:
            name = _missed(error.message)
            if not name or name in missing:
                raise
            missing.append(name)
    raise SandboxError(f"These packages could not be found: {' '.join(missing)}")


def _missed(said: str) -> str:
    """The package that pip missed in the image, else "". Only a name: pip on this machine is told
    of it, and would run the code of what has an address."""
    found = re.search(r"No matching distribution found for ([^(;]{1,200})", said)
    try:
        wanted = Requirement(found[1].strip()) if found else None
    except InvalidRequirement:
        return ""
    return str(wanted) if wanted and not wanted.url else ""


def _target(said: str) -> TargetPython:
    """What the image's Python tells of itself, held to what options of pip can be."""
    try:
        version, platforms = json.loads(said)
        words = [version, *platforms]
        plain = len(words) < 1000 and all(re.fullmatch(r"[A-Za-z0-9_.]{1,100}", w) for w in words)
    except (ValueError, TypeError, RecursionError):
        plain = False
    if not plain:
        raise SandboxError(
            "The image's python3 does not tell its version", "Choose another --from image"
        )
    return TargetPython(version, tuple(platforms))


def _write_requirements(folder: Path, requirements: list[str], pins: tuple[str, ...]) -> None:
    (folder / "wheels").mkdir()
    (folder / "requirements").write_text("\n".join(requirements), "utf-8")
    (folder / "constraints").write_text("\n".join(pins), "utf-8")


def _install_node(
    bench: Bench, host: Host, wanted: tuple[dict[str, str], bytes | None], there: dict[str, str]
) -> None:
    with _scratch() as folder:
        write_manifest(folder, *wanted)
        if not bench.network:
            fetch_node_modules(host, there.get("MACHINE", ""), folder)
        bench.put(folder, "node")
    if bench.network:
        bench.run(_NPM_INSIDE, environment=_ways_out(host))
    bench.run(_NODE)


def _ways_out(host: Host) -> dict[str, str]:
    """What tells package clients in the container the way; given to them, kept out of the image."""
    proxies = {"http_proxy", "https_proxy", "no_proxy"}
    indexes = {"pip_index_url", "pip_extra_index_url", "pip_no_index", "pip_trusted_host"}
    names = proxies | indexes | {"npm_config_registry"}
    return {name: value for name, value in host.environment.items() if name.lower() in names}


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
