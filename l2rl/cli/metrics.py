"""`l2rl metrics DIR...`: metrics of runs of ours and of anyone's L2M logs, printed and as files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l2rl.cli.table_metrics import is_table, table_metrics

if TYPE_CHECKING:
    from l2rl.metrics.l2m.experts import ExpertRuns
    from l2rl.metrics.l2m.files import Analysis
    from l2rl.metrics.l2m.options import Options


Directories = Annotated[
    list[Path],
    typer.Argument(
        help="Run directories, L2M log directories, folders of them, or tables of evaluations "
        "(csv, tsv, parquet)."
    ),
]
Mode = Annotated[
    str,
    typer.Option(
        metavar="parity|strict",
        help="parity: as l2metrics 3.1.0 computes them; strict: with its defects mended.",
    ),
]
Column = Annotated[
    str, typer.Option(metavar="NAME", help="Column of the log that is the performance.")
]
Aggregate = Annotated[
    str, typer.Option(metavar="mean|median", help="Over tasks, to one lifetime figure.")
]
Maintenance = Annotated[
    str,
    typer.Option(
        metavar="mrlep|mrtlp|both",
        help="Evaluations against the evaluation after learning, or the end of learning.",
    ),
]
Transfer = Annotated[
    str, typer.Option(metavar="ratio|contrast|both", help="How transfer is measured.")
]
Normalise = Annotated[
    str, typer.Option(metavar="task|run|none", help="Whose range becomes 1 to 101.")
]
Smooth = Annotated[
    str,
    typer.Option(
        metavar="flat|hanning|hamming|bartlett|blackman|none",
        help="Window over each learning block.",
    ),
]
Window = Annotated[
    int | None,
    typer.Option(help="Episodes in the window; default: a fifth of the block, at most 100."),
]
SmoothEvaluations = Annotated[
    bool, typer.Option("--smooth-evaluations", help="Smooth evaluation blocks too.")
]
Clamp = Annotated[
    bool, typer.Option("--clamp", help="Clamp to the range, or to quantiles 0.1 and 0.9.")
]
Ranges = Annotated[
    Path | None, typer.Option(metavar="FILE", help='JSON: {"task": {"min": 0, "max": 100}, ...}.')
]
Variants = Annotated[
    str, typer.Option(metavar="aware|agnostic", help="Are variants of a task different tasks?")
]
Experts = Annotated[
    list[Path] | None,
    typer.Option("--expert", metavar="DIR", help="Run of a single-task expert; repeatable."),
]
ExpertAveraging = Annotated[
    str,
    typer.Option(
        metavar="metrics|time", help="Average metrics over experts, or first the experts."
    ),
]
Noise = Annotated[
    tuple[float, float],
    typer.Option(metavar="MEAN STD", help="Gaussian noise on the normalised performance."),
]
NoiseSeed = Annotated[int, typer.Option(help="Seed of the noise.")]
Output = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where to write files; default: nowhere.")
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="json|tsv|parquet",
        help="Of the files, repeatable, default all; without --output what to print.",
    ),
]


def metrics(
    directories: Directories,
    mode: Mode = "parity",
    performance_column: Column = "reward",
    aggregate: Aggregate = "mean",
    maintenance: Maintenance = "mrlep",
    transfer: Transfer = "ratio",
    normalise: Normalise = "task",
    smooth: Smooth = "flat",
    window: Window = None,
    smooth_evaluations: SmoothEvaluations = False,
    clamp: Clamp = False,
    ranges: Ranges = None,
    variants: Variants = "aware",
    experts: Experts = None,
    expert_averaging: ExpertAveraging = "metrics",
    noise: Noise = (0.0, 0.0),
    noise_seed: NoiseSeed = 0,
    output: Output = None,
    formats: Formats = None,
) -> None:
    """Compute the metrics of runs, and the L2M metrics of anyone's l2logger directories."""
    from l2rl.metrics.l2m.corrections import corrections_of
    from l2rl.metrics.l2m.options import Options
    from l2rl.metrics.l2m.ranges import read_ranges

    options = Options(
        corrections=corrections_of(mode),
        performance_column=performance_column,
        variants=variants,  # type: ignore[arg-type]
        expert_averaging=expert_averaging,  # type: ignore[arg-type]
        aggregate=aggregate,  # type: ignore[arg-type]
        maintenance=maintenance,  # type: ignore[arg-type]
        transfer=transfer,  # type: ignore[arg-type]
        normalise=normalise,  # type: ignore[arg-type]
        smooth=smooth,  # type: ignore[arg-type]
        smooth_evaluations=smooth_evaluations,
        window=window,
        clamp=clamp,
        ranges=read_ranges(ranges) if ranges else None,
        noise_mean=noise[0],
        noise_std=noise[1],
        noise_seed=noise_seed,
    )
    wanted = _formats(formats or [])
    tables = [path for path in directories if is_table(path)]
    table_metrics(tables, output, wanted)
    directories = [path for path in directories if path not in tables]
    if not directories:
        return
    analyses = _analyses(directories, _experts(experts or []), options)
    if output is not None:
        _write(analyses, output, wanted)
    _print(analyses, [] if output is not None else wanted)


