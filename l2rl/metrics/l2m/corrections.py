"""Where the strict mode departs from l2metrics 3.1.0, one switch for each departure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal

from l2rl.errors import UserError

Mode = Literal["parity", "strict"]


@dataclass(frozen=True)
class Corrections:
    """Which defects of l2metrics 3.1.0 are mended. None is in the parity mode, all in the strict.

    With a switch on, what its docstring says first holds; otherwise what it says in parentheses.
    """

    exact_numbers: bool = False
    """Text is read as the nearest double (as pandas 2 reads it, off by a bit at times)."""
    centred_smoothing: bool = False
    """The window has odd length and its sample in the middle (even windows look half a sample,
    odd ones a whole sample into the past)."""
    single_smoothing: bool = False
    """Saturation is the maximum of the series as prepared (it is smoothed once more, and for sample
    efficiency across the joins of learning blocks)."""
    tolerant_saturation: bool = False
    """Saturation is reached at the first value within 1e-9 of the maximum, so that rounding does
    not choose a place on a plateau (at the first that equals it in every bit)."""
    fixed_ranges: bool = False
    """A task's range and clamp come from its expert runs alone where there are any (from them and
    the run that is judged together)."""
    whole_task_names: bool = False
    """Variants belong to the task whose name they begin with, up to the first `_` (to every task
    whose name occurs anywhere in theirs)."""
    tolerant_ranges: bool = False
    """A range narrower than 1e-9 of its ends is a point, and its values become 1 (the last bits by
    which smoothed constants differ are stretched to 1-101)."""
    constant_runs: bool = False
    """Normalising a run whose values are all equal gives 1, as normalising a task does (nothing
    can be computed)."""
    varying_parameters: bool = False
    """task_params may differ inside a regime (the log is refused)."""
    single_rows: bool = False
    """A log of one experience is computed (it is refused)."""
    wake_evaluations: bool = False
    """Evaluations while awake count also in a log with sleep (a single sleep regime hides them)."""
    every_transfer_pair: bool = False
    """Every task trained between two evaluations is a source of the transfer (only the last in
    order of appearance)."""
    untrained_transfer: bool = False
    """Between two evaluations in which the target itself was trained there is no transfer (its
    own learning counts as transfer)."""
    all_transfer_values: bool = False
    """The lifetime's transfer is the mean over all values of all pairs (over the first of each)."""
    positive_transfer: bool = False
    """Ratio and contrast need performance that is not negative (-5 after -10 is a ratio of 0.5)."""
    separate_slopes: bool = False
    """A task without a slope is not judged by it (one such task removes the sample efficiency of
    all tasks)."""

    def on(self) -> tuple[str, ...]:
        """The names of the switches that are on."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))

    def with_one_more(self) -> Iterator[tuple[str, Corrections]]:
        """Every switch that is off, and the corrections with it on."""
        for field in fields(self):
            if not getattr(self, field.name):
                yield field.name, replace(self, **{field.name: True})


PARITY = Corrections()
STRICT = Corrections(**{field.name: True for field in fields(Corrections)})

REASONS: dict[str, str] = {
    "exact_numbers": "numbers are read as the nearest double",
    "centred_smoothing": "the smoothing window is centred",
    "single_smoothing": "saturation is not smoothed a second time",
    "tolerant_saturation": "a plateau is reached where it begins, rounding aside",
    "fixed_ranges": "the range of a task is that of its expert runs",
    "whole_task_names": "variants are matched to tasks by the whole name",
    "tolerant_ranges": "differences in the last bits of a constant are not stretched",
    "constant_runs": "a run of equal values is normalised to 1",
    "varying_parameters": "task_params may differ inside a regime",
    "single_rows": "a log of one experience is computed",
    "wake_evaluations": "evaluations while awake count although there is sleep",
    "every_transfer_pair": "every task trained between two evaluations is a source of transfer",
    "untrained_transfer": "learning of the target itself is not counted as transfer",
    "all_transfer_values": "all transfer values are averaged, not the first of each pair",
    "positive_transfer": "transfer between negative performances is left out",
    "separate_slopes": "a task without a slope leaves the other tasks alone",
}
"""The same in a few words, for a table of differences."""


def corrections_of(mode: str) -> Corrections:
    """The corrections of a mode. Raises `UserError` for an unknown one."""
    if mode not in ("parity", "strict"):
        raise UserError(f"the mode is `parity` or `strict`, not `{mode}`")
    return STRICT if mode == "strict" else PARITY
