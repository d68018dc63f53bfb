import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.sandbox.protect import guarded, is_steering, is_test, protected
from assistant.sandbox.tree import Entry, Tree
from tests.sandbox.trees import BY_DIGEST, entry, trees

ONE, TWO, BAD = entry(b"one\n"), entry(b"one\ntwo\n"), entry(b"no end")
DIR = Entry("dir", 0o755)

USER: Tree = {
    "calc.py": ONE,
    "tests": DIR,
    "tests/test_calc.py": ONE,
    "tests/helpers.py": ONE,
    "tests/data": DIR,
    "tests/data/x.json": ONE,
    "conftest.py": ONE,
    "Makefile": ONE,
    "setup.cfg": ONE,
    "src": DIR,
    "src/util.py": ONE,
}


def changed(**paths: Entry | None) -> Tree:
    return {p: e for p, e in (dict(USER) | paths).items() if e is not None}


@pytest.mark.parametrize(
    "path",
    [
        "tests/x.txt", "a/tests/b/c", "test_a.py", "a/test_b.js", "a_test.go", "x.spec.ts",
        "y.test.jsx", "calc_tests.py", "spec_x/foo_spec.rb", "TESTS/A", "tests.py", "test/x",
        "web/__tests__/a.js",
    ],
)  # fmt: skip
def test_what_looks_like_a_test(path: str) -> None:
    assert is_test(path)
    assert guarded(path)


@pytest.mark.parametrize(
    "path",
    [
        "conftest.py", "a/conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "Makefile",
        "GNUmakefile", "web/package.json", "sitecustomize.py", "x/evil.pth", "jest.config.js",
        ".coveragerc", "usercustomize.py", ".venv/lib/python3/site-packages/a.pth",
    ],
)  # fmt: skip
def test_what_steers_tests(path: str) -> None:
    assert is_steering(path)


@pytest.mark.parametrize(
    "path",
    [
        "calc.py", "contest.py", "latest.py", "attest/a.py", "testing.md", "protest_x",
        "inspect.py",
        "node_modules/m/package.json", "node_modules/m/test/a.js", "spec.md",
        ".venv/lib/site-packages/numpy/tests/test_x.py", "packages.json", "makefile.md",
    ],
)  # fmt: skip
def test_what_is_left_to_the_code(path: str) -> None:
    assert not guarded(path)


def test_a_tree_without_tampering_stays_as_it_is() -> None:
    after = changed(**{"calc.py": TWO, "new.py": ONE, "build": DIR})
    exam = protected(USER, after)
    assert exam.tree == after
    assert exam.notes == ()


def test_changed_and_deleted_tests_come_from_the_user() -> None:
    after = changed(
        **{
            "calc.py": TWO,
            "tests/test_calc.py": BAD,
            "tests/helpers.py": None,
            "tests/data/x.json": entry(b"one\n", 0o755),
            "conftest.py": BAD,
            "Makefile": Entry("link", 0o777, target="/dev/null"),
        }
    )
    exam = protected(USER, after)
    assert exam.tree == changed(**{"calc.py": TWO})
    assert exam.restored == (
        "Makefile", "conftest.py", "tests/data/x.json", "tests/helpers.py", "tests/test_calc.py",
    )  # fmt: skip
    assert exam.notes == (
        "For the check these were put back as the user has them: Makefile, conftest.py, "
        "tests/data/x.json, tests/helpers.py, tests/test_calc.py",
    )


def test_new_files_that_steer_are_taken_away_and_new_tests_are_shown() -> None:
    new = {
        "pytest.ini": BAD,
        "tests/conftest.py": BAD,
        "sitecustomize.py": BAD,
        "x.pth": BAD,
        "package.json": BAD,
        "tests/test_more.py": ONE,
        "pkg/test_own.py": ONE,
        "notes.txt": ONE,
    }
    exam = protected(USER, changed(**new))
    assert exam.removed == (
        "package.json", "pytest.ini", "sitecustomize.py", "tests/conftest.py", "x.pth",
    )  # fmt: skip
    assert exam.new_tests == ("pkg/test_own.py", "tests/test_more.py")
    assert {"notes.txt", "tests/test_more.py"} <= set(exam.tree)
    assert len(exam.notes) == 2


