"""What a project's files ask for, without running any of them."""

import json
from pathlib import Path

import pytest

from assistant.events import UsageError
from assistant.sandbox.building.project import ProjectPlan, plan_project


def plan(folder: Path, **files: str) -> ProjectPlan:
    """The plan of a folder with these files; ``__`` in a name is a dot, ``___`` a slash."""
    for name, text in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, "utf-8")
    return plan_project(folder)


def test_requirements_of_all_files(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        requirements__txt="# all\nrequests >= 2 # http\nattrs==23.2.0 \\\n    --hash=sha256:ab\n\n",
        requirements_dev__txt="-r requirements.txt\n-r more/extra.txt\nrequests>=2\n",
        more___extra__txt='tomli; python_version < "3.11"',
    )
    assert made.files == ("requirements.txt", "requirements_dev.txt", "more/extra.txt")
    assert made.python == ("requests>=2", "attrs==23.2.0", 'tomli; python_version < "3.11"')
    assert made.notes == ()


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        ".",
        "./wheels/x.whl",
        "git+https://x.test/y.git",
        "y @ https://x.test/y.zip",
        "--index-url https://x.test",
        "--extra-index-url=https://x.test",
        "-c pins.txt",
        "-r ../outside.txt",
        "-r /etc/passwd",
        "--global-option=x",
    ],
)
def test_what_would_run_code_or_change_the_source_is_told(tmp_path: Path, line: str) -> None:
    made = plan(tmp_path, requirements__txt=f"good\n{line}\n")
    assert made.python == ("good",)
    assert len(made.notes) == 1
    assert line.split(" ", 1)[-1].split("=")[-1] in made.notes[0]
    assert any(text.startswith("Not installed: requirements.txt") for text in made.lines())


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    made = plan(tmp_path, requirements__txt="-r requirements.txt\n-r x.txt\na", x__txt="-rx.txt\nb")
    assert made.python == ("b", "a")


def test_pyproject(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        pyproject__toml="""
            [build-system]
            requires = ["setuptools>=61"]
            [project]
            name = "My.Project"
            dependencies = ["click", "my-project[test]"]
            dynamic = ["version"]
            [project.optional-dependencies]
            test = ["pytest>=8"]
            docs = ["sphinx"]
            [dependency-groups]
            dev = ["ruff", {include-group = "docs"}]
            """,
    )
    assert made.python == ("click", "pytest>=8", "ruff", "setuptools>=61")
    assert made.notes == ("pyproject.toml: the optional group 'docs'",)


def test_what_only_code_could_tell_is_told(tmp_path: Path) -> None:
    made = plan(tmp_path, pyproject__toml='[project]\nname = "x"\ndynamic = ["dependencies"]')
    assert "code would have to run" in made.notes[0]


@pytest.mark.parametrize(
    ("wanted", "means"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        (">=1,<3", ">=1,<3"),
        ("~=1.4", "~=1.4"),
        ("1.4.0", "==1.4.0"),
        ("1.4.*", "==1.4.*"),
        ("*", ""),
    ],
)
def test_poetrys_ranges(tmp_path: Path, wanted: str, means: str) -> None:
    text = f'[tool.poetry.dependencies]\npython = "^3.11"\nx = "{wanted}"\n'
    made = plan(tmp_path, pyproject__toml=text)
    (found,) = made.python
    assert sorted(found.removeprefix("x").split(",")) == sorted(means.split(","))


def test_poetrys_tables(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        pyproject__toml="""
            [tool.poetry.dependencies]
            a = {version = "1.0", extras = ["z"]}
            b = {git = "https://x.test/b"}
            [tool.poetry.group.test.dependencies]
            c = "*"
            [tool.poetry.group.docs.dependencies]
            d = "*"
            """,
    )
    assert made.python == ("a[z]==1.0", "c")
    assert made.notes == ("pyproject.toml: b (only named packages are)",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "uv.lock",
            '[[package]]\nname = "Click"\nversion = "8.1"\n'
            '[[package]]\nname = "me"\nversion = "0.1"\nsource = {editable = "."}\n'
            '[[package]]\nname = "two"\nversion = "1"\n[[package]]\nname = "two"\nversion = "2"\n',
        ),
        ("poetry.lock", '[[package]]\nname = "click"\nversion = "8.1"\n'),
        ("pdm.lock", '[[package]]\nname = "click"\nversion = "8.1"\n'),
        ("pylock.toml", '[[packages]]\nname = "click"\nversion = "8.1"\n'),
    ],
)
def test_lock_files_hold_versions(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    made = plan(tmp_path, pyproject__toml='[project]\nname = "me"\ndependencies = ["click"]')
    assert made.pins == ("click==8.1",)
    assert made.python == ("click",)
    assert name in made.files


def test_node(tmp_path: Path) -> None:
    wanted = {
        "dependencies": {"is-number": "^7", "local": "file:../x", "hub": "user/repo"},
        "devDependencies": {"jest": "29.x", "g": "git+ssh://x", "n": 5},
        "scripts": {"postinstall": "rm -rf /"},
    }
    made = plan(tmp_path, package__json=json.dumps(wanted), package_lock__json="{}")
    assert made.node == {"is-number": "^7", "jest": "29.x"}
    assert len(made.notes) == 4
    assert made.node_lock is None
    (tmp_path / "package-lock.json").write_text("{}")
    assert plan_project(tmp_path).node_lock == b"{}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project"),
        ("package.json", "{"),
        ("package.json", "[]"),
        ("package.json", '{"dependencies": 3}'),
        ("uv.lock", "\x00"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=name):
        plan_project(tmp_path)


def test_a_folder_that_asks_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    with pytest.raises(UsageError, match="has no requirements"):
        plan_project(tmp_path)


def test_the_tag_follows_what_is_asked_for_and_not_its_wording(tmp_path: Path) -> None:
    first = plan(tmp_path, requirements__txt="a\nb==1\n")
    same = plan(tmp_path, requirements__txt="# words\nb==1\na\n")
    other = plan(tmp_path, requirements__txt="a\nb==2\n")
    assert first.tag == same.tag != other.tag
    assert first.tag.startswith("assistant-project:")
    locked = plan(tmp_path, package__json='{"dependencies": {"a": "1"}}')
    (tmp_path / "package-lock.json").write_text("{}")
    assert plan_project(tmp_path).tag != locked.tag


def test_files_are_not_followed_into_devices(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").symlink_to("/dev/zero")
    with pytest.raises(UsageError):
        plan_project(tmp_path)
