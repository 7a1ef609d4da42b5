"""`agent: {action_masks: true}` in experiments: explained, and refused where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from l2rl.assembly import check_environments
from l2rl.cli.explain import explanation
from l2rl.config import ConfigError, load_experiment
from tests.support import masked_env  # noqa: F401 - registers the ids

YAML = """
agent:
  learner: {learner}
  action_masks: {masks}
curriculum: {{tasks: {{only: {task}}}, blocks: [{{learn: only, env_steps: 50}}]}}
"""


def written(tmp_path: Path, task: str, learner: str = "ppo", masks: str = "true") -> Path:
    path = tmp_path / "exp.yaml"
    path.write_text(YAML.format(task=task, learner=learner, masks=masks))
    return path


@pytest.mark.parametrize(("masks", "told"), [("true", "in use"), ("false", "not in use")])
def test_explain_tells_whether_masks_are_in_use(masks: str, told: str, tmp_path: Path) -> None:
    loaded = load_experiment(written(tmp_path, "minigames/MoveToBeacon", masks=masks))
    table = next(iter(explanation(loaded)))
    names, values = (list(column.cells) for column in table.columns)  # type: ignore[union-attr]
    assert values[names.index("action masks")] == told
    assert loaded.resolved["agent"]["action_masks"] == (masks == "true")


MISFITS = {
    "no masks": ("CartPole-v1", "task `only`: ReplayVecEnv CartPole-v1 offers no action masks"),
    "continuous": ("Pendulum-v1", "task `only`: actions in Box(-2.0, 2.0, (1,), float32)"),
    "nothing valid": (
        "{env: l2rl-test/ShownMasks-method-v0, parameters: {empty_after: 0}}",
        "has no valid action at its first step",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_cannot_be_masked_is_told_at_the_setting(misfit: str, tmp_path: Path) -> None:
    task, message = MISFITS[misfit]
    path = written(tmp_path, task)
    with pytest.raises(ConfigError) as refused:
        check_environments(load_experiment(path))
    assert message in str(refused.value)
    assert (refused.value.line, refused.value.column) == (4, 17)
    assert refused.value.hint
    check_environments(load_experiment(path, ["agent.action_masks=false"]))


@pytest.mark.parametrize("offers", ["method", "info"])
@pytest.mark.parametrize("learner", ["ppo", "dqn"])
def test_gymnasium_ids_with_masks_are_taken(learner: str, offers: str, tmp_path: Path) -> None:
    task = f"l2rl-test/ShownMasks-{offers}-v0"
    check_environments(load_experiment(written(tmp_path, task, learner)))
