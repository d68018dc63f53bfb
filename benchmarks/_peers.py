"""Other ways to keep a session in a container, each as a program for a Python that has it."""

import json
import subprocess

from assistant.sandbox.image import DEFAULT_IMAGE

BLOCKS = (("python", "python", "print(1)"), ("shell", "bash", "echo 1"))
"""A row's name, the language, the code."""

AUTOGEN = """
import asyncio, json, os, sys, tempfile, time
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.docker import DockerCommandLineCodeExecutor

image, rounds, blocks = json.loads(sys.argv[1])
now = time.perf_counter
times = {}

async def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        executor = DockerCommandLineCodeExecutor(image=image, work_dir=folder)
        began = now()
        await executor.start()
        times["start"] = [now() - began]
        for row, language, code in blocks:
            block, times[row] = CodeBlock(code=code, language=language), []
            for _ in range(rounds):
                began = now()
                done = await executor.execute_code_blocks([block], CancellationToken())
                times[row].append(now() - began)
                assert done.exit_code == 0 and done.output.strip() == "1", done
        began = now()
        await executor.stop()
        times["end"] = [now() - began]

asyncio.run(main())
print(json.dumps(times))
"""

LLM_SANDBOX = """
import json, sys, time
from llm_sandbox import SandboxSession

image, rounds, blocks = json.loads(sys.argv[1])
now = time.perf_counter
times = {"python": []}
began = now()
session = SandboxSession(
    lang="python", image=image, keep_template=True, skip_environment_setup=True
)
with session:
    times["start"] = [now() - began]
    for _ in range(rounds):
        began = now()
        done = session.run(blocks[0][2])
        times["python"].append(now() - began)
        assert done.exit_code == 0 and done.stdout.strip() == "1", done
    began = now()
times["end"] = [now() - began]
print(json.dumps(times))
"""
PEERS = {"autogen-ext": AUTOGEN, "llm-sandbox": LLM_SANDBOX}

Times = dict[str, list[float]]


def peer(python: str, program: str, rounds: int) -> Times | str:
    """Seconds by row, or the last words of a peer that is not there or does not work."""
    asked = json.dumps([DEFAULT_IMAGE, rounds, BLOCKS])
    done = subprocess.run(
        [python, "-c", program, asked], capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no word"])[-1]
    found: Times = json.loads(done.stdout.splitlines()[-1])
    return found
