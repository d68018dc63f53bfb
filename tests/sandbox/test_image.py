"""Building images. The real ones need an engine; their packages come from files, not the net."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from assistant.events import SandboxError, UsageError
from assistant.following import followed
from assistant.sandbox.building.build import build, for_project, for_purpose
from assistant.sandbox.building.purposes import PURPOSES, Purpose
from assistant.sandbox.building.recipe import BuildOptions
from assistant.sandbox.building.workbench import NAME, bench_name, left_behind, workbench
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.host import Host, release_facts
from assistant.sandbox.image import DEFAULT_IMAGE, BuiltImage, find_image, image_for

Result = TypeVar("Result")
TAG = f"assistant-test-{os.getpid()}:1"

NO_ENGINE: Any = None
"""None is asked."""


def finished(steps: Generator[str, None, Result]) -> tuple[list[str], Result]:
    lines: list[str] = []
    result = followed(steps, lines.append)
    return lines, result


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine whose pip finds only what lies in a folder."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(shelf),
        "PIP_CONFIG_FILE": os.devnull,
    }
    return Host(environment, tmp_path / "state", tmp_path / "cache")


@pytest.fixture
def tags(engine: Engine) -> Iterator[list[str]]:
    """Names of images that are removed when the test ends."""
    made = [TAG]
    yield made
    with connect(engine.endpoint) as client:
        for tag in made:
            if find_image(client, tag):
                client.images.remove(tag, force=True)


def shelve(host: Host, name: str, version: str = "1.0", *needs: str) -> None:
    """Puts a wheel with one module and one command on the shelf."""
    wheel = Path(host.environment["PIP_FIND_LINKS"]) / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {need}\n" for need in needs)
    files = {
        f"{name}.py": f"value = {version!r}\ndef main(): print('ran', value)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-run = {name}:main\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        rows.append(f"{path},sha256={digest.decode()},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def printed(engine: Engine, tag: str, script: str) -> str:
    """What a shell script prints in a fresh container of the image, as its own user."""
    with connect(engine.endpoint) as client:
        output = client.containers.run(
            tag, ["sh", "-c", script], remove=True, network_mode="none", stderr=True
        )
    return str(output.decode())


@pytest.mark.docker
def test_the_default_image_holds_what_is_promised(
    engine: Engine, sandbox_image: BuiltImage
) -> None:
    script = """
        id -u; id -un; pwd
        python3 -c 'import pytest' && python -c '' && echo python
        for tool in pip bash git ls ps pytest timeout; do
            command -v $tool >/dev/null || echo no $tool
        done
        find / -xdev -type f -perm /6000 2>/dev/null | wc -l
        touch /workspace/x "$HOME/x" && echo writes
        touch /x /usr/x 2>/dev/null || echo no further
        python3 -m venv /tmp/v && /tmp/v/bin/pip --version >/dev/null && echo venv
        pip install --no-index x 2>&1 | grep -c externally-managed || true
        ls -A /var/lib/apt/lists /var/cache/apt /opt 2>/dev/null | grep -v : || true
        """
    lines = printed(engine, sandbox_image.tag, script).split("\n")
    assert lines[:3] == ["10001", "sandbox", "/workspace"]
    assert [line.strip() for line in lines[3:] if line.strip()] == [
        *("python", "0", "writes", "no further", "venv", "0")
    ]
    assert sandbox_image.labels["assistant.owner"] == "1"
    assert any(package.startswith("pytest==") for package in sandbox_image.packages)


@pytest.mark.docker
def test_a_python_package_is_added_without_a_network(
    engine: Engine, sandbox_image: BuiltImage, host: Host, tags: list[str]
) -> None:
    shelve(host, "alpha", "1.0", "beta>=2")
    shelve(host, "beta", "2.5")
    options = BuildOptions(tag=TAG, base=sandbox_image.tag, packages=("alpha",))
    lines, built = finished(build(engine, host, options))
    assert lines[0] == "Installing Python packages (wheels only): alpha"
    assert lines[-1].startswith(f"Built {TAG}")
    assert {"alpha==1.0", "beta==2.5"} <= set(built.packages)
    assert "ran 1.0" in printed(engine, TAG, "alpha-run; python -c 'import beta'")
    assert (built.labels["assistant.image"], built.labels["assistant.tag"]) == ("1", TAG)
    with connect(engine.endpoint) as client:
        config = client.images.get(TAG).attrs["Config"]
        assert not client.containers.list(all=True, filters={"name": f"{NAME}{os.getpid()}-"})
    assert config["User"] == "10001:10001"
    assert not config.get("Entrypoint")
    assert not any("proxy" in name.lower() for name in config["Env"])

    assert finished(build(engine, host, options)) == ([f"The image {TAG} is up to date"], built)
    lines, again = finished(build(engine, host, replace(options, rebuild=True)))
    assert again.id != built.id
    with connect(engine.endpoint) as client:
        assert find_image(client, built.id) is None, "the image that lost its tag is gone"


@pytest.mark.docker
def test_what_another_pythons_markers_left_out_is_fetched_too(
    engine: Engine, sandbox_image: BuiltImage, host: Host, tags: list[str]
) -> None:
    """A pip that runs on another Python than the image's judges markers by its own."""
    script = "import platform; print(platform.python_version())"
    version = printed(engine, sandbox_image.tag, f'python3 -c "{script}"').strip()
    shelve(host, "gamma", "1.0", f'delta; python_full_version == "{version}"')
    shelve(host, "delta", "3.0")
    options = BuildOptions(tag=TAG, base=sandbox_image.tag, packages=("gamma",))
    _, built = finished(build(engine, host, options))
    assert "delta==3.0" in built.packages