@pytest.mark.parametrize(
    "path",
    [
        "pytest.py", "pytest/__init__.py", "unittest/__init__.py", "tests/pytest.py",
        "tests/util.py", "tests/calc.py", "tests/calc/__init__.py", "tests/helpers/__init__.py",
        "tests/helpers.cpython-311-x86_64-linux-gnu.so", "tests/_pytest/x.py",
        "argparse.py", "json/__init__.py", "x.egg-info/entry_points.txt",
    ],
)  # fmt: skip
def test_modules_that_stand_in_for_others_are_taken_away(path: str) -> None:
    exam = protected(USER, changed(**{path: BAD}))
    assert exam.removed == (path,)
    assert path not in exam.tree


@pytest.mark.parametrize(
    "path",
    ["tests/own_helper.py", "pkg/util.py", "pkg/pytest/x.txt", "calc/__init__.py", "tests/a/b.py",
     "tests/test_util.py", "queue.py", "pkg/json.py", "packaging/build.py"],
)  # fmt: skip
def test_modules_of_the_codes_own_stay(path: str) -> None:
    exam = protected(USER, changed(**{path: ONE}))
    assert exam.removed == ()
    assert path in exam.tree


def test_compiled_python_is_left_out() -> None:
    exam = protected(
        USER,
        changed(
            **{"tests/__pycache__": DIR, "tests/__pycache__/helpers.cpython-311.pyc": BAD}
            | {"conftest.pyc": BAD, "a/__pycache__/x": BAD}
        ),
    )
    assert exam.tree == USER
    assert exam.notes == ()


def test_what_stands_in_the_way_of_a_test_goes() -> None:
    linked = {path: one for path, one in USER.items() if not path.startswith("tests")}
    linked["tests"] = Entry("link", 0o777, target="elsewhere")
    assert protected(USER, linked).tree == USER
    folder = changed(**{"conftest.py": DIR, "conftest.py/x": BAD, "conftest.py/y/z": BAD})
    assert protected(USER, folder).tree == USER
    gone = {path: one for path, one in USER.items() if not path.startswith("tests")}
    assert protected(USER, gone).tree == USER


def test_further_patterns() -> None:
    before = changed(**{"golden/a.txt": ONE, "golden": DIR, "schema.sql": ONE})
    after = dict(before) | {"golden/a.txt": BAD, "golden/b.txt": BAD, "schema.sql": BAD}
    exam = protected(before, after, ["golden/", "*.sql"])
    assert exam.restored == ("golden/a.txt", "schema.sql")
    assert exam.removed == ("golden/b.txt",)
    assert exam.tree == before
    assert protected(before, after).tree == after


def test_pyproject_counts_only_where_it_speaks_to_pytest() -> None:
    texts = {
        "plain": b"[project]\nname = 'x'\n",
        "more": b"[project]\nname = 'x'\ndependencies = ['y']\n",
        "steers": b"[project]\nname = 'x'\n[tool.pytest.ini_options]\naddopts = '--co'\n",
        "broken": b"[project\n",
    }
    by = {entry(data).digest: data for data in texts.values()}
    as_entry = {name: entry(data) for name, data in texts.items()}

    def restored(before: str, after: str) -> bool:
        exam = protected(
            {"pyproject.toml": as_entry[before]},
            {"pyproject.toml": as_entry[after]},
            read=by.__getitem__,
        )
        return exam.restored == ("pyproject.toml",)

    assert not restored("plain", "more")
    assert restored("plain", "steers")
    assert restored("steers", "plain")
    assert restored("plain", "broken")


@given(before=trees(), after=trees(), globs=st.lists(st.sampled_from(["a", "*.py", "b/"])))
def test_the_users_tests_are_always_there_and_the_tree_is_whole(
    before: Tree, after: Tree, globs: list[str]
) -> None:
    renames = {"c.py": "test_c.py", "b": "tests"}

    def named(tree: Tree) -> Tree:
        return {"/".join(renames.get(p, p) for p in path.split("/")): e for path, e in tree.items()}

    before, after = named(before), named(after)
    exam = protected(before, after, globs, BY_DIGEST.__getitem__)
    for path, one in before.items():
        if guarded(path) and one.kind != "dir":
            assert exam.tree[path] == one
    for path in exam.tree:
        above = path.rpartition("/")[0]
        assert not above or exam.tree[above].kind == "dir"
    assert not set(exam.removed) & set(exam.tree)
    again = protected(before, exam.tree, globs)
    assert (again.tree, again.restored, again.removed) == (exam.tree, (), ())
