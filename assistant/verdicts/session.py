"""The supervisor's end of a candidate: requests, answers, output, its end, and the report.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), after wire.py,
candidate.py and proxies.py, before supervisor.py.
"""

import builtins
import contextlib
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Optional, Tuple

if TYPE_CHECKING:
    from assistant.verdicts.container_proxies import HELD, ContainerProxy
    from assistant.verdicts.lent_objects import LentObjects, of_tests
    from assistant.verdicts.printed import Printed
    from assistant.verdicts.proxies import (
        BASES,
        LocalCopy,
        Proxy,
        local_copy,
        overwrite,
    )
    from assistant.verdicts.report import Events, Report, cut, shown, signal_name
    from assistant.verdicts.solution_errors import SolutionErrors, exception_of, known_error
    from assistant.verdicts.wire import (
        SPARE,
        Channel,
        Damaged,
        Unfit,
        borrowed,
        named_builtin,
        pack,
        pack_items,
        pack_more,
        unpack,
        unpack_items,
    )


def clean(name: Any) -> str:
    """A class name that came along, as a name."""
    return name[:80] if type(name) is str and name.isidentifier() else "Unnamed"


def tagged(node: Any, tag: str) -> bool:
    return type(node) is list and len(node) == 2 and node[0] == tag and type(node[1]) is int