@pytest.mark.docker
def test_source_packages_are_not_built(
    engine: Engine, sandbox_image: BuiltImage, host: Host, tags: list[str], tmp_path: Path
) -> None:
    source = Path(host.environment["PIP_FIND_LINKS"]) / "omega-1.0"
    source.mkdir()
    proof = tmp_path / "ran"
    (source / "setup.py").write_text(f"open({str(proof)!r}, 'w')\n")
    shutil.make_archive(str(source), "gztar", source.parent, source.name)
    with pytest.raises(SandboxError, match="No matching distribution found for omega"):
        finished(build(engine, host, BuildOptions(TAG, sandbox_image.tag, packages=("omega",))))
    assert not proof.exists()
    with connect(engine.endpoint) as client:
        assert find_image(client, TAG) is None


@pytest.mark.docker
def test_a_debian_package_is_added_without_a_network(
    engine: Engine, sandbox_image: BuiltImage, host: Host, tags: list[str], tmp_path: Path
) -> None:
    """From an archive of one package in a folder, as this machine's apt would from a mirror."""
    release = release_facts(printed(engine, sandbox_image.tag, "cat /etc/os-release"))
    here = release_facts(Path("/etc/os-release").read_text("utf-8"))
    if release.get("VERSION_CODENAME") != here.get("VERSION_CODENAME") or not host.which("apt-get"):
        pytest.skip("the image is not of this machine's release")
    configured = replace(host, environment={**host.environment, **apt_shelf(tmp_path)})
    options = BuildOptions(tag=TAG, base=sandbox_image.tag, apt=("assistant-test",))
    lines, _ = finished(build(engine, configured, options))
    assert "Installing Debian packages: assistant-test" in lines
    assert printed(engine, TAG, "assistant-test") == "it is there\n"


