"""A hostile program with what must hold, and what can be seen of it from outside."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assistant.events import ExecResult
from assistant.terminal.sections import MARK


@dataclass(frozen=True)
class Evidence:
    """What is there to see once the program has run, but for ``output`` none of it its own word."""

    output: str
    token: str
    """A word of this one run, which its code may know by the name ``@TOKEN@``."""
    secrets: tuple[str, ...]
    """What lies on the host and must not come out."""
    result: ExecResult | None = None
    """How the sandbox says that it ended; a plain container says nothing."""
    shown: str = ""
    """What a terminal is sent."""
    told: str = ""
    """What a model reads."""
    heard: frozenset[str] = frozenset()
    """Tokens that came in on the host's own ports."""
    harm: tuple[str, ...] = ()
    """What has changed in the folder on the host."""
    taken: Mapping[str, bytes] = field(default_factory=dict)
    """What a host reads that opens what the program left for it."""
    alive: Callable[[], int] = lambda: 0
    """Processes that it has left running."""


Seen = Callable[[Evidence], str]
"""What got through, "" where it held."""


def said(evidence: Evidence) -> str:
    return "it says so" if "BREACH" in evidence.output else ""


def secret_out(evidence: Evidence) -> str:
    return "a secret in its output" if any(s in evidence.output for s in evidence.secrets) else ""


def secret_taken(evidence: Evidence) -> str:
    found = [path for path, data in evidence.taken.items() if _holds_secret(evidence, data)]
    return f"the host reads its own secret by {found}" if found else ""


def _holds_secret(evidence: Evidence, data: bytes) -> bool:
    return any(secret.encode() in data for secret in evidence.secrets)


def host_heard(evidence: Evidence) -> str:
    return "the host heard it" if evidence.token in evidence.heard else ""


def folder_harmed(evidence: Evidence) -> str:
    return f"changed on the host: {evidence.harm}" if evidence.harm else ""


def left_running(evidence: Evidence) -> str:
    return "it runs on" if evidence.alive() else ""


_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\U000e0000-\U000e0fff]"
)


def terminal_obeys(evidence: Evidence) -> str:
    found = sorted({f"U+{ord(c):04X}" for c in _OBEYED.findall(evidence.shown)})
    if found:
        return f"sent to the terminal: {found}"
    lines = evidence.shown.split("\n")
    forged = [line for line in lines if line.startswith(MARK) and evidence.token in line]
    return f"in the assistant's own name: {forged}" if forged else ""


def model_misled(evidence: Evidence) -> str:
    """Whether anything of the program's stands outside the fence, or is more than plain text."""
    lines = evidence.told.rstrip("\n").split("\n")
    fence = lines[-1]
    if not re.fullmatch("`{3,}", fence) or f"{fence}output" not in lines:
        return "output without a fence"
    start = lines.index(f"{fence}output")
    outside, inside = lines[:start], lines[start + 1 : -1]
    if any(evidence.token in line for line in outside):
        return "its words outside the fence"
    if any(re.match(rf"\s*{fence}", line) for line in inside):
        return "a fence that it closes"
    if not outside or not re.match(r"Block 1 of 1 .*: exit \d+", outside[0]):
        return "no status before it"
    if tokens := re.findall(r"<[|｜][^<>\n]{1,40}[|｜]>", evidence.told):
        return f"marks of a chat template: {tokens}"
    return "characters that nobody sees" if _OBEYED.search(evidence.told) else ""


@dataclass(frozen=True)
class Attack:
    """``holds`` is the promise that it tries, in words. It has got through when its output says
    BREACH, when ``seen`` finds something, or when it does not end for ``reason`` or print ``says``.

    In the code ``@TOKEN@`` is the word of this run, ``@SECRET@`` the path of a secret on the host,
    ``@HOST@`` and ``@PORT@`` where the host listens, ``@WAIT@`` how long what is watched may take.
    """

    name: str
    holds: str
    code: str
    lang: str = "python"
    seen: Seen = said
    reason: str | None = None
    """``any``: it depends on who is quicker."""
    says: str = ""
    seconds: float = 20
    bounded: bool = True
    """Ends by itself before it does harm, so that it can be run where nothing holds it."""
    ours: bool = False
    """About parts that only a sandbox of ours has."""
    action: str = ""
    """The line of Python that must be refused, where that is all."""

    def breach(self, evidence: Evidence) -> str:
        """What got through, "" where it held."""
        found = said(evidence) or self.seen(evidence)
        if found or evidence.result is None:
            return found
        result = evidence.result
        if self.reason not in ("any", result.reason):
            return f"ended for the reason {result.reason} (exit {result.exit_code})"
        return "" if self.says in result.output else f"not said: {self.says!r}"


# fmt: off
_ON_ARM = {
    56: 220, 68: 186, 101: 117, 103: 116, 135: 92, 155: 41, 157: 167, 163: 89, 165: 40, 166: 39,
    167: 224, 169: 142, 171: 162, 175: 105, 176: 106, 179: 60, 240: 180, 246: 104, 248: 217,
    249: 218, 250: 219, 256: 238, 272: 97, 279: 239, 298: 241, 300: 262, 303: 264, 304: 265,
    308: 268, 310: 270, 313: 273, 321: 280, 323: 282,
}
# fmt: on
"""The numbers of calls on aarch64, by those on x86_64; from 424 on they are the same."""
_TRY = """\
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
on_arm = {on_arm}
def call(number, *args):
    if os.uname().machine == 'aarch64' and number < 424: number = on_arm.get(number, -1)
    if libc.syscall(number, *args) < 0: raise OSError(ctypes.get_errno(), 'refused')
def forker():
    return int(open('/proc/self/status').read().split('PPid:')[1].split()[0])
try:
    {action}
except (OSError, ValueError) as error:
    print('held', error)
else:
    print('BREACH')
"""


def tries(action: str) -> str:
    """A program that breaches when ``action`` works, and says when it was refused."""
    return _TRY.format(action=action, on_arm=_ON_ARM)


def refused(holds: str, actions: Mapping[str, str], *, ours: bool = False) -> tuple[Attack, ...]:
    """Attacks that the system must refuse, each a line of Python."""
    return tuple(
        Attack(name, holds, tries(action), says="held", ours=ours, action=action)
        for name, action in actions.items()
    )


def together(attacks: Mapping[str, Attack]) -> Attack:
    """Attacks that are one line each as one program, each line in a process of its own."""
    lines = {name: tries(attack.action) for name, attack in attacks.items()}
    code = (
        f"import os, sys\nlines = {lines!r}\n"
        "for name, line in lines.items():\n"
        "    print(name, end=': ', flush=True)\n"
        "    if os.fork() == 0:\n"
        "        try: exec(line, {})\n"
        "        finally: sys.stdout.flush(); os._exit(0)\n"
        "    os.wait()\n"
        "print('all', len(lines))\n"
    )
    return Attack("together", "every line is refused", code, says=f"all {len(lines)}\n")


def prints(holds: str, texts: Mapping[str, str | bytes], seen: Seen) -> tuple[Attack, ...]:
    """Attacks by what is printed."""
    return tuple(
        Attack(name, holds, f"import sys\nsys.stdout.buffer.write({_bytes(text)!r})\n", seen=seen)
        for name, text in texts.items()
    )


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
