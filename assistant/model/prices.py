"""What a call costs and how much a model can take: the user's table first, then genai-prices."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from assistant.events import UsageError

MILLION = Decimal(1_000_000)
_MONEY = ("input", "output", "cached")
_SIZES = ("window", "max_output")


@dataclass(frozen=True, slots=True)
class Price:
    """One row of a user's table: dollars per million tokens, sizes in tokens; None = not said."""

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    """Prompt tokens that the server had cached; ``input`` where it is not said."""
    window: int | None = None
    max_output: int | None = None


def load_table(path: Path) -> Mapping[str, Price]:
    """A TOML file with one table per model; a name may hold the wildcards ``*`` and ``?``.

        ["llama*"]
        input = 0
        output = 0
        window = 32768

    Raises:
        UsageError: the file cannot be read, or holds what is no price; names the place.
    """
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"the price table {path} cannot be read: {reason}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"the price table {path} is no TOML: {error}", "docs/settings.md shows one."
        ) from error
    return {model: _row(path, model, row) for model, row in rows.items()}


def _row(path: Path, model: str, row: object) -> Price:
    where = f"the price table {path}, model {model!r}"
    if not isinstance(row, dict):
        raise UsageError(f"{where}: a table is needed", 'For example: ["my-model"]')
    for key, value in row.items():
        if key not in _MONEY + _SIZES:
            near = difflib.get_close_matches(str(key), _MONEY + _SIZES, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(_MONEY + _SIZES)}"
            raise UsageError(f"{where}: unknown key {key!r}", hint)
        right = int if key in _SIZES else (int, Decimal)
        sound = isinstance(value, right) and not isinstance(value, bool)
        if not sound or not Decimal(value).is_finite() or value < (key in _SIZES):
            kind = "a whole number above 0" if key in _SIZES else "dollars, 0 or more"
            raise UsageError(f"{where}: {key} = {value} is not {kind}")
    values: dict[str, Any] = {key: Decimal(row[key]) if key in _MONEY else row[key] for key in row}
    return Price(**values)


class Prices:
    """The prices of one model on one server. Unknown is None, never 0."""

    def __init__(self, model: str, base_url: str, table: Path | None = None) -> None:
        self._model, self._base_url = model, base_url
        self._own = _matching(model, load_table(table)) if table else Price()
        self._known: dict[tuple[int, int, int], Decimal | None] = {}

    def cost(self, prompt: int, completion: int, cached: int = 0) -> Decimal | None:
        """Dollars for a call; ``cached`` of the prompt's tokens are cheaper at most servers."""
        own = self._own
        cached = min(cached, prompt)
        if own.input is not None and own.output is not None:
            old = own.input if own.cached is None else own.cached
            fresh = prompt - cached
            return (own.input * fresh + old * cached + own.output * completion) / MILLION
        key = (prompt, completion, cached)
        if key not in self._known:
            if len(self._known) > 1000:
                self._known.clear()
            self._known[key] = _listed_cost(self._model, self._base_url, key)
        return self._known[key]

    @cached_property
    def window(self) -> int | None:
        """Tokens of prompt and reply together that the model can hold."""
        return self._own.window or _listed_window(self._model, self._base_url)

    @property
    def max_output(self) -> int | None:
        """Tokens that the model can write in one reply, where the user's table says so."""
        return self._own.max_output


def _matching(model: str, table: Mapping[str, Price]) -> Price:
    if model in table:
        return table[model]
    return next((price for name, price in table.items() if fnmatchcase(model, name)), Price())


# A server is known by its URL alone: a local server may serve a model under a name that costs
# money elsewhere. genai_prices is imported late (0.2 s) and reads nothing but its own data.


def _listed_cost(model: str, base_url: str, tokens: tuple[int, int, int]) -> Decimal | None:
    import genai_prices  # late: heavy

    prompt, completion, cached = tokens
    usage = genai_prices.Usage(
        input_tokens=prompt, output_tokens=completion, cache_read_tokens=cached
    )
    try:
        return genai_prices.calc_price(usage, model, provider_api_url=base_url).total_price
    except (LookupError, ValueError):
        return None


def _listed_window(model: str, base_url: str) -> int | None:
    from genai_prices.data_snapshot import get_snapshot  # late: heavy

    try:
        _, found = get_snapshot().find_provider_model(model, None, None, base_url)
    except LookupError:
        return None
    return found.context_window
