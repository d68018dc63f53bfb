from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.events import SandboxError, UsageError
from assistant.sandbox import lines
from assistant.sandbox.disk import StoreError
from assistant.sandbox.overlay import (
    Edit,
    changed,
    conflicts,
    laid,
    puts,
    received,
    settled,
    stepped,
    under,
)
from assistant.sandbox.points import History
from assistant.sandbox.tree import Delta, Entry, Tree, difference, patched
from tests.sandbox.trees import entry, trees

ONE, TWO, THREE = entry(b"one\n"), entry(b"one\ntwo\n"), entry(b"no end")
DIR = Entry("dir", 0o755)


def whole(tree: Tree) -> bool:
    return all(
        not (above := path.rpartition("/")[0]) or (above in tree and tree[above].kind == "dir")
        for path in tree
    )


@given(user=trees(), after=trees())
def test_a_step_laid_on_the_folder_is_what_the_sandbox_has(user: Tree, after: Tree) -> None:
    step = changed(user, {}, user, after)
    overlay = stepped({}, step)
    assert laid(user, overlay) == after
    assert conflicts(user, overlay) == []
    assert changed(user, overlay, after, user) == dict.fromkeys(overlay)


@given(user=trees(), after=trees(), later=trees())
def test_whatever_the_user_does_the_copy_is_whole_and_nothing_is_lost(
    user: Tree, after: Tree, later: Tree
) -> None:
    overlay = stepped({}, changed(user, {}, user, after))
    overlay = stepped(overlay, settled(later, overlay))
    copy = laid(later, overlay)
    assert whole(copy)
    disputed = set(conflicts(later, overlay))
    for path, edit in overlay.items():
        if edit.now and edit.now.kind != "dir":
            assert copy.get(path) == edit.now, "what code made stays in the copy"
        assert edit.now != later.get(path)
    for path, one in later.items():
        if path not in overlay and copy.get(path) != one:
            near = {path, *(path[:i] for i, c in enumerate(path) if c == "/")}
            below = {p for p in overlay if p.startswith(path + "/")}
            assert near & disputed or below & disputed, "only a conflict hides the user's file"


@given(old=trees(modes=(0o644, 0o444)), new=trees(modes=(0o644,)), data=st.data())
def test_puts_lead_from_one_tree_to_another(old: Tree, new: Tree, data: st.DataObject) -> None:
    modes = st.sampled_from([0o755, 0o555])

    def closed(tree: Tree) -> Tree:
        return {
            path: Entry("dir", data.draw(modes)) if one.kind == "dir" else one
            for path, one in tree.items()
        }

    old, new = closed(old), closed(new)
    held = dict(old)
    deltas = puts(old, new)
    for delta in deltas:
        for path in (*delta.written, *delta.removed):
            above = path.rpartition("/")[0]
            changes = path not in held or held[path].kind != "dir" or path in delta.removed
            if above in held and changes and held[above].kind == "dir":
                assert held[above].mode & 0o200, f"{path}: its folder cannot be written"
        for path in delta.removed:
            assert not [p for p in held if p.startswith(path + "/") and p not in delta.removed]
        for path, one in delta.written.items():
            assert path not in held or path in delta.removed or held[path].kind == one.kind
        held = patched(held, delta)
        assert whole(held)
    assert held == new
    assert len(deltas) <= 3
    assert puts(new, new) == []


def test_what_a_sandbox_reports_is_made_whole() -> None:
    inside = {"d": DIR, "d/x": ONE, "d/e": DIR, "d/e/y": ONE, "f": ONE}
    assert received(inside, Delta({}, ("d/e/y", "d/e", "d/x", "d"))) == {"f": ONE}
    assert received(inside, Delta({}, ("d",))) == inside
    assert received(inside, Delta({}, ("d/e/y", "d/e", "d"))) == {"d": DIR, "d/x": ONE, "f": ONE}
    assert received(inside, Delta({"d": ONE})) == {"d": ONE, "f": ONE}
    assert received(inside, Delta({"a/b/c": ONE}))["a/b"] == DIR
    assert received(inside, Delta({"f": Entry("file", 0o104755, 4, ONE.digest)}))["f"].mode == 0o755
    assert received(inside, Delta({"f/x": ONE})) == inside
    for path in ("..", "../x", "/x", "a/./b", "", "a\0b"):
        with pytest.raises(SandboxError):
            received(inside, Delta({path: ONE}))
        with pytest.raises(SandboxError):
            received(inside, Delta({}, (path,)))


