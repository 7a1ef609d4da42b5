"""Export of a run to the log format of the L2M community, version 1.1 (l2logger 1.8.2, MIT).

    l2logger/<experiment>_<variant>_seed<n>-<unixtime>/
        logger_info.json  scenario_info.json
        worker-default/<block_num>-<train|test>/data-log.tsv

What the rows are is said in `l2logger_view.py`. l2metrics judges maintenance and transfer by
evaluations of the subtype `sleep` alone once there is one, and finds none if they are few;
`sleep_as_wake` exports them as ordinary evaluations instead.
Timestamps are UTC. The original writes local time, which runs backwards once a year.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from l2rl.runs.l2logger_view import view_of_run
from l2rl.runs.l2logger_writer import write_l2logger
from l2rl.runs.run_directory import RunDirectory


def export_l2logger(run: RunDirectory, *, sleep_as_wake: bool = False) -> Path:
    """Write the run's episodes in the L2M format and return the directory to give to l2metrics.

    Replaces an earlier export. Works on unfinished runs. Raises `UserError` if the log is damaged.
    """
    log = view_of_run(run, sleep_as_wake=sleep_as_wake)
    fresh = run.l2logger_path.with_name("l2logger.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    write_l2logger(log, fresh / log.name)
    _replace(run.l2logger_path, fresh)
    return run.l2logger_path / log.name


def _replace(target: Path, fresh: Path) -> None:
    """Put `fresh` in the place of `target`; what a crash leaves is swept by the next export."""
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
