"""From a curriculum as it is written to plain tasks and blocks: groups and scenarios written out.

What comes out stands in the run's `config.yaml`, so that a resumed run needs no generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from l2rl.config.blocks import AnyBlock, EvaluateBlock, LearnBlock
from l2rl.config.curricula import MOST_BLOCKS, CurriculumConfig
from l2rl.config.document import MAXIMUM_BYTES, Node
from l2rl.config.errors import Problem
from l2rl.config.known_tasks import TASKS, KnownTasks, known_tasks
from l2rl.config.models import ExperimentConfig
from l2rl.config.problems import Finding, located
from l2rl.config.scenario_base import SCENARIO, Birth, Scenario
from l2rl.config.tasks import TaskGroupConfig


def written_out(
    config: ExperimentConfig, document: Node
) -> tuple[ExperimentConfig | None, list[Problem]]:
    """The same with plain tasks and blocks only, or what is wrong with its names and scenario.

    The document learns where the new tasks were written, for later complaints about them.
    """
    curriculum = config.curriculum
    known, findings = known_tasks(curriculum.tasks)
    blocks = list(curriculum.sequence)
    if not findings and curriculum.scenario is not None:
        birth = Birth(config.seed, config.agent.n_envs)
        known, blocks, findings = _generated(curriculum.scenario, known, birth, curriculum.repeat)
    if not findings:
        findings = [
            *_wrong_blocks(curriculum.sequence, known),
            *known.wrong_names(("evaluation", "tasks"), config.evaluation.tasks),
        ]
    if findings:
        return None, located(findings, document)
    _place_tasks(document, curriculum, known)
    return _replaced(config, known, blocks), []


def _generated(
    scenario: Scenario, known: KnownTasks, birth: Birth, repeat: int
) -> tuple[KnownTasks, list[AnyBlock], list[Finding]]:
    findings = list(scenario.findings(known))
    if findings:
        return known, [], findings
    generated = scenario.generate(known, birth)
    known = generated.known
    if scenario.evaluate is not None:
        findings += known.wrong_names((*SCENARIO, "evaluate"), scenario.evaluate)
    if findings:
        return known, [], findings
    blocks = list(islice(scenario.blocks(generated), MOST_BLOCKS // repeat + 1))
    return known, blocks, list(_unlivable(blocks, repeat))


def _unlivable(blocks: list[AnyBlock], repeat: int) -> Iterator[Finding]:
    """Nothing to live through, or more than a curriculum may have or its file can hold."""
    if not blocks:
        hint = "give more `periods`, higher frequencies, or another `seed`"
        yield SCENARIO, "the scenario has no block: no task was drawn in any period", hint
    elif len(blocks) * repeat > MOST_BLOCKS or not _fits_in_a_file(blocks):
        message = f"the scenario has more blocks than a curriculum may have ({MOST_BLOCKS})"
        yield SCENARIO, message, "lower the numbers that multiply: `repeat`, cycles, periods, tasks"


def _fits_in_a_file(blocks: list[AnyBlock]) -> bool:
    """Whether the resolved configuration can be read again, with room for all else in it."""
    names = (name for block in blocks for name in _names_in(block))
    return 60 * len(blocks) + sum(20 + len(name) for name in names) < MAXIMUM_BYTES / 2


def _names_in(block: AnyBlock) -> list[str]:
    if isinstance(block, LearnBlock):
        return [block.learn]
    if isinstance(block, EvaluateBlock) and isinstance(block.evaluate, list):
        return block.evaluate
    return []


def _wrong_blocks(blocks: Sequence[AnyBlock], known: KnownTasks) -> Iterator[Finding]:
    for index, block in enumerate(blocks):
        path = ("curriculum", "blocks", index)
        if isinstance(block, LearnBlock):
            yield from known.wrong_name((*path, "learn"), block.learn)
        elif isinstance(block, EvaluateBlock):
            yield from known.wrong_names((*path, "evaluate"), block.evaluate)


# ---- what comes out ------------------------------------------------------------------------


def _replaced(
    config: ExperimentConfig, known: KnownTasks, blocks: Sequence[AnyBlock]
) -> ExperimentConfig:
    written, evaluation = config.curriculum, config.evaluation
    changes: dict[str, Any] = {
        "tasks": dict(known.tasks),
        "blocks": [_by_full_names(block, known) for block in blocks],
        "scenario": None,
    }
    if written.scenario is not None:
        changes["generated_by"] = written.scenario.model_dump(exclude_none=True)
    measured = _full_names(evaluation.tasks, known)
    return config.model_copy(
        update={
            "curriculum": written.model_copy(update=changes),
            "evaluation": evaluation.model_copy(update={"tasks": measured}),
        }
    )


def _by_full_names(block: AnyBlock, known: KnownTasks) -> AnyBlock:
    if isinstance(block, EvaluateBlock):
        return EvaluateBlock(evaluate=_full_names(block.evaluate, known))
    return block


def _full_names(names: list[str] | Any, known: KnownTasks) -> Any:
    """`all` stays what it is, so that it keeps its meaning when the file is read again."""
    return names if isinstance(names, str) else list(known.named(names))


def _place_tasks(document: Node, written: CurriculumConfig, known: KnownTasks) -> None:
    """Let complaints about tasks that were made point at what they were made from."""
    tasks = document.find(TASKS)
    if tasks is None:
        return
    places = dict(tasks.content)
    for name, entry in written.tasks.items():
        if isinstance(entry, TaskGroupConfig):
            for member in known.members(name):
                places.setdefault(member, places[name])
    scenario = document.find(SCENARIO)
    for name in known.tasks:
        if scenario is not None:
            places.setdefault(name, scenario)
    tasks.content = {name: places[name] for name in known.tasks}