@given(before=trees(), after=trees())
def test_an_honest_report_is_taken_as_it_is(before: Tree, after: Tree) -> None:
    assert received(before, difference(before, after)) == after


def test_paths_are_chosen_whole() -> None:
    assert under(["a", "a/b", "ab", "c"], ["a/"]) == ["a", "a/b"]
    assert under(["a", "b"], ["."]) == ["a", "b"]


# The history of points.


def test_an_applied_change_moves_the_ground_under_every_point(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.start("/project")
    history.block({"f": Edit(ONE, TWO)}, "first")
    history.block({"f": Edit(ONE, THREE), "g": Edit(None, ONE)}, "second")
    history.shift("apply-1", {"f": (ONE, THREE)})
    assert history.overlay == {"g": Edit(None, ONE)}
    history.move(-1)
    assert history.overlay == {"f": Edit(THREE, TWO)}
    history.move(-1)
    assert history.overlay == {"f": Edit(THREE, ONE)}
    history.shift("undo-1", {"f": (THREE, ONE)})
    assert history.overlay == {}
    history.move(2)
    assert history.overlay == {"f": Edit(ONE, THREE), "g": Edit(None, ONE)}
    history.close()
    again = History(tmp_path)
    assert again.overlay == {"f": Edit(ONE, THREE), "g": Edit(None, ONE)}
    assert again.applied == {"apply-1", "undo-1"}
    assert again.folder == "/project"


def test_an_apply_is_noted_late_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    history = History(tmp_path)
    history.block({"f": Edit(ONE, TWO)}, "first")
    with monkeypatch.context() as patch:
        patch.setattr(lines, "write_all", full)
        history.shift("apply-1", {"f": (ONE, TWO)})
        assert history.overlay == {}
        with pytest.raises(StoreError):
            history.move(-1)
    assert History(tmp_path).applied == set()
    history.move(-1)
    history.close()
    again = History(tmp_path)
    assert again.applied == {"apply-1"}
    assert again.overlay == history.overlay == {"f": Edit(TWO, ONE)}


def test_only_a_change_takes_away_what_could_be_redone(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.block({"f": Edit(None, ONE)}, "one")
    history.block({"f": Edit(None, TWO)}, "two")
    history.move(-1)
    assert history.block({}, "looked around") == "3"
    assert [(p.point, p.current) for p in history.points()] == [
        ("1", False), ("3", True), ("2", False),
    ]  # fmt: skip
    assert history.move(1) == "2"
    assert history.overlay == {"f": Edit(None, TWO)}
    history.move(-1)
    history.block({"f": Edit(None, THREE)}, "other")
    with pytest.raises(UsageError):
        history.move(1)
    history.close()
    assert History(tmp_path).points() == history.points()


def test_undo_passes_over_blocks_that_changed_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.block({"f": Edit(None, ONE)}, "one")
    history.block({}, "nothing")
    history.block({"g": Edit(None, ONE)}, "two")
    history.block({}, "nothing")
    assert history.move(-1) == "2"
    assert history.move(-1) == ""
    with pytest.raises(UsageError):
        history.move(-1)
    assert history.move(5) == "4"
    assert history.go("1") == "1"
    with pytest.raises(UsageError, match="no point '9'"):
        history.go("9")
    history.close()


_STEPS = st.dictionaries(st.sampled_from("abc"), st.sampled_from([ONE, TWO, THREE, None]))


@given(
    moves=st.lists(st.one_of(_STEPS, st.integers(-3, 3).filter(bool), st.just("more")), max_size=12)
)
@settings(deadline=None)
def test_a_history_read_back_is_the_same_at_any_length(
    tmp_path_factory: pytest.TempPathFactory, moves: list[object]
) -> None:
    store = tmp_path_factory.mktemp("history")
    history = History(store)
    history.start("/x")
    for move in moves:
        if isinstance(move, dict):
            history.block({p: e and Edit(None, e) for p, e in move.items()}, "block")
        elif isinstance(move, int):
            try:
                history.move(move)
            except UsageError:
                continue
        else:
            history.more({"c": Edit(None, TWO)})
    history.close()
    again = History(store)
    assert again.overlay == history.overlay
    assert again.points() == history.points()
    data = (store / "points.jsonl").read_bytes()
    (store / "points.jsonl").write_bytes(data[:-1])  # Torn: the last line is as if never written.
    History(store)
