"""Models behind Chat Completions, asked through the ``openai`` package (here and nowhere else)."""

import atexit
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from assistant.model.call import Call, Clock
from assistant.model.chat_completions import ChatCompletions
from assistant.model.connection import http_client, timeouts
from assistant.model.faults import Fault, as_error, event_status
from assistant.model.options import ModelOptions, Secret
from assistant.model.retry import asked_wait
from assistant.model.structured import Schema
from assistant.redact import Redactor

# The SDK takes 0.7 s to import: it is imported late, by who first needs it.

NO_KEY = "none"  # The SDK insists on a key; servers that want none take any.
LIST_SECONDS = 15.0
MOST_MODELS = 10_000

_DIRECT = frozenset(("model", "messages", "stream", "response_format"))
"""What the SDK looks at; everything else goes into the body as it is."""


class OpenAIModel(ChatCompletions):
    """One model on one OpenAI-compatible server. Building it opens and imports nothing.

    ``redactor`` knows secrets besides the key; ``transport`` (an ``httpx2`` one) takes the place
    of the network, ``clock`` that of time.
    """

    def __init__(
        self,
        options: ModelOptions,
        *,
        redactor: Redactor | None = None,
        clock: Clock | None = None,
        transport: Any = None,
    ) -> None:
        super().__init__(options, Sdk(options, transport), redactor, clock)


class Sdk:
    """The ``openai`` package as the calls use it; whatever it raises comes out as a Fault."""

    def __init__(self, options: ModelOptions, transport: Any = None) -> None:
        self._options = options
        self._transport = transport
        self._own: Any = None

    def client(self) -> Any:
        """The process's one client for this server and key; an own one over an own transport."""
        if self._transport is None:
            return _shared_client(self._options)
        if self._own is None:
            self._own = _new_client(self._options, self._transport)
        return self._own

    def warm(self) -> None:
        self.client()

    def stream(self, sent: Mapping[str, object], call: Call) -> "SdkStream":
        silence = self._options.timeouts.silence * call.quirks.slowness
        return SdkStream(self._created(sent, call, silence), call)

    def send(self, sent: Mapping[str, object], call: Call) -> Any:
        """The whole answer to a call that is not streamed: silence is what it begins with."""
        response = self._created(sent, call, call.left)
        if not hasattr(response, "choices"):
            raise Fault("wrong-page", str(response)[:1000])
        return response

    def response_format(self, schema: type[Schema]) -> dict[str, object] | None:
        import openai  # late: heavy

        try:
            function = openai.pydantic_function_tool(cast(Any, schema))["function"]
        except (TypeError, ValueError, KeyError, RecursionError):
            return None
        shape = {"name": schema.__name__, "schema": function["parameters"], "strict": True}
        return {"type": "json_schema", "json_schema": shape}

    def models(self, call: Call) -> list[str]:
        limits = timeouts(self._options.timeouts.connect, call.left, call.left)
        try:
            found = self.client().models.list(timeout=limits)
        except _foreign() as error:
            fault = _fault_of(error, call, begun=False)
            fault.kind = "wrong-page" if fault.kind == "garbled" else fault.kind
            raise fault from error
        listed = getattr(found, "data", None)
        if not isinstance(listed, list):
            raise Fault("wrong-page", str(found)[:1000])
        ids = [getattr(entry, "id", None) for entry in listed[:MOST_MODELS]]
        return [name for name in ids if isinstance(name, str) and name.isprintable() and name]

    def _created(self, sent: Mapping[str, object], call: Call, silence: float) -> Any:
        limits = timeouts(self._options.timeouts.connect, silence, call.left)
        direct = {key: value for key, value in sent.items() if key in _DIRECT}
        rest = {key: value for key, value in sent.items() if key not in _DIRECT}
        try:
            completions = self.client().chat.completions
            return completions.create(**direct, extra_body=rest or None, timeout=limits)
        except _foreign() as error:
            raise _fault_of(error, call, begun=False) from error


class SdkStream:
    """An answer that has begun. ``chunks`` raises Fault; ``close`` ends it at any time."""

    def __init__(self, stream: Any, call: Call) -> None:
        self._stream, self._call = stream, call

    @property
    def content_type(self) -> str:
        return str(self._stream.response.headers.get("content-type", ""))

    def chunks(self) -> Iterator[Any]:
        foreign = _foreign()
        while True:
            try:
                chunk = next(self._stream)
            except StopIteration:
                return
            except foreign as error:
                raise _fault_of(error, self._call, begun=True) from error
            yield chunk

    def close(self) -> None:
        self._stream.close()


