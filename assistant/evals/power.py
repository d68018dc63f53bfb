"""What a paired comparison could have seen: the power of its tests."""

import math
from statistics import NormalDist

ALPHA = 0.05
POWER = 0.8


def detectable(tasks: int, spread: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest true difference that a paired test of ``tasks`` sees with ``power``.

    ``spread`` is the standard deviation of the difference per task; for one sample each and a
    share d of tasks that disagree it is at most sqrt(d). NaN without a task.
    """
    if tasks < 1:
        return math.nan
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return min(1.0, quantiles * spread / math.sqrt(tasks))


def least_detectable(units: int, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest share of ``units`` that must differ for an exact test to see it with ``power``.

    McNemar's exact test and the sign-flip test need m units that differ, all one way, before p can
    be ``alpha``: 2^(1-m). So the share d must make m of them that likely: P(Bin(units, d) >= m) =
    power. 1 where there are fewer units; what disagrees both ways needs more than that.
    """
    needed = 1
    while 2.0 ** (1 - needed) > alpha:
        needed += 1
    if units < needed:
        return 1.0
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        share = (low + high) / 2
        low, high = (low, share) if _at_least(needed, units, share) >= power else (share, high)
    return high


def _at_least(wanted: int, units: int, share: float) -> float:
    """The chance of ``wanted`` or more of so many, each with that chance."""
    fewer = (
        math.comb(units, n) * math.exp(n * math.log(share) + (units - n) * math.log1p(-share))
        for n in range(wanted)
    )
    return 1.0 - math.fsum(fewer)
