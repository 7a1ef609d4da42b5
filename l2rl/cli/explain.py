"""`l2rl explain`: the agent as it would be, before it is."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from l2rl.assembly import check_agent, check_composition, check_environments
from l2rl.capabilities import options_of
from l2rl.component import HOOKS, Component, overridden_hooks
from l2rl.composition import Composition
from l2rl.config import LoadedExperiment, dump

PHASES = {
    "ppo": ("policy",),
    "dqn": ("q",),
    "sac": ("entropy", "critic", "actor"),
    "td3": ("critic", "actor"),
    "tqc": ("entropy", "critic", "actor"),
    "qrdqn": ("q",),
    "crossq": ("critic", "entropy", "actor"),
}


def explanation(loaded: LoadedExperiment) -> Iterator[RenderableType]:
    """Summary, components, hooks in their order, and the resolved configuration."""
    composition = check_composition(loaded)
    check_environments(loaded)
    check_agent(loaded)
    yield summary(loaded, composition)
    if composition.components:
        yield components(composition)
        yield hooks(composition)
    yield "\n[bold]resolved configuration[/]"
    # Not marked up: YAML may contain square brackets.
    yield _plain(dump(loaded.resolved))


def _plain(text: str) -> RenderableType:
    from rich.text import Text

    return Text(text)


def summary(loaded: LoadedExperiment, composition: Composition) -> Table:
    """The learner, what the run offers, the curriculum."""
    config, curriculum = loaded.config, loaded.curriculum
    table = Table(show_header=False, box=None, title=f"experiment {config.experiment}")
    total = curriculum.total_env_steps()
    table.add_row("learner", f"{config.agent.learner}, {config.agent.n_envs} environments")
    table.add_row("one update", " -> ".join(PHASES[config.agent.learner]))
    table.add_row("action masks", "in use" if config.agent.action_masks else "not in use")
    table.add_row(
        "curriculum",
        f"{curriculum.name}: {len(curriculum.blocks)} blocks, {len(curriculum.tasks)} tasks, "
        f"visibility {curriculum.visibility}",
    )
    table.add_row("env steps", f"{total:,}" if total else "counted in episodes")
    table.add_row("offered", ", ".join(sorted(composition.offered)))
    table.add_row("content hash", loaded.content_hash[:16])
    return table


def components(composition: Composition) -> Table:
    """Every component: what it needs (or uses where offered), who offers it, what it provides."""
    table = Table(title="components, in their order of call")
    for column in ("component", "type", "needs", "got from", "provides"):
        table.add_column(column, overflow="fold")
    for component in composition.components:
        needs, provides = component.requirements()
        table.add_row(
            component.name,
            component.type_name,
            "\n".join([*map(str, needs), *(f"({u})" for u in component.uses)]) or "-",
            "\n".join(
                _givers(composition, component, options_of(n)) or "-"
                for n in (*needs, *component.uses)
            )
            or "-",
            "\n".join(provides) or "-",
        )
    return table


def _givers(composition: Composition, component: Component, options: tuple[str, ...]) -> str:
    givers = []
    for option in options:
        provider = composition.provider(option)
        if provider is not None and provider is not component:
            givers.append(provider.name)
        elif option in composition.offered:
            givers.append("the run")
    return " or ".join(dict.fromkeys(givers))


def hooks(composition: Composition) -> Table:
    """Every hook somebody takes part in, and who, in order."""
    table = Table(title="hooks, in the order in which they occur")
    table.add_column("hook")
    table.add_column("called, in this order", overflow="fold")
    used = {hook for c in composition.components for hook in overridden_hooks(c)}
    for hook in HOOKS:
        if hook in used:
            table.add_row(hook, " -> ".join(c.name for c in composition[hook]))
    return table
