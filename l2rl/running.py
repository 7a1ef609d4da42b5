"""Running and resuming one experiment as a whole: directory, lifetime, and what is left behind."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from l2rl.assembly import check_agent, check_composition, check_environments
from l2rl.config import LoadedExperiment, load_experiment
from l2rl.lifetime import Lifetime
from l2rl.lifetime_position import Observer, Stopped
from l2rl.runs.files import read_json, write_json
from l2rl.runs.run_directory import RunDirectory
from l2rl.task_environments import environment_versions

DEFAULT_ROOT = Path("runs")


def check(loaded: LoadedExperiment) -> None:
    """Everything that can be known before anything starts. Raises `ConfigError`."""
    check_composition(loaded)
    check_environments(loaded)
    check_agent(loaded)


def start(
    loaded: LoadedExperiment,
    *,
    root: Path = DEFAULT_ROOT,
    variant: str = "default",
    force: bool = False,
    observer: Observer | None = None,
    command_line: Sequence[str] | None = None,
) -> RunDirectory:
    """Run an experiment from birth to report. Raises `UserError`, `ConfigError`, `Stopped`."""
    check(loaded)
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
    )
    run.update_manifest(content_hash=loaded.content_hash, scenario=loaded.curriculum.scenario)
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
    wall, cpu = time.monotonic(), time.process_time()
    try:
        with _stopping_on_signals(lifetime.request_stop):
            lifetime.live()
    finally:
        _add_timing(run, time.monotonic() - wall, time.process_time() - cpu, lifetime.env_steps)
    finish(lifetime, run)


def finish(lifetime: Lifetime, run: RunDirectory) -> None:
    """What a finished lifetime leaves: one log, its exports, metrics and report."""
    lifetime.log.compact()
    write_results(run)
    run.set_state("complete")
    write_report_of(run)


def write_results(run: RunDirectory) -> None:
    """Metrics and the l2logger export, from the log alone."""
    from l2rl.metrics.compute import write_metrics
    from l2rl.runs.l2logger_format import export_l2logger
    from l2rl.runs.tidy_log import read_log

    write_metrics(run.metrics_path, read_log(run.log_path))
    export_l2logger(run)


def write_report_of(run: RunDirectory) -> Path:
    """The HTML report, from the log alone."""
    from l2rl.report.page import write_report

    return write_report(run)


def _add_timing(run: RunDirectory, wall_s: float, cpu_s: float, env_steps: int) -> None:
    """Add this process's share to what earlier ones spent on the run."""
    before = read_json(run.timing_path) if run.timing_path.is_file() else {}
    write_json(
        run.timing_path,
        {
            "wall_s": before.get("wall_s", 0.0) + wall_s,
            "cpu_s": before.get("cpu_s", 0.0) + cpu_s,
            "env_steps": env_steps,
            "processes": before.get("processes", 0) + 1,
        },
    )


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
