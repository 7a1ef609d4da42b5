"""`l2rl metrics TABLE.csv`: metrics of evaluations that another tool wrote down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import RenderableType

    from l2rl.metrics.run_log import RunLog

Runs = dict[tuple[str, int], "RunLog"]


def is_table(path: Path) -> bool:
    """Whether a path is meant as a table of evaluations."""
    from l2rl.runs.matrix_table import TABLES

    return path.suffix in TABLES and not path.is_dir()


def table_metrics(paths: Iterable[Path], output: Path | None, formats: Sequence[str]) -> None:
    """Print the metrics of tables, or write them to a folder as `<table>_metrics.<format>`.

    Raises `UserError` with file and line for a bad table.
    """
    from l2rl.cli.main import out
    from l2rl.errors import UserError
    from l2rl.metrics.tables import logs_of_table
    from l2rl.runs.files import write_bytes_atomically

    for path in paths:
        runs = logs_of_table(path)
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            for kind in formats or ("json", "tsv", "parquet"):
                target = output / f"{path.stem}_metrics.{kind}"
                write_bytes_atomically(target, _as_file(runs, kind))
        elif not formats:
            for part in _shown(runs):
                out.print(part)
        elif len(formats) > 1 or formats[0] == "parquet":
            raise UserError("without --output, one --format json or --format tsv can be printed")
        else:
            print(_as_file(runs, formats[0]).decode(), end="")


def _as_file(runs: Runs, kind: str) -> bytes:
    from l2rl.metrics.compute import compute_metrics
    from l2rl.runs.files import plain
    from l2rl.runs.matrix_table import table_bytes

    if kind != "json":
        return table_bytes(_rows(runs), f".{kind}")
    whole = [
        {"run": name, "seed": seed, **compute_metrics(run)} for (name, seed), run in runs.items()
    ]
    text = json.dumps(plain(whole), sort_keys=True, indent=2, allow_nan=False)
    return (text + "\n").encode()


def _rows(runs: Runs) -> pa.Table:
    import pyarrow as pa

    from l2rl.metrics.registry import all_figures
    from l2rl.metrics.tables import METRICS_SCHEMA, metrics_rows

    tables = [
        metrics_rows(name, "", seed, all_figures(run).items()) for (name, seed), run in runs.items()
    ]
    return pa.concat_tables([METRICS_SCHEMA.empty_table(), *tables])


def _shown(runs: Runs) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    from l2rl.metrics.registry import all_figures
    from l2rl.report.style import number

    for (name, seed), run in runs.items():
        table = Table("metric", "", "", title=Text(f"{name}  seed {seed}"), title_justify="left")
        table.columns[0].no_wrap, table.columns[1].justify = True, "right"
        for metric, figure in all_figures(run).items():
            table.add_row(Text(metric), number(figure.value), Text(figure.reason or ""))
        yield table
