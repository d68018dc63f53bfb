"""A real Chromium without a window, told what to do over a pipe."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_PATIENCE = 90.0


class Browser:
    """One page of the browser; ``said`` holds what the page complained of, ``asked`` what it
    wanted to load."""

    def __init__(self, to_it: int, from_it: int) -> None:
        self._to, self._from = to_it, from_it
        self._number, self._session, self._rest = 0, "", b""
        self.said: list[str] = []
        self.asked: list[str] = []
        self._loaded = False

    def attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser; returns its answer."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._to, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told["error"]
                return cast("dict[str, Any]", told["result"])

    def close(self) -> None:
        """Have it tidy up what it keeps outside of its profile."""
        self._session = ""
        self._number += 1
        asked = {"id": self._number, "method": "Browser.close"}
        with suppress(OSError):
            os.write(self._to, json.dumps(asked).encode() + b"\0")

    def open(self, path: Path, fragment: str = "") -> None:
        """Show a file, and wait until it is loaded."""
        # By way of an empty page: another fragment of the same page would not be loaded anew.
        for url in ("about:blank", path.as_uri() + fragment):
            self._loaded = False
            self.asked.clear()
            self.call("Page.navigate", url=url)
            while not self._loaded:
                self._next()

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Press and let go of a key, as by hand."""
        keys: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code or ord(key.upper())}
        text = text or (key if len(key) == 1 else "")
        self.call(
            "Input.dispatchKeyEvent", type="keyDown", **keys, **({"text": text} if text else {})
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", **keys)

    def screen(self, width: int, height: int, dark: bool = False, phone: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path, whole: bool = False) -> None:
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _next(self) -> dict[str, Any]:
        """The browser's next message; those about the page are noted."""
        end = time.monotonic() + _PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser says nothing"
            data = os.read(self._from, 1 << 16)
            assert data, "the browser is gone"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        self._note(told.get("method", ""), told.get("params", {}))
        return told

    def _note(self, method: str, what: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Log.entryAdded":
            self.said.append(what["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.said.append(what["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.said.append(str(what["args"]))
        elif method == "Network.requestWillBeSent":
            self.asked.append(what["request"]["url"])


_AS_3_AND_4 = """
import fcntl, os, sys
its_in, its_out = (fcntl.fcntl(int(word), fcntl.F_DUPFD, 10) for word in sys.argv[1:3])
os.dup2(its_in, 3)
os.dup2(its_out, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""The browser reads its orders from descriptor 3 and answers on 4."""


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """A browser of its own; without one the test fails with the remedy."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.fail(
            "There is no Chromium to look at the page with\n"
            "make test installs it; by hand: apt-get install chromium",
            pytrace=False,
        )
    its_in, to_it = os.pipe()
    from_it, its_out = os.pipe()
    words = [program, "--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    words += ["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox"]
    words += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    profile.mkdir(exist_ok=True)
    with open(profile / "said.txt", "wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _AS_3_AND_4, str(its_in), str(its_out), *words],
            pass_fds=(its_in, its_out),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    os.close(its_in)
    os.close(its_out)
    try:
        browser = Browser(to_it, from_it)
        try:
            browser.attach()
        except (AssertionError, OSError) as error:
            error.add_note((profile / "said.txt").read_text("utf-8", "replace")[-3_000:])
            raise
        yield browser
        browser.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
    finally:
        _end(process)
        os.close(to_it)
        os.close(from_it)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """The browser and what it started: they share a session of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait(timeout=_PATIENCE)