def _formats(formats: list[str]) -> list[str]:
    from l2rl.errors import UserError
    from l2rl.metrics.l2m.files import FORMATS

    for one in formats:
        if one not in FORMATS:
            raise UserError(f"there is no format `{one}`; there are {', '.join(FORMATS)}")
    return formats


def _experts(paths: list[Path]) -> ExpertRuns:
    from l2rl.metrics.l2m.experts import expert_runs
    from l2rl.runs.l2logger_find import find_logs, read_any

    return expert_runs(read_any(found) for path in paths for found in find_logs(path))


def _analyses(directories: list[Path], experts: ExpertRuns, options: Options) -> list[Analysis]:
    from l2rl.runs.l2logger_find import find_logs

    found = [path for directory in directories for path in find_logs(directory)]
    taken: dict[str, int] = {}
    analyses: list[Analysis] = []
    for path in found:
        analysis = _analysis(path, experts, options)
        taken[analysis.name] = taken.get(analysis.name, 0) + 1
        if taken[analysis.name] > 1:
            analysis = replace(analysis, name=f"{analysis.name}-{taken[analysis.name]}")
        analyses.append(analysis)
    return analyses


def _analysis(path: Path, experts: ExpertRuns, options: Options) -> Analysis:
    """One log; of a run of ours, also everything that its metrics.json has."""
    from l2rl.metrics.compute import compute_metrics
    from l2rl.metrics.l2m import compute_l2m
    from l2rl.metrics.l2m.differences import differences
    from l2rl.metrics.l2m.figures import FAMILY, figures_of
    from l2rl.metrics.l2m.files import Analysis
    from l2rl.metrics.run_log import RunLog
    from l2rl.runs.l2logger_find import is_run, read_any
    from l2rl.runs.run_directory import RunDirectory

    log = read_any(path)
    result = compute_l2m(log, experts, options)
    figures: dict[str, Any] = figures_of(result)
    if is_run(path):
        stored = compute_metrics(RunLog.open(RunDirectory.open(path)))
        others = {n: f for n, f in stored["metrics"].items() if not n.startswith(f"{FAMILY}/")}
        beside = {"cadence": stored["cadence"]}
        figures = others | {name: figure | beside for name, figure in figures.items()}
    return Analysis(log.name, path, result, figures, differences(log, experts, options))


def _write(analyses: list[Analysis], output: Path, formats: list[str]) -> None:
    from l2rl.metrics.l2m.files import FORMATS, write_analysis, write_together

    for analysis in analyses:
        write_analysis(analysis, output, formats or FORMATS)
    if len(analyses) > 1:
        write_together(analyses, output, formats or FORMATS)


def _print(analyses: list[Analysis], formats: list[str]) -> None:
    """Tables for people; or, for a program, one text of the format asked for."""
    from l2rl.cli.main import out
    from l2rl.cli.metrics_tables import as_text, shown

    if formats:
        print(as_text(analyses, formats), end="")
        return
    for analysis in analyses:
        for part in shown(analysis):
            out.print(part)
