"""Fuzzes one target under atheris, which follows what the bytes reach: program TARGET SECONDS DIR.

A finding ends it with a code other than 0, and lies in DIR as a file to run the target on again.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["assistant", "json"]):
    from tests.fuzz.targets import SEEDS, TARGETS


def main(name: str, seconds: str, folder: str) -> None:
    corpus = Path(folder, "corpus")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-len_control=0",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
