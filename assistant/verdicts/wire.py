"""How values travel between supervisor and candidate: tagged JSON, plain types only, bounded.

Sent as text into a sandbox (Python 3.8 or newer, standard library only); the host packs inputs with
it. Reading builds plain values and never runs code that came along.
A scalar stands for itself; all else is a list whose first item is a tag.
"""

import collections
import json
import math
import socket
import struct
import sys
from typing import Any, Callable, Dict, List, Optional

DEEPEST = 150
LARGEST = 64 << 20
"""Levels of one value, and bytes of one message."""
SPARE = 25
"""Levels that an answer leaves to the tests, which may put it into values of their own."""
BIG = 1 << 2000
"""Numbers from here on travel in hexadecimal: Python limits the digits of decimal ones."""
HEAD = struct.Struct(">I")
SCALARS = frozenset({type(None), bool, float, str})


class Damaged(Exception):
    """A message that this program did not write."""


class Unfit(Exception):
    """A value that is too deep or too large to travel, or of no kind that does."""


Special = Callable[[Any], Any]


def flat(items: List[Any]) -> bool:
    """Whether all are scalars that need no tag."""
    types = set(map(type, items))
    if types <= SCALARS:
        return True
    if types == {int}:
        return bool(min(items) > -BIG and max(items) < BIG)
    if types <= SCALARS | {int}:
        return all(type(item) is not int or -BIG < item < BIG for item in items)
    return False


def pack(value: Any, special: Special, depth: int = 0) -> Any:
    """The JSON form of a value; ``special`` gives that of everything without a rule here."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is int:
        return value if -BIG < value < BIG else ["i", hex(value)]
    rule = PACKED.get(kind)
    if rule is None:
        return special(value)
    if depth > DEEPEST:
        raise Unfit("nested too deep")
    return rule(value, special, depth + 1)


def pack_items(items: Any, special: Special, depth: int) -> Any:
    items = list(items)
    if flat(items):
        return ["L", items]
    return ["l", [pack(item, special, depth) for item in items]]


def pack_dict(value: Any, special: Special, depth: int) -> List[Any]:
    keys, values = list(value), list(value.values())
    return [pack_items(keys, special, depth), pack_items(values, special, depth)]


def named_builtin(value: Any) -> Optional[str]:
    """The name under which ``value`` is a type or function of every Python; None if it is not."""
    name = getattr(value, "__name__", None)
    if type(name) is str and vars(BUILTINS).get(name) is value:
        return name
    return None


def borrowed(value: Any) -> Optional[List[Any]]:
    """How to name a function or class of a standard or installed module; None for others."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if type(module) is not str or type(name) is not str or module in ("tests", "__main__"):
        return None
    return ["p", module, name] if getattr(sys.modules.get(module), name, None) is value else None


BUILTINS = sys.modules["builtins"]

PACKED: Dict[type, Callable[[Any, Special, int], Any]] = {
    list: lambda v, s, d: pack_items(v, s, d),
    tuple: lambda v, s, d: ["t", pack_items(v, s, d)],
    dict: lambda v, s, d: ["d", *pack_dict(v, s, d)],
    set: lambda v, s, d: ["s", pack_items(v, s, d)],
    frozenset: lambda v, s, d: ["f", pack_items(v, s, d)],
    bytes: lambda v, s, d: ["b", v.hex()],
    bytearray: lambda v, s, d: ["B", v.hex()],
    complex: lambda v, s, d: ["c", v.real, v.imag],
    range: lambda v, s, d: ["r", *(pack(n, s, d) for n in (v.start, v.stop, v.step))],
    slice: lambda v, s, d: ["S", *(pack(n, s, d) for n in (v.start, v.stop, v.step))],
    type(...): lambda v, s, d: ["..."],
    type({}.keys()): lambda v, s, d: ["k", pack_items(v, s, d)],
    type({}.values()): lambda v, s, d: ["v", pack_items(v, s, d)],
    type({}.items()): lambda v, s, d: ["w", pack_items(v, s, d)],
    collections.Counter: lambda v, s, d: ["C", *pack_dict(v, s, d)],
    collections.OrderedDict: lambda v, s, d: ["O", *pack_dict(v, s, d)],
    collections.defaultdict: lambda v, s, d: [
        "D",
        *pack_dict(v, s, d),
        named_builtin(v.default_factory),
    ],
    collections.deque: lambda v, s, d: ["q", pack_items(v, s, d), v.maxlen],
}


