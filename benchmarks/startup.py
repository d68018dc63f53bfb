"""How long a start takes, as ratios to bare Python in the same sitting."""

import os
import pty
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 15
BIN = Path(sys.executable).parent


def seconds(*argv: str) -> float:
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def median_in_turn(*commands: tuple[str, ...]) -> list[float]:
    """Medians of commands run in turn, so that a drifting machine hits all of them."""
    took: list[list[float]] = [[] for _ in commands]
    for _ in range(RUNS):
        for times, command in zip(took, commands, strict=True):
            times.append(seconds(*command))
    return [statistics.median(times) for times in took]


def first_prompt() -> float:
    """Seconds from the start of the process until the prompt stands, in a pseudo-terminal."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ.update(OPENAI_BASE_URL="http://127.0.0.1:9/v1", TERM="xterm-256color")
            os.execv(BIN / "assistant", ["assistant", "--model", "none", "--local"])
        shown = b""
        while b"> " not in shown:  # The prompt itself.
            if not select.select([terminal], [], [], 10)[0]:
                raise SystemExit("no prompt within 10 s")
            shown += (piece := os.read(terminal, 65536))
            if b"\x1b[6n" in piece:
                os.write(terminal, b"\x1b[1;1R")
        took = time.perf_counter() - began
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return took


def main() -> None:
    python = str(BIN / "python")
    bare, imported, asked = median_in_turn(
        (python, "-c", "pass"),
        (python, "-c", "import assistant"),
        (str(BIN / "assistant"), "--help"),
    )
    print(f"python -c pass              {bare * 1000:7.1f} ms")
    print(f"import assistant            {(imported - bare) * 1000:+7.1f} ms over bare Python")
    print(f"assistant --help            {asked * 1000:7.1f} ms, {asked / bare:.1f} x bare Python")
    prompts = sorted(first_prompt() for _ in range(7))
    print(
        f"first prompt                {prompts[3] * 1000:7.1f} ms, {prompts[3] / bare:.1f} x bare"
    )


if __name__ == "__main__":
    main()