def apt_shelf(folder: Path) -> dict[str, str]:
    """An archive with one package, and the variable that makes apt use only that."""
    shelf, tree = folder / "archive", folder / "tree"
    for path in (shelf, tree / "DEBIAN", tree / "usr/bin"):
        path.mkdir(parents=True)
    program = tree / "usr/bin/assistant-test"
    program.write_text("#!/bin/sh\necho it is there\n")
    program.chmod(0o6755)  # its setuid bit is not kept
    control = "Package: assistant-test\nVersion: 1\nArchitecture: all\nMaintainer: x\n"
    (tree / "DEBIAN/control").write_text(f"{control}Description: x\n")
    deb = shelf / "assistant-test.deb"
    make = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(deb)]
    subprocess.run(make, check=True, capture_output=True)
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    row = f"{control}Filename: ./assistant-test.deb\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
    (shelf / "Packages").write_text(f"{row}Description: x\n")
    (folder / "sources").write_text(f"deb [trusted=yes] file:{shelf} ./\n")
    (folder / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{folder}/sources";\nDir::Etc::sourceparts "/dev/null";\n'
    )
    return {"APT_CONFIG": str(folder / "apt.conf")}


@pytest.mark.docker
def test_an_image_for_a_project_is_found_until_its_needs_change(
    engine: Engine, sandbox_image: BuiltImage, host: Host, tags: list[str], tmp_path: Path
) -> None:
    shelve(host, "alpha")
    shelve(host, "beta")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "requirements.txt").write_text(f"alpha\n# {TAG}\n")
    options = replace(for_project(folder), base=sandbox_image.tag)
    assert options.project
    assert list(options.project.lines())[1] == "Python packages (wheels only): alpha"
    tags.append(options.tag)
    with connect(engine.endpoint) as client:
        assert image_for(client, folder) == (None, None)
        _, built = finished(build(engine, host, options))
        assert image_for(client, folder) == (built.tag, None)
        (folder / "requirements.txt").write_text("alpha # the same\n")
        assert image_for(client, folder) == (built.tag, None)
        (folder / "requirements.txt").write_text("alpha\nbeta\n")
        tag, advice = image_for(client, folder)
        assert tag is None
        assert "assistant sandbox build --project" in str(advice)
        (folder / "requirements.txt").unlink()
        assert image_for(client, folder) == (None, None)


@pytest.mark.docker
def test_an_image_that_cannot_be_had(engine: Engine, host: Host) -> None:
    wanted = BuildOptions(TAG, base="127.0.0.1:1/assistant-none:1")
    with pytest.raises(SandboxError, match="cannot be pulled") as caught:
        finished(build(engine, host, wanted))
    assert caught.value.exit_code == 5
    assert "\n" not in caught.value.message


@pytest.mark.docker
def test_an_image_with_volumes_is_refused(
    engine: Engine, sandbox_image: BuiltImage, host: Host, tags: list[str]
) -> None:
    with connect(engine.endpoint) as client:
        container = client.containers.create(sandbox_image.tag, network_mode="none")
        try:
            container.commit(*TAG.split(":"), changes="VOLUME /data")
        finally:
            container.remove(force=True)
    options = BuildOptions("assistant-test-none:1", base=TAG)
    with pytest.raises(SandboxError, match=r"writable volumes \(/data\)"):
        finished(build(engine, host, options))


@pytest.mark.docker
def test_nothing_is_left_when_the_user_interrupts(
    engine: Engine, sandbox_image: BuiltImage, host: Host
) -> None:
    shelve(host, "alpha")
    steps = build(engine, host, BuildOptions(TAG, sandbox_image.tag, packages=("alpha",)))
    assert next(steps).startswith("Installing")
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    with connect(engine.endpoint) as client:
        assert not client.containers.list(all=True, filters={"name": f"{NAME}{os.getpid()}-"})
        assert find_image(client, TAG) is None


