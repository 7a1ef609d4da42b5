"""The experiences of a log that count, and the regimes they form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from l2rl.errors import UserError
from l2rl.metrics.l2m.arrays import Bools, Floats, Ints, starts_of
from l2rl.metrics.l2m.options import Options
from l2rl.runs.l2logger_log import L2Log


@dataclass(frozen=True)
class Experiences:
    """Complete experiences with a performance, in order; every array has one entry for each."""

    row: Ints
    """Row in the log's table."""
    block: Ints
    experience: Ints
    """`exp_num`; the same number may occur more than once."""
    training: Bools
    """Learning as against evaluation."""
    asleep: Bools
    task: Ints
    """Index into `tasks`."""
    performance: Floats
    tasks: tuple[str, ...]
    """Names in order of first appearance."""

    def __len__(self) -> int:
        return self.row.size

    def only(self, keep: Bools) -> Experiences:
        """Those for which `keep` is true; `tasks` stays."""
        return replace(
            self,
            row=self.row[keep],
            block=self.block[keep],
            experience=self.experience[keep],
            training=self.training[keep],
            asleep=self.asleep[keep],
            task=self.task[keep],
            performance=self.performance[keep],
        )

    def regime_starts(self) -> Ints:
        """Where regimes begin: a regime ends where block, kind, subtype or task changes."""
        changes = np.zeros(max(len(self) - 1, 0), dtype=np.bool_)
        for key in (self.block, self.training, self.asleep, self.task):
            changes |= key[1:] != key[:-1]
        return starts_of(changes, len(self))


@dataclass(frozen=True)
class Regimes:
    """Stretches of one block, kind, subtype and task, the unit of every metric."""

    begin: Ints
    end: Ints
    """(regimes,) stretch `begin:end` of the experiences."""
    block: Ints
    training: Bools
    asleep: Bools
    task: Ints
    tasks: tuple[str, ...]

    def __len__(self) -> int:
        return self.begin.size

    def of_task(self, task: str) -> Bools:
        """(regimes,) whether a regime is of the task."""
        mine: Bools = self.task == self.tasks.index(task)
        return mine

    def ordered_tasks(self) -> list[str]:
        """Tasks in order of their first learning block, then those that were only evaluated."""
        order = [*self.task[self.training].tolist(), *self.task[~self.training].tolist()]
        return [self.tasks[task] for task in dict.fromkeys(order)]


def complete_experiences(log: L2Log, options: Options) -> Experiences:
    """The complete experiences of a log, missing performances included.

    Raises `UserError` if the performance column is none.
    """
    column = options.performance_column
    if column not in log.metrics_columns:
        raise UserError(
            f"{log.name} has no performance column `{column}`: its metrics columns are "
            f"{', '.join(log.metrics_columns)}. Name one with --performance-column."
        )
    table = log.table
    names = table["task_name"].combine_chunks()
    codes = names.indices.to_numpy().astype(np.int64)
    tasks = names.dictionary.to_pylist()
    complete = pc.equal(table["exp_status"], "complete").to_numpy(zero_copy_only=False)
    found = Experiences(
        row=np.arange(table.num_rows),
        block=table["block_num"].to_numpy(),
        experience=table["exp_num"].to_numpy(),
        training=pc.equal(table["block_type"], "train").to_numpy(zero_copy_only=False),
        asleep=pc.equal(table["block_subtype"], "sleep").to_numpy(zero_copy_only=False),
        task=codes,
        performance=log.values(column, exact=options.corrections.exact_numbers),
        tasks=tuple(tasks),
    )
    return found.only(complete)


def counted_experiences(log: L2Log, options: Options) -> Experiences:
    """Those that the metrics are computed from.

    Raises `UserError` if there are none, and in parity mode where l2metrics fails.
    """
    found = complete_experiences(log, options)
    found = found.only(~np.isnan(found.performance))
    if options.variants == "agnostic":
        found = without_variants(found)
    if not len(found):
        raise UserError(
            f"{log.name} has no complete experience with a value of `{options.performance_column}`."
        )
    if len(found) == 1 and not options.corrections.single_rows:
        raise UserError(
            f"{log.name} has only one experience, on which l2metrics fails; the strict mode "
            "computes it (--mode strict)."
        )
    return _in_order_of_appearance(found)


def without_variants(found: Experiences) -> Experiences:
    """Task names cut at their first `_`."""
    bases = [base_name(task) for task in found.tasks]
    unique = list(dict.fromkeys(bases))
    codes = np.array([unique.index(base) for base in bases], dtype=np.int64)
    return replace(found, task=codes[found.task], tasks=tuple(unique))


def base_name(task: str) -> str:
    """The task without its variant."""
    return task.split("_")[0]


def regimes_of(log: L2Log, found: Experiences, options: Options) -> Regimes:
    """The regimes. In parity mode raises `UserError` where `task_params` vary inside one."""
    begin = found.regime_starts()
    regimes = Regimes(
        begin=begin,
        end=np.append(begin[1:], len(found)),
        block=found.block[begin],
        training=found.training[begin],
        asleep=found.asleep[begin],
        task=found.task[begin],
        tasks=found.tasks,
    )
    if options.variants == "aware" and not options.corrections.varying_parameters:
        _check_parameters(log, found, regimes)
    return regimes


def _check_parameters(log: L2Log, found: Experiences, regimes: Regimes) -> None:
    parameters = log.table["task_params"].combine_chunks().take(pa.array(found.row))
    codes = parameters.indices.to_numpy()
    differs = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    inside = np.setdiff1d(differs, regimes.begin)
    if inside.size:
        raise UserError(
            f"{log.place(int(found.row[inside[0]]))}: task_params differ from the experience "
            "before in the same regime, on which l2metrics fails. Put what varies by episode "
            "into a column of its own, or use --variants agnostic or --mode strict."
        )


def _in_order_of_appearance(found: Experiences) -> Experiences:
    codes, first = np.unique(found.task, return_index=True)
    order = codes[np.argsort(first)]
    new = np.zeros(len(found.tasks), dtype=np.int64)
    new[order] = np.arange(order.size)
    return replace(
        found, task=new[found.task], tasks=tuple(found.tasks[code] for code in order.tolist())
    )