class Session:
    """The candidate's process as seen from here: requests, answers, output, and its end."""

    def __init__(self, pid: int, sock: socket.socket, out: int) -> None:
        self.pid, self.out = pid, out
        self.channel = Channel(sock, self.wait)
        self.poll = select.poll()
        self.poll.register(sock.fileno(), select.POLLIN)
        self.printed = Printed(out, self.poll)
        self.report: Report
        self.status: Optional[int] = None
        self.calls = self.number = 0
        self.last: Tuple[Any, Any, Any] = ((), None, "")
        self.name = ""
        self.stops = False  # Whether the tests themselves look for StopIteration.
        self.solution_errors = SolutionErrors(self)
        self.proxies: Dict[int, Proxy] = {}
        self.own = LentObjects()
        self.usual = (builtins.input, sys.stdin)
        self.faults = Events("memory", "oom_kill")
        self.crowding = Events("pids", "max")

    # Requests.

    def ask(
        self, operation: str, args: Tuple[Any, ...], named: Optional[Dict[str, Any]] = None
    ) -> Any:
        if operation == "call":
            self.calls += 1
            self.last = (args, named, "")
        packed = pack_items(args, self.pack_more, 0)
        words = pack(named, self.pack_more) if named else None
        lent = [self.lent()] if operation == "call" else []
        answer = self.exchange(operation, packed, words, *lent)
        try:
            if answer[0] == "raised":
                self.update(args, answer[6])
                raised: Any = self.rebuilt(answer, operation)
            else:
                self.update(args, answer[2])
                value = args[answer[1][1]] if tagged(answer[1], "g") else self.value(answer[1])
                raised = None
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise Damaged("an answer of a wrong shape") from error
        if raised is not None:
            raise raised
        if operation == "call":
            self.last = (args, named, value)
        return value

    def lent(self) -> List[Any]:
        """What the tests have put in place of input() and of the standard input, for a call."""
        found = []
        for now, usual in ((builtins.input, self.usual[0]), (sys.stdin, self.usual[1])):
            try:
                found.append(None if now is usual else self.pack_more(now))
            except Unfit:
                found.append(None)
        return found

    def exchange(self, *request: Any) -> Any:
        """Sends a request and waits for its answer; a candidate that cannot answer is the end."""
        self.number += 1
        number = self.number
        self.printed.begin()
        try:
            self.channel.send([number, *request])
            while True:
                answer = self.channel.receive()
                if type(answer) is not list or len(answer) < 3 - (request[0] == "load"):
                    raise Damaged("no answer")
                if answer[0] != number:
                    continue
                if answer[1] == "back":
                    self.printed.give()
                    served = self.serve(*answer[2:])
                    self.printed.begin()
                    self.channel.send(served)
                    continue
                self.printed.give()
                return answer[1:]
        except (EOFError, ConnectionError):
            self.explain_end()

    def serve(self, number: int, operation: str, packed: Any, named: Any) -> List[Any]:
        """Has an object of the tests' own do what the solution asks of it."""
        target = self.own.at(number)
        args = unpack_items(packed, self.unpack_more, SPARE)
        words = unpack(named, self.unpack_more) if named else {}
        try:
            return ["done", pack(self.own.does(target, operation, args, words), self.pack_more)]
        except Exception as error:  # noqa: BLE001 - it is handed on to who asked
            return self.thrown(error)

    def thrown(self, error: Exception) -> List[Any]:
        """An exception of the tests' own, for the solution to see; from there it comes back."""
        number = self.own.number_of(error)
        kinds = [named_builtin(kind) for kind in type(error).__mro__]
        try:
            args = pack(error.args, self.pack_more)
        except Unfit:
            args = pack((shown(error.args, 200),), self.pack_more)
        return ["raised", next(filter(None, kinds)), args, number]

    def update(self, args: Tuple[Any, ...], changes: Any) -> None:
        """What the solution did to its arguments happens to the tests' own."""
        for index, packed in changes:
            overwrite(args[index], self.value(packed))

    # Waiting.

    def wait(self) -> None:
        """Until the candidate has said something on its channel; its output is taken meanwhile."""
        while True:
            ready = self.poll.poll(100)
            heard = False
            for fd, _ in ready:
                if fd == self.out:
                    self.printed.drain()
                else:
                    heard = True
            if heard:
                return
            if not ready and self.ended():
                return

    def ended(self) -> bool:
        """Whether it is gone without its channel, which a child of it may hold."""
        if self.reaped():
            self.explain_end()
        return False

    def reaped(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def end(self) -> None:
        if self.status is None:  # Else the number may be another's by now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.printed.drain_all()

    def explain_end(self) -> NoReturn:
        """Tells the verdict for a candidate that is gone."""
        until = time.monotonic() + 0.3
        while not self.reaped() and time.monotonic() < until:
            time.sleep(0.001)  # Its channel closes a moment before it is dead.
        status = self.status
        if status is None:
            self.report.tell("exit_before_verdict", "it closed the channel of its own process")
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            name = signal_name(number)
            if number == signal.SIGKILL and self.faults.more():
                self.report.tell("out_of_memory", "the kernel killed it for its memory")
            if number == signal.SIGXCPU:
                self.report.tell("timeout", "it used up its processor time")
            self.report.tell("crash", "it was killed by " + name, name)
        code = os.WEXITSTATUS(status)
        self.report.tell("exit_before_verdict", f"it ended with exit status {code}")

    # Values.

    def value(self, packed: Any) -> Any:
        return unpack(packed, self.unpack_more, SPARE)

    def unpack_more(self, node: List[Any]) -> Any:
        try:
            tag = node[0]
            if tag == "o" and type(node[1]) is int:
                made = Proxy(self, node[1], clean(node[2]))
                return self.proxies.setdefault(node[1], made)
            if tag == "M" and node[1] in HELD and type(node[2]) is int:
                held = ContainerProxy(self, node[2], clean(node[3]), node[1])
                return self.proxies.setdefault(node[2], held)
            if tag == "X" and node[1] in BASES and type(node[4]) is int:
                return local_copy(self, node[1], self.value(node[2]), clean(node[3]), node[4])
            if tag == "e":
                return known_error(node[1], node[2])
            if tag == "x":
                return self.at_home(exception_of(self.value(node[1]), self.value(node[2])), node[3])
            if tag == "E" and type(node[1]) is int:
                return self.solution_errors.known(node[1], clean(node[2]), self.value(node[3]))
            if tag == "y" and type(vars(builtins)[node[1]]) is type:
                return vars(builtins)[node[1]]
            if tag == "a":
                return self.own.at(node[1])
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise Damaged("a value of a wrong shape") from error
        raise Damaged("an unknown tag")

    def pack_more(self, value: Any) -> Any:
        """What tests hand over that is not plain: objects of the solution go home, functions and
        iterators of the tests' own stay here and can be called from there."""
        if isinstance(value, (Proxy, LocalCopy)):
            return ["h", value._handle]
        if isinstance(value, type) and value in self.solution_errors.handles:
            return ["h", self.solution_errors.handles[value]]
        if self.solution_errors.is_one(value):
            return ["h", vars(value)["_home"][1]]
        name = named_builtin(value)
        if name is not None:
            return ["y", name]
        known = pack_more(value) or borrowed(value)
        if known is not None:
            return known
        if isinstance(value, BaseException) and named_builtin(type(value)):
            return ["x", type(value).__name__, pack(value.args, self.pack_more)]
        if not (callable(value) or hasattr(type(value), "__next__") or of_tests(value)):
            raise Unfit(f"the tests hand over a {type(value).__name__}, which cannot travel")
        return ["a", self.own.number_of(value), int(of_tests(value))]

    def rebuilt(self, answer: List[Any], operation: str = "") -> BaseException:
        kind = self.value(answer[1])
        own = isinstance(kind, Exception)  # Of the tests, come back through the solution.
        error: Any = kind if own else exception_of(kind, self.value(answer[2]))
        if isinstance(error, StopIteration) and operation != "next" and not self.stops:
            # Else it would end a loop of the tests' own, such as one over map(), unseen.
            error = RuntimeError("the solution raised StopIteration")
        if error is not kind:
            error.from_solution = (cut(str(answer[3]), 1500), answer[4])
        return self.at_home(error, answer[5])

    def at_home(self, error: BaseException, handle: Any) -> BaseException:
        """Has an exception of the solution's own class ask the one that it stands for."""
        if type(error) in self.solution_errors.handles and type(handle) is int:
            vars(error)["_home"] = (self, handle, type(error).__name__)
        return error

    def last_call(self) -> str:
        args, named, value = self.last
        if not args:
            return ""
        words = [shown(arg, 600) for arg in args[1:]]
        words += [f"{name}={shown(arg)}" for name, arg in (named or {}).items()]
        name = self.name or "it"
        gave = "" if type(value) is str and not value else " -> " + shown(value, 600)
        return cut(f"{name}({', '.join(words)}){gave}", 2000)
