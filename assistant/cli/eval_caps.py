"""What an evaluation may use: its caps, what it may cost, how to go on when one is reached."""

import argparse
from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from assistant.budget import Budget, price_needed
from assistant.cli.output import say
from assistant.evals.comparison import wording
from assistant.evals.estimate import REPLY, Estimate, estimate
from assistant.evals.running import ActiveRun
from assistant.evals.runs import Manifest
from assistant.protocols import Model
from assistant.purse import Purse
from assistant.settings import Settings

CAPS = ("replies", "tokens", "dollars", "seconds")


def budget_of(options: argparse.Namespace, settings: Settings, was: Manifest | None) -> Budget:
    """What this command line caps; the settings' caps are for one message.

    Dollars are capped in any case, where they are known: by the setting for evaluations, or by
    what the runs that are gone on with were begun with, if that is more.
    """
    caps = {name: getattr(settings, name) for name in CAPS if hasattr(options, name)}
    if "dollars" in caps:
        caps["dollars_required"] = True
    elif settings.eval_dollars is not None:
        begun = Decimal(was.budget.get("dollars", "0")) if was else Decimal(0)
        caps["dollars"] = max(settings.eval_dollars, begun)
    return Budget(**{**dict.fromkeys((*CAPS, "blocks")), **caps})


def check_prices(budget: Budget, models: Sequence[Model]) -> None:
    """A cap on dollars that was asked for needs the price of every model, before the first call."""
    for model in models if budget.dollars_required else ():
        if model.cost(1000, 1000) is None:
            raise price_needed(model.name)


def tell_cost(active_runs: Sequence[ActiveRun], purse: Purse) -> None:
    """What the runs may cost, and where they stop; nothing where it is nothing, or not known."""
    found = [(active_run, _estimate(active_run)) for active_run in active_runs]
    priced = [(active_run, one) for active_run, one in found if one is not None and one.most > 0]
    for active_run, one in priced:
        say(_line(active_run, one), error=True)
    usual, most = (sum(getattr(one, n) for _, one in priced) for n in ("usual", "most"))
    cap = purse.budget.dollars
    if cap is None or purse.dollars + most <= cap:
        return
    text = f"assistant: it stops before {_money(cap)} are spent"
    if purse.dollars:
        text += f", of which {_money(purse.dollars)} are"
    if purse.dollars + usual > cap:
        enough = _enough(purse.dollars + usual)
        text += f"; that is too little for all: --dollars {enough}"
    elif not purse.budget.dollars_required:
        text += "; another cap: --dollars N"
    say(text, error=True)


def to_go_on(active_runs: Sequence[ActiveRun], purse: Purse) -> str:
    """The command that goes on with runs which did not come to their end, all of one command."""
    text = f"assistant eval run --resume {active_runs[0].writer.path.parent.name}"
    if all(active_run.status != "budget" for active_run in active_runs):
        return text
    caps = [name for name in CAPS if getattr(purse.budget, name) is not None]
    if caps == ["dollars"]:
        used = f"{_money(purse.dollars)} of {_money(purse.budget.dollars or Decimal(0))}"
        return f"{text} --dollars N  (what is used counts: {used})"
    # The time is that of one process; of the others all that the runs used counts.
    return f"{text}, with larger caps: {', '.join(f'--{name}' for name in caps)}"


def _estimate(active_run: ActiveRun) -> Estimate | None:
    plan = active_run.plan
    missing = Counter(task for task, _ in active_run.to_ask)
    wanted = [(one, missing[one.task_id]) for one in plan.problems if one.task_id in missing]
    return estimate(plan.pipeline, wanted)


def _line(active_run: ActiveRun, one: Estimate) -> str:
    model, samples = active_run.plan.pipeline.model, wording.count(one.samples, "sample")
    each = "one reply" if one.replies == 1 else f"{one.replies} replies"
    short, long = (f"{n:,} tokens" for n in (min(REPLY, model.max_reply), model.max_reply))
    return (
        f"assistant: {model.name}: {samples}, about {_money(one.usual)} at {short} a reply;"
        f" {_money(one.most)} if each takes {each} of {long}"
    )


def _money(dollars: Decimal) -> str:
    return wording.dollars(dollars)


def _enough(dollars: Decimal) -> str:
    """Half as much again, as a round number."""
    return str((dollars * 3 / 2).quantize(Decimal(1), rounding=ROUND_CEILING))