def resolve_model(
    base_url: str,
    key: Secret | None = None,
    *,
    seconds: float = LIST_SECONDS,
    transport: Any = None,
) -> list[str]:
    """The names of the models that a server lists, in its order.

    Raises:
        ModelError: the server cannot be asked, or has no such list.
    """
    options = ModelOptions("the list of models", key, base_url)
    redactor = Redactor(options.secrets)
    call = Call.plain(options, redactor.patterns, seconds)
    try:
        return Sdk(options, transport).models(call)
    except Fault as fault:
        raise as_error(fault, options, redactor.patterns) from fault


_clients: dict[tuple[str, str], Any] = {}
_lock = threading.Lock()


def _shared_client(options: ModelOptions) -> Any:
    key = options.api_key.reveal() if options.api_key else ""
    with _lock:
        if (options.base_url, key) not in _clients:
            if not _clients:
                atexit.register(close_clients)
            _clients[options.base_url, key] = _new_client(options, None)
        return _clients[options.base_url, key]


def close_clients() -> None:
    """Close every client of this process; the next call opens a new one."""
    with _lock:
        for client in _clients.values():
            client.close()
        _clients.clear()


def _new_client(options: ModelOptions, transport: Any) -> Any:
    import openai  # late: heavy

    client = openai.OpenAI(
        api_key=options.api_key.reveal() if options.api_key else NO_KEY,
        base_url=options.base_url,
        max_retries=0,
        http_client=http_client(transport),
    )
    if not (urlsplit(options.base_url).hostname or "").endswith(".openai.com"):
        client.organization = client.project = None  # They come from the environment.
    return client


def _foreign() -> tuple[type[Exception], ...]:
    """What the SDK lets out: its own errors, and bare ones where an answer is malformed."""
    import httpx2  # late: heavy
    import openai  # late: heavy

    return (
        openai.OpenAIError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
        ValueError,
        RuntimeError,
        TypeError,
        AttributeError,
    )


def _fault_of(error: Exception, call: Call, *, begun: bool) -> Fault:
    """The error in our words; ``begun`` tells whether the answer had."""
    import openai  # late: heavy

    if isinstance(error, openai.APIStatusError):
        fault = _status_fault(error)
    elif isinstance(error, openai.APIConnectionError):
        fault = _connection_fault(error, begun)
        if fault.kind == "silent":
            silence = call.options.timeouts.silence * call.quirks.slowness
            late = call.left <= 0
            fault = Fault("late" if late else "silent", f"{call.seconds if late else silence:g} s")
    elif isinstance(error, openai.APIError):
        kind = str(getattr(error, "type", None) or "")
        status = event_status(error.code or "", kind)
        fault = Fault("status", error.message, status=status, code=error.code or kind)
    else:
        fault = Fault("garbled", f"{type(error).__name__}: {error}")
    for one in _chain(error):  # A traceback must not show what a server echoed.
        one.args = (type(one).__name__,)
    return fault


def _status_fault(error: Any) -> Fault:
    body = error.body if isinstance(error.body, dict) else {}
    said = body.get("message") or body.get("detail") or error.body
    kind = str(body.get("type") or "")
    code = error.code or kind
    status = error.status_code
    headers = error.response.headers
    if 300 <= status < 400:
        return Fault("redirect", str(headers.get("location", "")), status=status)
    fault = Fault(
        "status",
        said if isinstance(said, str) else str(said or ""),
        status=status,
        code=kind if code.isdecimal() else code,
        param=str(body.get("param") or ""),
    )
    fault.wait = asked_wait(headers, time.time())
    fault.again = {"true": True, "false": False}.get(headers.get("x-should-retry", ""))
    return fault


def _connection_fault(error: Exception, begun: bool) -> Fault:
    causes = _chain(error)[1:]
    names = {type(one).__name__ for one in causes}
    said = str(causes[0]) if causes else ""
    if "SSLCertVerificationError" in names:
        return Fault("certificate", said)
    if begun:
        return Fault("silent" if "ReadTimeout" in names else "dropped", said)
    if names & {"ReadTimeout", "WriteTimeout"}:
        return Fault("silent", said)
    return Fault("connect", said)


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what lies behind it, the latest first."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 10:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    return chain
