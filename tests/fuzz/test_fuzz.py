"""Random bytes for whatever reads bytes of others: a little always, and long under atheris.

``FUZZ_SECONDS`` (60 for each target) makes the long form longer.
"""

import gc
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SEEDS, TARGETS
from tests.places import ROOT, python_with

SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))


def mutated(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """One of the seeds with a piece of it replaced by another piece, or by anything."""
    pieces = st.binary(max_size=12) | st.sampled_from(seeds).flatmap(
        lambda seed: st.slices(len(seed)).map(lambda part: seed[part])
    )
    return st.builds(
        lambda seed, at, length, piece: seed[:at] + piece + seed[at + length :],
        st.sampled_from(seeds),
        st.integers(0, 200),
        st.integers(0, 20),
        pieces,
    )


def descriptors() -> int:
    """How many are open; what nobody refers to any more is closed before they are counted."""
    gc.collect()
    return len(os.listdir("/dev/fd"))


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_honest_or_nearly_so(name: str) -> None:
    target = TARGETS[name]
    for seed in SEEDS[name]:
        target(seed)
    before = descriptors()

    @settings(max_examples=100, deadline=None)
    @given(mutated(SEEDS[name]) | st.binary(max_size=200))
    def fuzz(data: bytes) -> None:
        target(data)

    fuzz()
    # Threads of other tests may open and close a few meanwhile; what leaks does so again and again.
    assert descriptors() < before + 5


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_with(["atheris>=3,<4"], tmp_path_factory.mktemp("atheris"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_under_atheris(python: Path, name: str, tmp_path: Path) -> None:
    command = [str(python), "-m", "tests.fuzz.program", name, str(SECONDS), str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )
    left = [file.name for file in tmp_path.iterdir() if file.is_file()]
    assert (done.returncode, left) == (0, []), f"{left}\n{done.stderr[-4000:]}"
    assert "stat::number_of_executed_units" in done.stderr