@pytest.mark.docker
def test_the_bench_gives_no_power_and_no_network(
    engine: Engine, sandbox_image: BuiltImage, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with connect(engine.endpoint) as client, workbench(client, sandbox_image.id, log) as bench:
        assert bench.run("ls /sys/class/net").split() == ["lo"]
        assert bench.run("grep NoNewPrivs /proc/self/status").split()[1] == "1"
        assert bench.run('echo "$1-$2"', "a b", "$x") == "a b-$x\n"
        with pytest.raises(SandboxError, match="ERROR: it broke"):
            bench.run("echo ERROR: it broke; echo more; false")
        with pytest.raises(SandboxError):
            bench.run("sleep 30", seconds=1)
    assert "it broke" in log.read_text()


@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(packages=("-r/etc/passwd",)),
        BuildOptions(packages=("x @ https://x.test/x.whl",)),
        BuildOptions(packages=("git+https://x.test/x",)),
        BuildOptions(tag="noversion"),
        BuildOptions(tag="host:5000/name"),
    ],
)
def test_names_that_cannot_be_meant(host: Host, options: BuildOptions) -> None:
    with pytest.raises(UsageError):
        next(build(NO_ENGINE, host, options))


@pytest.mark.parametrize("name", ["-o=x", "../x", "x y", "X", ""])
def test_names_that_are_no_debian_packages(host: Host, name: str) -> None:
    with pytest.raises(UsageError, match="no name of a Debian package"):
        next(build(NO_ENGINE, host, BuildOptions(apt=(name,))))


def test_equal_recipes_are_equal_and_others_are_not() -> None:
    plain = BuildOptions()
    assert plain.tag == DEFAULT_IMAGE
    assert BuildOptions(tag="other:1", rebuild=True).digest == plain.digest
    assert BuildOptions(apt=("a", "b")).digest == BuildOptions(apt=("b", "a")).digest
    others = [
        BuildOptions(base="x:1"),
        BuildOptions(packages=("a",)),
        BuildOptions(apt=("a",)),
        BuildOptions(sdists=True),
        *(for_purpose(name) for name in PURPOSES),
    ]
    assert len({plain.digest, *(other.digest for other in others)}) == 5 + len(PURPOSES)


@pytest.mark.parametrize("name", PURPOSES)
def test_what_a_purpose_needs_is_pinned_and_comes_from_nowhere_in_particular(name: str) -> None:
    purpose, options = PURPOSES[name], for_purpose(name)
    assert options.tag == f"assistant-{name}:latest"
    assert for_purpose(name, BuildOptions(tag="mine:1")).tag == "mine:1"
    if purpose.node_lock is None:
        assert not purpose.node
        return
    lock = json.loads(purpose.node_lock)["packages"]
    assert lock.pop("")["dependencies"] == purpose.node
    assert {name: lock[f"node_modules/{name}"]["version"] for name in purpose.node} == purpose.node
    assert all(package["integrity"].startswith("sha512-") for package in lock.values())
    assert b"http" not in purpose.node_lock


def test_a_purpose_that_is_not_known() -> None:
    with pytest.raises(UsageError, match="no image for 'x'"):
        for_purpose("x")


@pytest.mark.docker
@pytest.mark.timeout(600)
def test_an_image_for_a_purpose_is_made_on_top_of_the_default_one(
    engine: Engine, host: Host, sandbox_image: BuiltImage, tags: list[str]
) -> None:
    made = Purpose("made", script="echo yes >/opt/made")
    options = BuildOptions(tag=TAG, base=sandbox_image.id, purpose=made)
    lines, built = finished(build(engine, host, options))
    assert "Getting it ready for made" in lines
    assert printed(engine, built.tag, "cat /opt/made; id -u").split() == ["yes", "10001"]
    lines, again = finished(build(engine, host, options))
    assert (again.id, lines) == (built.id, [f"The image {TAG} is up to date"])


def test_a_bench_of_a_dead_owner_is_known_by_its_name() -> None:
    mine = bench_name()
    assert not left_behind(mine)
    assert left_behind(mine.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-"))
    assert left_behind(f"{NAME}{os.getpid()}-another-boot-0123abcd")
    assert not left_behind("assistant-session-1")
    assert json.dumps(mine)
