"""Running and resuming one experiment as a whole: directory, lifetime, and what is left behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from l2rl.assembly import check_agent, check_composition, check_environments
from l2rl.composition import Composition
from l2rl.config import LoadedExperiment, load_experiment
from l2rl.lifetime import Lifetime
from l2rl.lifetime_position import Observer, Stopped
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tensorboard import require_tensorboard
from l2rl.runs.tidy_log import read_log
from l2rl.runs.timing import write_timing
from l2rl.task_environments import environment_versions, return_ranges

DEFAULT_ROOT = Path("runs")


def check(loaded: LoadedExperiment) -> Composition:
    """Everything that can be known before anything starts. Raises `ConfigError`."""
    composition = check_composition(loaded)
    check_environments(loaded)
    check_agent(loaded)
    if loaded.config.logging.tensorboard:
        require_tensorboard()
    return composition


def start(
    loaded: LoadedExperiment,
    *,
    root: Path = DEFAULT_ROOT,
    variant: str = "default",
    force: bool = False,
    observer: Observer | None = None,
    command_line: Sequence[str] | None = None,
    path: Path | None = None,
    notes: Mapping[str, Any] | None = None,
) -> RunDirectory:
    """Run an experiment from birth to report. Raises `UserError`, `ConfigError`, `Stopped`.

    `path`: of the directory, by default by the names; `notes`: more fields of the manifest.
    """
    composition = check(loaded)
    config = loaded.config
    run = RunDirectory.create(
        root,
        config.experiment,
        variant,
        config.seed,
        loaded.text,
        tasks=loaded.curriculum.tasks,
        environments=environment_versions(loaded.curriculum),
        command_line=command_line,
        force=force,
        path=path,
    )
    run.update_manifest(
        content_hash=loaded.content_hash,
        scenario=loaded.curriculum.scenario,
        return_ranges=return_ranges(loaded.curriculum),
        components=_described(composition),
        **(notes or {}),
    )
    with _kept(run):
        _live(Lifetime(loaded, run, observer), run)
    return run


def resume(path: Path, *, observer: Observer | None = None) -> RunDirectory:
    """Go on with a run that was stopped, killed or failed; a complete one is left as it is."""
    run = RunDirectory.open(path, writing=True)
    with _kept(run):
        if run.manifest["state"] == "complete":
            return run
        loaded = load_experiment(run.config_path, check_paths=False)
        check(loaded)
        lifetime = Lifetime(loaded, run, observer)
        lifetime.resume()
        run.set_state("running")
        _live(lifetime, run)
    return run


def _live(lifetime: Lifetime, run: RunDirectory) -> None:
    try:
        with _stopping_on_signals(lifetime.request_stop):
            lifetime.live()
    finally:
        write_timing(run, read_log(run.log_path))
    finish(lifetime, run)


def _described(composition: Composition) -> dict[str, dict[str, Any]]:
    """`{name: {type, provides}}` of every component, for whoever reads the run later."""
    return {
        component.name: {
            "type": component.type_name,
            "provides": sorted(component.requirements()[1]),
        }
        for component in composition.components
    }


def finish(lifetime: Lifetime, run: RunDirectory) -> None:
    """What a finished lifetime leaves: one log, its exports, metrics and report."""
    lifetime.log.compact()
    write_results(run)
    run.set_state("complete")
    write_report_of(run)


def write_results(run: RunDirectory) -> None:
    """Metrics and the l2logger export, from the log alone."""
    from l2rl.metrics.compute import write_metrics
    from l2rl.metrics.run_log import RunLog
    from l2rl.runs.l2logger_format import export_l2logger

    write_metrics(run.metrics_path, RunLog.open(run))
    export_l2logger(run)


def write_report_of(run: RunDirectory) -> Path:
    """The HTML report, from the log alone."""
    from l2rl.report.page import write_report

    return write_report(run)


@contextmanager
def _kept(run: RunDirectory) -> Iterator[None]:
    """Whatever happens to the run, its manifest says so, and its lock is given back."""
    try:
        yield
    except (Stopped, KeyboardInterrupt):
        run.set_state("stopped", "asked to stop")
        raise
    except BaseException as error:
        run.set_state("failed", f"{type(error).__name__}: {error}")
        raise
    finally:
        run.close()


@contextmanager
def _stopping_on_signals(request_stop: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks for a stop at the next safe point; the second is final."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: Any) -> None:
        request_stop()
        signal.signal(number, before[signal.Signals(number)])

    for one in before:
        signal.signal(one, ask)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
