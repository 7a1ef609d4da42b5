"""`l2rl check`: does a component keep the promises that every component must keep?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from l2rl.errors import UserError

if TYPE_CHECKING:
    from l2rl.testing.report import CheckResult, ConformanceReport

_COLOURS = {"passed": "green", "failed": "bold red", "not applicable": "dim"}


def check(
    component: Annotated[
        str, typer.Argument(help="A registered name, or MODULE:Class importable from here.")
    ],
    learner: Annotated[
        list[str] | None, typer.Option(help="Only on this learner; may be repeated.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be repeated."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--check", help="Only this check; may be repeated.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Without Ray, compilation and the clock.")
    ] = False,
) -> None:
    """Check a component against the contract; what fails is told with a way to mend it."""
    from l2rl.testing.runner import check_component, chosen

    console = Console()
    total = len(chosen(only, fast=fast))
    done = 0

    with console.status(f"0 of {total} checks") as status:

        def on_check(result: CheckResult) -> None:
            nonlocal done
            done += 1
            status.update(f"{done} of {total} checks, last: {result.check}")

        report = check_component(
            component,
            settings_of(settings or []),
            learners=learner,
            checks=only,
            fast=fast,
            on_check=on_check,
        )
    console.print(table(report))
    for result in report.failed:
        for finding in result.findings:
            console.print(f"\n[bold red]{result.check}[/]: {escape(result.title)}")
            console.print(escape(str(finding)), highlight=False)
    if not report.passed:
        raise typer.Exit(1)


def table(report: ConformanceReport) -> Table:
    """One row a check."""
    title = f"{report.component}: {'conforms' if report.passed else 'does not conform'}"
    result = Table("check", "demands", "outcome", title=title)
    for one in report.results:
        outcome = f"[{_COLOURS[one.status]}]{one.status}[/]"
        reason = f": {escape(one.reason)}" if one.reason else ""
        result.add_row(one.check, escape(one.title), outcome + reason)
    return result


def settings_of(given: list[str]) -> dict[str, Any]:
    """`["strength=1.0"]` -> `{"strength": 1.0}`, values read as YAML.

    Raises `UserError` for what is no setting.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    settings = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not key or not equals:
            raise UserError(f"`--set {one}` is no setting\n  write `--set key=value`")
        try:
            settings[key] = YAML(typ="safe", pure=True).load(value)
        except YAMLError as error:
            raise UserError(f"`--set {one}`: the value is no YAML\n  quote it") from error
    return settings
