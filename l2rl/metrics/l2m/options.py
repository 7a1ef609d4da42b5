"""Everything that can be chosen about the L2M metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, get_args, get_type_hints

from l2rl.errors import UserError
from l2rl.metrics.l2m.corrections import PARITY, Corrections

Variants = Literal["aware", "agnostic"]
ExpertAveraging = Literal["metrics", "time"]
Aggregate = Literal["mean", "median"]
Maintenance = Literal["mrlep", "mrtlp", "both"]
Transfer = Literal["ratio", "contrast", "both"]
Normalise = Literal["task", "run", "none"]
Smooth = Literal["flat", "hanning", "hamming", "bartlett", "blackman", "none"]
Range = tuple[float, float]


@dataclass(frozen=True)
class Options:
    """The choices of l2metrics 3.1.0, with its defaults. Raises `UserError` for what is none."""

    corrections: Corrections = PARITY
    """Defects of the original that are mended."""
    performance_column: str = "reward"
    """Column of the log that is the performance; greater is better."""
    variants: Variants = "aware"
    """`agnostic`: all variants of a task are one task."""
    expert_averaging: ExpertAveraging = "metrics"
    """Several expert runs of a task: average the metrics, or the runs pointwise before (`time`)."""
    aggregate: Aggregate = "mean"
    """Over tasks (pairs of tasks for transfer), to one figure for the lifetime."""
    maintenance: Maintenance = "mrlep"
    """An evaluation is compared with the most recent evaluation after learning (`mrlep`), with the
    most recent terminal performance of learning (`mrtlp`), or both are computed."""
    transfer: Transfer = "ratio"
    """Later through earlier evaluation, or their difference through their sum, or both."""
    normalise: Normalise = "task"
    """To the range 1-101: by the range of each task, by that of the run, or not at all."""
    smooth: Smooth = "flat"
    """Window over each learning block."""
    smooth_evaluations: bool = False
    """Smooth evaluation blocks too."""
    window: int | None = None
    """Samples of the window; None, or longer than a block: a fifth of the block, at most 100."""
    clamp: bool = False
    """Clamp to the task's range, or without one to the quantiles 0.1 and 0.9 of its values."""
    ranges: Mapping[str, Range] | None = field(default=None)
    """Lowest and highest possible performance of every task, by its name in lower case."""
    noise_mean: float = 0.0
    noise_std: float = 0.0
    """Gaussian noise added after normalisation, to see what it does to the metrics."""
    noise_seed: int = 0

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for option in fields(self):
            legal, value = get_args(hints[option.name]), getattr(self, option.name)
            if legal and isinstance(legal[0], str) and value not in legal:
                raise UserError(
                    f"{option.name} is `{value}`; it is one of {', '.join(map(str, legal))}"
                )
        if self.window is not None and self.window < 1:
            raise UserError(f"window is {self.window}; a window has 1 sample or more")
        for task, (lowest, highest) in (self.ranges or {}).items():
            if not lowest <= highest:
                raise UserError(f"the range of {task} goes from {lowest} down to {highest}")
        if self.noise_std < 0:
            raise UserError(f"noise_std is {self.noise_std}; it cannot be negative")

    @property
    def maintenances(self) -> tuple[str, ...]:
        """The kinds of maintenance wanted."""
        return ("mrlep", "mrtlp") if self.maintenance == "both" else (self.maintenance,)

    @property
    def transfers(self) -> tuple[str, ...]:
        """The kinds of transfer wanted."""
        return ("ratio", "contrast") if self.transfer == "both" else (self.transfer,)