def pack_more(value: Any) -> Any:
    """Standard values of modules that are only loaded where somebody uses them; else None."""
    kind = type(value)
    module, name = kind.__module__, kind.__name__
    if getattr(sys.modules.get(module), name, None) is not kind:
        return None
    if (module, name) == ("decimal", "Decimal"):
        return ["m", str(value)]
    if (module, name) == ("fractions", "Fraction"):
        return ["F", hex(value.numerator), hex(value.denominator)]
    if module == "datetime" and name in MOMENTS:
        return pack_moment(value, name)
    if module == "uuid" and name == "UUID":
        return ["U", value.hex]
    if module.partition(".")[0] == "pathlib" and name in PATHS:
        return ["P", name, str(value)]
    return None


def pack_moment(value: Any, name: str) -> Any:
    fields = [getattr(value, field) for field in MOMENTS[name]]
    zone = getattr(value, "tzinfo", None)
    if zone is None:
        return ["T", name, fields]
    if type(zone) is not loaded("datetime").timezone:
        return None
    return ["Z", name, fields, zone.utcoffset(None).total_seconds()]


def unpack_moment(name: str, fields: Any, offset: float) -> Any:
    known = loaded("datetime")
    zone = known.timezone(known.timedelta(seconds=offset)) if offset else known.timezone.utc
    return getattr(known, name if name in MOMENTS else "")(*fields, tzinfo=zone)


PATHS = ("PurePosixPath", "PosixPath")


MOMENTS = {
    "date": ("year", "month", "day"),
    "time": ("hour", "minute", "second", "microsecond"),
    "datetime": ("year", "month", "day", "hour", "minute", "second", "microsecond"),
    "timedelta": ("days", "seconds", "microseconds"),
}


def unpack(node: Any, special: Special, depth: int = 0) -> Any:
    """The value of a JSON form. ``special`` takes what has no rule; raises Damaged on nonsense."""
    kind = type(node)
    if kind in SCALARS or kind is int:
        return node
    if kind is not list or not node or type(node[0]) is not str:
        raise Damaged("no value")
    if depth > DEEPEST:
        raise Damaged("nested too deep")
    rule = UNPACKED.get(node[0])
    if rule is None:
        return special(node)
    try:
        return rule(node, special, depth + 1)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError) as error:
        raise Damaged("a value of a wrong shape") from error


def unpack_items(node: Any, special: Special, depth: int) -> List[Any]:
    if type(node) is not list or len(node) != 2 or type(node[1]) is not list:
        raise Damaged("no items")
    tag, items = node
    if tag == "L":
        if not set(map(type, items)) <= SCALARS | {int}:
            raise Damaged("items that are not flat")
        return list(items)  # The message itself stays as it came.
    if tag != "l":
        raise Damaged("no items")
    return [unpack(item, special, depth) for item in items]


def unpack_dict(node: Any, special: Special, depth: int) -> Any:
    keys = unpack_items(node[1], special, depth)
    return zip(keys, unpack_items(node[2], special, depth))


def defaulting(name: Any) -> Any:
    return vars(BUILTINS).get(name) if name in FACTORIES else None


FACTORIES = ("int", "float", "str", "list", "dict", "set", "tuple", "bool")

