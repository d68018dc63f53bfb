import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.events import AssistantError
from assistant.sandbox import lines as lines_module
from assistant.sandbox.disk import StoreError
from assistant.sandbox.lines import Lines


def test_entries_come_back(tmp_path: Path) -> None:
    path = tmp_path / "store" / "x.jsonl"
    entries: list[dict[str, Any]] = [{"n": 1}, {"name": "odd \udce9 \n \u2028"}, {}]
    with Lines(path) as lines:
        for entry in entries:
            lines.append(entry)
        assert lines.entries == entries
    assert Lines(path).entries == entries
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().count(b"\n") == 3


@given(cut=st.integers(0, 120), junk=st.binary(max_size=3))
@settings(deadline=None)
def test_a_torn_end_is_cut_off(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("torn") / "x.jsonl"
    with Lines(path) as lines:
        for number in range(3):
            lines.append({"number": number})
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)] + (b"" if cut == 0 else junk))
    try:
        kept = Lines(path)
    except (
        AssistantError
    ):  # Junk with a line end in it may look like a damaged line and a torn one.
        assert b"\n" in junk or b"\r" in junk
        return
    assert kept.entries == [{"number": n} for n in range(len(kept.entries))]
    with Lines(path) as lines:
        lines.append({"number": len(kept.entries)})
    assert Lines(path).entries == [{"number": n} for n in range(len(kept.entries) + 1)]
    assert not Lines(path).torn


def test_damage_in_the_middle_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with Lines(path) as lines:
        lines.append({"a": "b"})
        lines.append({"a": "c"})
    path.write_bytes(path.read_bytes().replace(b'"b"', b'"x"'))
    with pytest.raises(AssistantError, match="line 1 is damaged"):
        Lines(path)


def test_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with Lines(path) as one, Lines(path) as two:
        one.append({"by": 1})
        with pytest.raises(AssistantError, match="another process"):
            two.append({"by": 2})
        one.close()
        two.append({"by": 2})
        assert two.entries == [{"by": 1}, {"by": 2}]


def test_a_full_disk_leaves_the_lines_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> None:
        os.write(fd, data[:7])
        raise OSError(28, "No space left on device")

    path = tmp_path / "x.jsonl"
    with Lines(path) as lines:
        lines.append({"n": 1})
        with monkeypatch.context() as patch:
            patch.setattr(lines_module, "write_all", full)
            with pytest.raises(StoreError, match="No space"):
                lines.append({"n": 2})
        lines.append({"n": 3})
    assert Lines(path).entries == [{"n": 1}, {"n": 3}]
