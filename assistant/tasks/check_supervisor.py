"""Runs a check's command inside the container and decides by exit status and completed report.

This file is sent as text and run by ``python3 -I`` (3.8 or newer); the product never imports it.
It is not dumpable, so that what the command runs cannot reach into it, and it alone decides the
exit status that the host sees.
"""

import ctypes
import fcntl
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from typing import List, Tuple

NO_REPORT = 250
BAD_REPORT = 251

# Loaded into the test runner's process. Sealed in memory, so that no earlier step of the command
# can rewrite it; a command that loses it loses the report, and so fails.
CHANNEL = """
import json, os, sys

from assistant_changed import CHANGED

def changed(path):
    return os.path.realpath(path) in CHANGED

def called_off(error):  # Whether it skips a test, or expects it to fail, out of changed code.
    for _ in range(10):  # A runner may have put an error of its own in the place of the first.
        names = {kind.__name__ for kind in type(error).__mro__}
        trace = error.__traceback__ if names & {"Skipped", "XFailed", "SkipTest"} else None
        while trace is not None:
            if changed(trace.tb_frame.f_code.co_filename):
                return True
            trace = trace.tb_next
        error = getattr(error, "__context__", None)
    return False

def claim():
    number = os.environ.pop("ASSISTANT_REPORT", None)
    if number is None:
        return None
    channel = os.dup(int(number))  # Not inherited by what the tests start.
    os.close(int(number))
    return channel

def forget():  # Runners that the tests start themselves are none of our business.
    entries = os.environ.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in entries if entry and not entry.startswith("/proc/self/fd/")]
    if kept:
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)
    sys.path[:] = [entry for entry in sys.path if not entry.startswith("/proc/self/fd/")]
    options = os.environ.get("PYTEST_ADDOPTS", "")
    os.environ["PYTEST_ADDOPTS"] = options.replace("-p assistant_pytest", "").strip()

def send(channel, passed, failed):
    os.write(channel, json.dumps({"passed": passed, "failed": failed}).encode() + b"\\n")
"""

PYTEST = """
import pytest
import assistant_channel

_channel = assistant_channel.claim()
assistant_channel.forget()
_outcomes = {"passed": 0, "failed": 0}

def pytest_configure(config):
    if "assistant_pytest" in config.option.plugins:  # Workers of a parallel run do without.
        config.option.plugins.remove("assistant_pytest")

def _called_off(report):  # In a worker of a parallel run, say, there is no more to see of it.
    place = report.longrepr
    return report.skipped and type(place) is tuple and assistant_channel.changed(str(place[0]))

@pytest.hookimpl(hookwrapper=True)  # Before and after others put an error in another's place.
def pytest_runtest_makereport(item, call):
    errors = [call.excinfo]
    yield
    for found in (*errors, call.excinfo):
        if found is not None and assistant_channel.called_off(found.value):
            _outcomes["failed"] += 1

def pytest_keyboard_interrupt(excinfo):  # pytest.exit(), too, whatever status it asks for.
    _outcomes["failed"] += 1

def pytest_runtest_logreport(report):
    if report.failed or _called_off(report):
        _outcomes["failed"] += 1
    elif report.passed and report.when == "call":
        _outcomes["passed"] += 1

def pytest_collectreport(report):
    if report.failed or _called_off(report):
        _outcomes["failed"] += 1

def pytest_unconfigure(config, send=assistant_channel.send):
    if _channel is not None:
        send(_channel, _outcomes["passed"], _outcomes["failed"])
"""

UNITTEST = """
import os
import sys

if "ASSISTANT_REPORT" in os.environ and os.environ.get("ASSISTANT_RUNNER") == "unittest":
    import unittest.runner
    import assistant_channel

    def _reporting(run, number=os.environ["ASSISTANT_REPORT"], send=assistant_channel.send):
        def reported(self, test):
            result = run(self, test)
            failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
            passed = result.testsRun - len(result.skipped) - failed
            send(int(number), passed, failed + len(_called_off))
            return result
        return reported

    _called_off = []

    def _noting(add, called_off=assistant_channel.called_off):
        def noted(self, test, reason):
            if called_off(sys.exc_info()[1]):
                _called_off.append(reason)
            add(self, test, reason)
        return noted

    unittest.TestResult.addSkip = _noting(unittest.TestResult.addSkip)
    unittest.runner.TextTestRunner.run = _reporting(unittest.runner.TextTestRunner.run)
"""


def sealed_plugins(changed: List[str]) -> int:
    """A descriptor of an unchangeable zip file that holds the reporting plugins."""
    known = frozenset(os.path.realpath(path) for path in changed)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("assistant_channel.py", CHANNEL)
        archive.writestr("assistant_pytest.py", PYTEST)
        archive.writestr("assistant_changed.py", f"CHANGED = {known!r}\n")
        archive.writestr("sitecustomize.py", UNITTEST)
    descriptor = os.memfd_create("plugins", os.MFD_ALLOW_SEALING)
    os.write(descriptor, packed.getvalue())
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def drained(descriptor: int) -> bytes:
    """What is in the pipe, without waiting for those that may still hold it."""
    os.set_blocking(descriptor, False)
    data = b""
    while True:
        try:
            piece = os.read(descriptor, 65536)
        except BlockingIOError:
            return data
        if not piece:
            return data
        data += piece


def reports(data: bytes) -> List[Tuple[int, int]]:
    """What the runner reported, one (passed, failed) pair per completed run."""
    found = []
    for line in data.splitlines():
        try:
            report = json.loads(line)
            if "numPassedTests" in report:  # Jest's own report.
                failed = report["numFailedTests"] + report["numFailedTestSuites"]
                found.append((int(report["numPassedTests"]), int(failed)))
            else:
                found.append((int(report["passed"]), int(report["failed"])))
        except (ValueError, KeyError, TypeError):
            found.append((0, 1))
    return found


def main(command: str, runner: str, separator: str, changed: List[str]) -> None:
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    reader, writer = os.pipe()
    plugins = sealed_plugins(changed)
    environment = dict(os.environ)
    if runner in ("pytest", "unittest"):
        path = f"/proc/self/fd/{plugins}"
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = path + (os.pathsep + known if known else "")
        environment["ASSISTANT_REPORT"] = str(writer)
        environment["ASSISTANT_RUNNER"] = runner
    if runner == "pytest":
        options = environment.get("PYTEST_ADDOPTS", "")
        environment["PYTEST_ADDOPTS"] = (options + " -p assistant_pytest").strip()
    # Jest is started by way of programs that pass no descriptor on, so it gets a file.
    jest = os.path.join(tempfile.mkdtemp(), "report.json")
    if runner == "jest":
        command += f" {separator} --json --outputFile={jest}"
    status = subprocess.call(["bash", "-c", command], env=environment, pass_fds=(writer, plugins))
    os.close(writer)
    if status != 0:
        sys.exit(status if status > 0 else 128 - status)
    if runner:
        data = drained(reader)
        if os.path.isfile(jest):
            with open(jest, "rb") as file:
                data += file.read(1 << 24).replace(b"\n", b" ")
        found = reports(data)
        if not found:
            sys.exit(NO_REPORT)
        if any(failed for _, failed in found) or sum(passed for passed, _ in found) < 1:
            sys.exit(BAD_REPORT)
    sys.exit(0)