UNPACKED: Dict[str, Callable[[List[Any], Special, int], Any]] = {
    "L": unpack_items,
    "l": unpack_items,
    "i": lambda n, s, d: int(n[1], 16),
    "t": lambda n, s, d: tuple(unpack_items(n[1], s, d)),
    "d": lambda n, s, d: dict(unpack_dict(n, s, d)),
    "s": lambda n, s, d: set(unpack_items(n[1], s, d)),
    "f": lambda n, s, d: frozenset(unpack_items(n[1], s, d)),
    "b": lambda n, s, d: bytes.fromhex(n[1]),
    "B": lambda n, s, d: bytearray.fromhex(n[1]),
    "c": lambda n, s, d: complex(number(n[1]), number(n[2])),
    "r": lambda n, s, d: range(*(unpack(part, s, d) for part in n[1:4])),
    "S": lambda n, s, d: slice(*(unpack(part, s, d) for part in n[1:4])),
    "...": lambda n, s, d: ...,
    "k": lambda n, s, d: dict.fromkeys(unpack_items(n[1], s, d)).keys(),
    "v": lambda n, s, d: dict(enumerate(unpack_items(n[1], s, d))).values(),
    "w": lambda n, s, d: dict(unpack_items(n[1], s, d)).items(),
    "C": lambda n, s, d: collections.Counter(dict(unpack_dict(n, s, d))),
    "O": lambda n, s, d: collections.OrderedDict(unpack_dict(n, s, d)),
    "D": lambda n, s, d: collections.defaultdict(defaulting(n[3]), unpack_dict(n, s, d)),
    "q": lambda n, s, d: collections.deque(unpack_items(n[1], s, d), n[2]),
    "m": lambda n, s, d: loaded("decimal").Decimal(n[1]),
    "F": lambda n, s, d: loaded("fractions").Fraction(int(n[1], 16), int(n[2], 16)),
    "T": lambda n, s, d: getattr(loaded("datetime"), n[1] if n[1] in MOMENTS else "")(*n[2]),
    "Z": lambda n, s, d: unpack_moment(n[1], n[2], n[3]),
    "U": lambda n, s, d: loaded("uuid").UUID(hex=n[1]),
    "P": lambda n, s, d: getattr(loaded("pathlib"), n[1] if n[1] in PATHS else "")(n[2]),
}


def loaded(name: str) -> Any:
    return __import__(name)


def number(value: Any) -> float:
    if type(value) not in (int, float):
        raise Damaged("no number")
    return math.nan if value != value else float(value)


READER = json.JSONDecoder(
    parse_constant={"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.__getitem__
)
"""There is one nan for all: lists that hold the same one are equal."""


class Channel:
    """Messages of one JSON value each over a socket; ``wait`` is called before each read."""

    def __init__(self, sock: socket.socket, wait: Callable[[], Any] = lambda: None) -> None:
        self.sock, self.wait = sock, wait
        self.buffer = bytearray()

    def send(self, message: Any) -> None:
        """Raises Unfit when it is too large."""
        text = json.dumps(message, ensure_ascii=False, check_circular=False)
        data = text.encode("utf-8", "surrogatepass")
        if len(data) > LARGEST:
            raise Unfit("too large")
        self.sock.sendall(HEAD.pack(len(data)) + data)

    def receive(self) -> Any:
        """The next message; EOFError when the other side is gone, Damaged for what is none."""
        self.fill(HEAD.size)
        (size,) = HEAD.unpack_from(self.buffer)
        if size > LARGEST:
            raise Damaged("a message that is too large")
        self.fill(HEAD.size + size)
        data = bytes(self.buffer[HEAD.size : HEAD.size + size])
        del self.buffer[: HEAD.size + size]
        try:
            return READER.decode(data.decode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError) as error:
            raise Damaged("no message") from error

    def fill(self, size: int) -> None:
        while len(self.buffer) < size:
            self.wait()
            data = self.sock.recv(1 << 18)
            if not data:
                raise EOFError
            self.buffer += data
