import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.sandbox.ignoring import Ignored


def rules(files: dict[str, str], foreign: tuple[str, ...] = ()) -> Ignored:
    return Ignored(
        lambda path: files[path].encode() if path in files else None, lambda path: path in foreign
    )


def test_nested_files_negation_and_folders() -> None:
    ignored = rules(
        {
            ".gitignore": "*.log\n/build/\n!keep.log\n# comment\nsecret\n",
            "sub/.gitignore": "!*.log\ndata*\n",
            ".git/info/exclude": "scratch\n",
            ".assistantignore": "big\n!secret\n",
        }
    )
    assert ignored.why("a.log", False)
    assert ignored.why("deep/er/a.log", False)
    assert not ignored.why("keep.log", False)
    assert not ignored.why("sub/a.log", False)
    assert ignored.why("sub/data1", False)
    assert not ignored.why("data1", False)
    assert ignored.why("build", True)
    assert ignored.why("build/x/y", False)
    assert not ignored.why("build", False)
    assert not ignored.why("sub/build", True)
    assert ignored.why("scratch", False)
    assert ignored.why("big/x", False)
    assert not ignored.why("secret", False)


def test_a_folder_that_is_kept_does_not_keep_what_is_in_it() -> None:
    ignored = rules({".gitignore": "*.py\n!x.log\nall/**\n!all/but\n"})
    assert not ignored.why("x.log/a", False)
    assert ignored.why("x.log/foo.py/a", False)
    assert not ignored.why("all", True)
    assert not ignored.why("all/but", False)
    assert ignored.why("all/other", False)


def test_caches_and_dependencies_are_known() -> None:
    ignored = rules({"env/pyvenv.cfg": "", "target/CACHEDIR.TAG": "", "venv/README": ""})
    for path in ("node_modules/x/y.js", "a/__pycache__/m.pyc", ".venv/bin", "env/x", "target/x"):
        assert "cache" in ignored.why(path, False)
    for path in ("venv/README", "targets", "node_modules.md", "node_modules"):
        assert not ignored.why(path, False)


def test_lines_that_are_no_patterns_are_passed_over() -> None:
    ignored = rules({".gitignore": "!\n[a-Z]\na\\\n*.o\n\ufeff\n\n   \n"})
    assert ignored.why("x.o", False)
    assert not ignored.why("a", False)


def test_patterns_of_code_cannot_stall_this_program() -> None:
    bombs = "\n".join(["*a" * 30 + "b", "**/" * 30 + "x", "a*" * 60] * 100)
    ignored = rules({".gitignore": bombs + "\n*.log\n"}, (".gitignore",))
    began = time.monotonic()
    assert not ignored.why("a" * 200, False)
    assert time.monotonic() - began < 25
    plain = rules({".gitignore": "*.log\n*.py[co]\n/dist\n**/gen/x\n"}, (".gitignore",))
    assert all(plain.why(path, False) for path in ("a/x.log", "m.pyo", "dist", "a/b/gen/x"))


_NAMES = st.sampled_from(["a", "b", "foo", "foo.py", "x.log", "A", "a b", "#x", "!y", "dir"])
_PATTERNS = st.sampled_from(
    """a /a a/ /a/ *.py *.log !x.log !*.py foo/ foo/* /foo/* !foo/a **/a a/** a/**/b dir/foo.py
    !a/b !dir/a !a/** !a/**/b !/foo/* /* !*/ **/ *.p? [ab] [!a] \\#x \\!y *a* foo*/ ! /dir !dir/
    dir/*/a dir/**/x.log A #x""".split()
)


@given(
    paths=st.lists(st.lists(_NAMES, min_size=1, max_size=4), min_size=1, max_size=8),
    top=st.lists(_PATTERNS, max_size=5),
    nested=st.lists(_PATTERNS, max_size=4),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_agrees_with_git(
    tmp_path_factory: pytest.TempPathFactory,
    paths: list[list[str]],
    top: list[str],
    nested: list[str],
) -> None:
    repository = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    for parts in paths:
        path = repository.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
        except OSError:
            continue
    (repository / ".gitignore").write_text("\n".join(top) + "\n")
    files = {".gitignore": "\n".join(top) + "\n"}
    if (repository / "dir").is_dir():
        files["dir/.gitignore"] = "\n".join(nested) + "\n"
        (repository / "dir" / ".gitignore").write_text(files["dir/.gitignore"])
    ignored = rules(files)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-standard"],
        cwd=repository,
        check=True,
        capture_output=True,
    ).stdout
    kept = set(os.fsdecode(listed).split("\0")) - {""}
    ours = {
        str(path.relative_to(repository))
        for path in Path(repository).rglob("*")
        if path.is_file() and ".git" not in path.relative_to(repository).parts
        if not ignored.why(str(path.relative_to(repository)), False)
    }
    assert ours == kept, (top, nested)
