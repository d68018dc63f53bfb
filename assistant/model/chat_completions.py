"""A model behind Chat Completions, whoever carries the bytes: asks, streams, counts, prices."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Unpack

from assistant.events import Chunk, Event, Notice, Replied, Retrying, Said, Usage
from assistant.following import followed
from assistant.model import structured
from assistant.model.call import Call, Clock, Request
from assistant.model.gathering import Gathering
from assistant.model.messages import Message, to_wire
from assistant.model.options import Completion, ModelOptions, Params
from assistant.model.prices import Prices
from assistant.model.quirks import Quirks, quirks_of
from assistant.model.stream import Reading
from assistant.model.streaming import Wire, streamed
from assistant.model.tokens import Counter
from assistant.model.usage import counts_of
from assistant.redact import Redactor

COMPLETE_SECONDS = 600.0


class ChatCompletions:
    """One model on one server."""

    def __init__(
        self,
        options: ModelOptions,
        wire: Wire,
        redactor: Redactor | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.options = options
        self.prices = Prices(options.model, options.base_url, options.prices)
        self._wire = wire
        self._redactor = redactor or Redactor(options.secrets)
        self._clock = clock or Clock()
        self._counter = Counter(options.model)

    @property
    def name(self) -> str:
        return self.options.model

    @property
    def max_reply(self) -> int:
        """Tokens that one call may ask for at most, learned limits included."""
        limits = (self.prices.max_output, self._quirks.most_reply)
        return min([self.options.max_reply, *(limit for limit in limits if limit)])

    @property
    def window(self) -> int | None:
        """Tokens of prompt and reply together that the model holds; None where it is unknown."""
        known = self.options.window or self.prices.window
        return min([size for size in (known, self._quirks.window) if size], default=None)

    @property
    def estimated(self) -> bool:
        """Whether ``count`` goes by another model's table, or by none."""
        return self._counter.estimated

    def count(self, history: Sequence[Said | Replied], /) -> int:
        """Prompt tokens of the history, at most, going by what the server counted so far."""
        return self._counter.bound(history)

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        """Dollars, at most; None where the price is unknown."""
        return self.prices.cost(prompt, completion)

    def warm(self) -> None:
        """Load what the first reply will need, so that it need not wait for it."""
        self._wire.warm()
        _ = self.estimated

    def reply(
        self,
        history: Sequence[Said | Replied],
        /,
        *,
        max_tokens: int,
        seconds: float,
        schema: type[structured.Schema] | None = None,
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]:
        """One reply, streamed. With a ``schema`` its text is JSON that fits, or it is broken.

        Raises:
            ModelError: the call never started, and no further try helps or fits into ``seconds``.
        """
        call, reading = self._call(seconds), Reading(self._redactor)
        request = self._request(history, {"max_tokens": max_tokens}, schema)
        streaming = {"stream": True, "stream_options": {"include_usage": True}}
        request = request.also(streaming)
        try:
            finish, detail = yield from streamed(self._wire, call, request, reading)
            yield from reading.rest()
            if reading.repaired:
                yield Notice("lone surrogates in the reply were replaced by U+FFFD")
        except KeyboardInterrupt:
            finish, detail = "interrupted", "stopped by the user"
            for _ in reading.rest():
                pass
        text = str(reading.text)
        if schema and finish == "stop":
            text, finish, detail = structured.settled(text, schema)
            if detail == structured.NO_JSON:
                yield from self._ignored_schema()
        usage = self._usage(reading.usage, request, [reading]) if reading.asked else Usage()
        if reading.asked and not usage.estimated and not schema:
            self._counter.learn(history, usage.prompt)
        elapsed = round(call.elapsed, 3)
        return Replied(text, usage, finish, str(reading.reasoning), detail, elapsed)

    def complete(
        self,
        messages: Sequence[Message],
        n: int = 1,
        *,
        on_event: Callable[[Event], None] = lambda event: None,
        **params: Unpack[Params],
    ) -> Completion:
        """``n`` answers to one prompt, not streamed; waits and notices go to ``on_event``.

        Raises:
            ModelError: as ``reply`` does.
        """
        call = self._call(params.get("seconds", COMPLETE_SECONDS))
        schema: Any = params.get("schema")
        own = {k: v for k, v in params.items() if k not in ("seconds", "schema", "extra")}
        base = self._request(messages, {**params.get("extra", {}), **own}, schema)
        gathered = Gathering(n, self._redactor, base.params.get("stop"))
        while gathered.missing:
            request = base.also(gathered.asking(base.params.get("seed"), self._quirks.dropped))
            talk = call.insist(request, lambda sent: self._wire.send(sent, call))
            response = followed(talk, on_event)
            readings = gathered.add(response, schema)
            usage = getattr(response, "usage", None)
            gathered.usages.append(self._usage(usage, request, readings))
        return gathered.completion()

    @property
    def _quirks(self) -> Quirks:
        return quirks_of(self.options.base_url, self.options.model)

    def _call(self, seconds: float) -> Call:
        quirks = self._quirks
        quirks.window = self.window
        return Call(self.options, quirks, self._redactor.patterns, self._clock, seconds)

    def _request(
        self,
        messages: Sequence[Message],
        params: Mapping[str, object],
        schema: type[structured.Schema] | None,
    ) -> Request:
        options = self.options
        wire = to_wire(messages, self._redactor.text, send_reasoning=options.send_reasoning)
        usual = {
            "max_tokens": self.max_reply,
            "temperature": options.temperature,
            "seed": options.seed,
            "stop": list(options.stop) or None,
            "reasoning_effort": options.reasoning_effort,
            "response_format": self._wire.response_format(schema) if schema else None,
        }
        merged = {**usual, **params, "model": options.model}
        given = {key: value for key, value in merged.items() if value is not None}
        ours = [m for m in messages if isinstance(m, Said | Replied)]
        tokens = self.count(ours) + sum(
            self._counter.count_text(str(m)) for m in messages if isinstance(m, Mapping)
        )
        return Request(wire, given, tokens, schema)

    def _usage(self, counted: Any, request: Request, readings: Sequence[Reading]) -> Usage:
        """The server's counts where it sent any, else ours, marked as estimated."""
        counts = counts_of(counted)
        if counts:
            cost = self.prices.cost(counts.prompt, counts.completion, counts.cached)
            return Usage(counts.prompt, counts.cached, counts.completion, counts.reasoning, cost)
        reasoning = sum(self._counter.count_text(str(one.reasoning)) for one in readings)
        text = sum(self._counter.count_text(str(one.text)) for one in readings)
        cost = self.prices.cost(request.tokens, text + reasoning)
        return Usage(request.tokens, 0, text + reasoning, reasoning, cost, estimated=True)

    def _ignored_schema(self) -> Iterator[Notice]:
        """A server that took the schema and wrote prose is asked in words from now on."""
        if "response_format" not in self._quirks.dropped:
            self._quirks.dropped.add("response_format")
            yield Notice(
                f"{self.name} at {self.options.host} ignores schemas; it is asked in words"
            )
