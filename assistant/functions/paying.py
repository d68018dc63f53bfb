"""A call of a model within a purse: reserved at its largest before it, settled after it."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from assistant.budget import price_needed
from assistant.code.fences import content_str
from assistant.events import Event, Replied, Said
from assistant.functions.request import Request, params_of
from assistant.purse import Purse

if TYPE_CHECKING:
    from assistant.model.options import Completion, Params


class Completing(Protocol):
    """A model that gives several answers to one prompt; see ``OpenAIModel``."""

    @property
    def name(self) -> str: ...
    @property
    def max_reply(self) -> int: ...
    def count(self, history: Sequence[Said | Replied], /) -> int: ...
    def cost(self, prompt: int, completion: int, /) -> Decimal | None: ...
    def complete(
        self,
        messages: Sequence[Any],
        n: int = 1,
        *,
        on_event: Callable[[Event], None],
        **params: "Unpack[Params]",
    ) -> "Completion": ...


def completed(
    model: Completing, request: Request, purse: Purse | None, tell: Callable[[Event], None]
) -> "Completion":
    """The answers to a request.

    Raises:
        Exhausted: the purse has no room for the call, which then is not made.
        UsageError: it has a cap on dollars that someone set, and the price is not known.
        ModelError: as ``OpenAIModel.complete`` does.
    """
    params = params_of(request)
    if purse is None:
        return model.complete(request.messages, request.n, on_event=tell, **params)
    if purse.budget.dollars_required and model.cost(1000, 1000) is None:
        raise price_needed(model.name)
    history = [Said(content_str(message.get("content"))) for message in request.messages]
    largest = params.get("max_tokens") or model.max_reply
    # A server that gives one answer at a time is sent the prompt for each.
    call = purse.reserve(model, model.count(history) * request.n, largest * request.n)
    params["max_tokens"] = call.completion // request.n
    reply = None
    try:
        done = model.complete(request.messages, request.n, on_event=tell, **params)
        reply = Replied("", done.usage, done.finishes[0])
        return done
    finally:
        purse.settle(call, reply)
