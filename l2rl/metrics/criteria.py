"""The L2M criteria of lifelong learning, with the confidence that a group of lifetimes meets them.

    performance maintenance >= 0     nothing is forgotten
    forward transfer > 1             what was learned helps with what comes
    backward transfer > 1            what comes helps with what was learned
    relative performance > 1         as good as single-task experts, and better
    sample efficiency > 1            as quick as they are, and quicker

(New et al., 2201.08278; Baker et al., 2301.07799.) A criterion is judged on the mean over
lifetimes; its confidence is the share of bootstrap resamples whose mean meets it, or with the
method `t` the probability that Student's t gives to the bound's side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l2rl.metrics.intervals import Values, degrees_of_freedom, standard_error
from l2rl.metrics.statistics import Bootstrap, Strata, mean, pooled, resampled, too_few


@dataclass(frozen=True)
class Criterion:
    """A bound that the mean of a metric must keep."""

    metric: str
    """Qualified name."""
    bound: float
    inclusive: bool
    """Whether the bound itself is enough."""

    def __str__(self) -> str:
        return f"{self.metric} {'>=' if self.inclusive else '>'} {self.bound:g}"

    def met(self, values: Values) -> np.ndarray:
        """(...,) bool of (...,) values."""
        return values >= self.bound if self.inclusive else values > self.bound


CRITERIA = (
    Criterion("l2m/performance_maintenance_mrlep", 0.0, inclusive=True),
    Criterion("l2m/forward_transfer_ratio", 1.0, inclusive=False),
    Criterion("l2m/backward_transfer_ratio", 1.0, inclusive=False),
    Criterion("l2m/relative_performance", 1.0, inclusive=False),
    Criterion("l2m/sample_efficiency", 1.0, inclusive=False),
)


@dataclass(frozen=True)
class Verdict:
    """One criterion judged on one group."""

    criterion: str
    value: float | None
    """Mean over the lifetimes."""
    met: bool | None
    """None where there is no value."""
    confidence: float | None
    """How sure that is, from 0 (surely not met) to 1 (surely met)."""
    reason: str | None
    """Why there is no value, or no confidence."""


def verdict(
    criterion: Criterion, strata: Strata, name: str, bootstrap: Bootstrap | None = None
) -> Verdict:
    """Whether the mean meets a criterion, and how sure that is."""
    bootstrap = bootstrap or Bootstrap()
    value = float(mean(pooled(strata)))
    met = bool(criterion.met(np.array(value)))
    reason = too_few(strata)
    if reason:
        return Verdict(str(criterion), value, met, None, reason)
    if bootstrap.method == "t":
        return Verdict(str(criterion), value, met, _by_t(criterion, value, strata), None)
    kept = [criterion.met(mean(samples)) for samples in resampled(strata, bootstrap, name)]
    return Verdict(str(criterion), value, met, float(np.concatenate(kept).mean()), None)


def _by_t(criterion: Criterion, value: float, strata: Strata) -> float:
    """The probability of Student's t on the upper side of the bound."""
    from scipy.stats import t

    error = standard_error(strata, None)
    if error == 0.0:
        return float(criterion.met(np.array(value)))
    return float(t.cdf((value - criterion.bound) / error, degrees_of_freedom(strata)))
