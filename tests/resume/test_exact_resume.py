"""A run that is killed at any moment and resumed ends bit-identical to an undisturbed one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from l2rl import running
from l2rl.errors import UserError
from l2rl.runs.tidy_log import read_log
from tests.support import masked_env  # noqa: F401 - registers the ids
from tests.support.runs import (
    assert_same_life,
    differences,
    final_state,
    resume_killed,
    run_killed,
    run_whole,
)

PPO = """
experiment: resumed
seed: 5
agent:
  learner: ppo
  n_envs: 4
  settings: {n_steps: 16, batch_size: 32, n_epochs: 2}
curriculum:
  visibility: labels
  tasks: {beacon: minigames/MoveToBeacon, shards: minigames/CollectMineralShards}
  blocks:
    - {learn: beacon, env_steps: 700}
    - {learn: shards, env_steps: 500}
    - {learn: beacon, episodes: 3}
evaluation: {interval_env_steps: 300, episodes: 2, n_envs: 2}
checkpoint: {interval_env_steps: 150, interval_s: null}
logging: {interval_env_steps: 100}
"""
DQN = """
experiment: resumed
seed: 6
agent:
  learner: dqn
  n_envs: 4
  settings: {learning_starts: 100, batch_size: 16, buffer_size: 500, target_update_interval: 200}
curriculum:
  visibility: boundaries
  tasks: {beacon: minigames/MoveToBeacon, shards: minigames/CollectMineralShards}
  blocks: [{learn: beacon, env_steps: 700}, {evaluate: all}, {learn: shards, env_steps: 500}]
at_boundary: {optimiser: reset, buffer: clear, exploration: restart}
evaluation: {interval_env_steps: 300, episodes: 2, n_envs: 2, deterministic: false}
checkpoint: {interval_env_steps: 150, interval_s: null}
logging: {interval_env_steps: 100}
"""
SAC = """
experiment: resumed
seed: 7
agent:
  learner: sac
  n_envs: 2
  settings: {learning_starts: 50, batch_size: 16, buffer_size: 500}
curriculum:
  visibility: hidden
  tasks: {up: Pendulum-v1, heavy: {env: Pendulum-v1, parameters: {g: 40.0}}}
  blocks: [{learn: up, env_steps: 300}, {learn: heavy, env_steps: 250}]
evaluation: {interval_env_steps: 200, episodes: 2, n_envs: 2}
checkpoint: {interval_env_steps: 90, interval_s: null}
logging: {interval_env_steps: 50}
"""
CASES = {"ppo": PPO, "dqn": DQN, "sac": SAC}

DETECTOR = """    detection.loss_deviation:
      chunk_env_steps: 8
      warmup_env_steps: 100
      dwell_env_steps: 50
      deviations: 2
      reward_rise: 0.05
      dynamics_rise: 0.05
      model: {memory_transitions: 64}
"""
COMMON = """    consolidation.ewc: {strength: 10, critic_strength: 1, fisher_samples: 32}
    experts.pool: {max_experts: 3}
    plasticity.monitor: {interval_env_steps: 100, probe_size: 32}
"""
OFF_POLICY = """    replay.reservoir: {recent_share: 0.3}
    replay_ratio.adaptive: {low: 0.25, high: 0.5, check_interval_env_steps: 60, tolerance: 0.05}
"""


def with_components(yaml: str, components: str, **changes: str) -> str:
    """The experiment with components on its agent, and every boundary hidden."""
    for old, new in changes.items():
        yaml = yaml.replace(f"visibility: {old}", f"visibility: {new}")
    yaml = yaml.replace(
        "at_boundary: {optimiser: reset, buffer: clear, exploration: restart}",
        "at_boundary: {optimiser: reset, buffer: clear}",
    )
    return yaml.replace("curriculum:\n", f"  components:\n{components}curriculum:\n", 1)


def under_masks(yaml: str) -> str:
    """The experiment with action masks."""
    return yaml.replace("  n_envs: 4\n", "  n_envs: 4\n  action_masks: true\n", 1)


COMPOSED = {
    "ppo-hidden": with_components(PPO, DETECTOR + COMMON, labels="hidden"),
    "ppo-labels": with_components(PPO, COMMON),
    "dqn-hidden": with_components(DQN, DETECTOR + COMMON + OFF_POLICY, boundaries="hidden"),
    "dqn-masked": with_components(
        under_masks(DQN), DETECTOR + COMMON + OFF_POLICY, boundaries="hidden"
    ),
    "sac-hidden": with_components(SAC, DETECTOR + COMMON + OFF_POLICY),
    "sac-labels": with_components(SAC, COMMON + OFF_POLICY, hidden="labels"),
}


@pytest.mark.parametrize("learner", CASES)
def test_killed_and_resumed_is_the_same_life(learner: str, tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(CASES[learner])
    whole = run_whole(yaml, tmp_path / "whole")
    chance = random.Random(learner)
    for attempt in range(3):
        path = run_killed(yaml, tmp_path / f"killed-{attempt}", chance.randint(2, 15))
        resume_killed(path, chance.randint(1, 5))
        running.resume(path)
        assert_same_life(whole.path, path)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPOSED)
def test_with_all_components_too(name: str, tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(COMPOSED[name])
    whole = run_whole(yaml, tmp_path / "whole")
    names = {
        row["metric"] for row in read_log(whole.log_path).to_pylist() if row["kind"] == "event"
    }
    assert {"consolidated", "expert_spawned"} <= names, "the test must reach what it is about"
    chance = random.Random(name)
    for attempt in range(2):
        path = run_killed(yaml, tmp_path / f"killed-{attempt}", chance.randint(3, 15))
        resume_killed(path, chance.randint(2, 8))
        running.resume(path)
        assert_same_life(whole.path, path)


MASKED = """
experiment: resumed
agent: {{learner: {learner}, n_envs: 2, action_masks: true, settings: {settings}}}
curriculum:
  tasks: {{told: l2rl-test/ShownMasks-{offers}-v0}}
  blocks: [{{learn: told, env_steps: 200}}]
evaluation: {{interval_env_steps: 100, episodes: 2, n_envs: 2}}
checkpoint: {{interval_env_steps: 30, interval_s: null}}
"""
UNDER_MASKS = {
    "ppo": ("info", "{n_steps: 15, batch_size: 30, n_epochs: 1}"),
    "dqn": ("method", "{learning_starts: 20, batch_size: 8, buffer_size: 60, n_steps: 2}"),
}


@pytest.mark.parametrize("learner", UNDER_MASKS)
def test_masks_told_by_environments_are_resumed(learner: str, tmp_path: Path) -> None:
    offers, settings = UNDER_MASKS[learner]
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(MASKED.format(learner=learner, offers=offers, settings=settings))
    whole = run_whole(yaml, tmp_path / "whole")
    path = run_killed(yaml, tmp_path / "killed", {"ppo": 6, "dqn": 15}[learner])
    assert len(list((path / "checkpoints").glob("env-steps-*"))) == 2, "not only that of birth"
    running.resume(path)
    first, second = final_state(whole.path), final_state(path)
    # Not all of `env`: it reports the generator of the action space that DQN was born with.
    for one, other in (
        (first["agent"], second["agent"]),
        (first["env"]["episodes"], second["env"]["episodes"]),
        (first["generators"], second["generators"]),
    ):
        assert differences(one, other) == []
    names = ("log/log.parquet", "metrics.json")
    assert all((whole.path / n).read_bytes() == (path / n).read_bytes() for n in names)


def test_a_run_killed_before_its_first_checkpoint_begins_again(tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(PPO)
    whole = run_whole(yaml, tmp_path / "whole")
    path = run_killed(yaml, tmp_path / "killed", 1)
    assert not list((path / "checkpoints").glob("env-steps-*"))
    running.resume(path)
    assert_same_life(whole.path, path)


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(PPO)
    whole = run_whole(yaml, tmp_path / "whole")
    path = run_killed(yaml, tmp_path / "killed", 12)
    newest = sorted((path / "checkpoints").iterdir())[-1]
    with (newest / "tensors.pt").open("r+b") as file:
        file.truncate(1000)
    messages: list[str] = []

    class Listener:
        def on_progress(self, lifetime: object) -> None:
            pass

        def on_message(self, text: str) -> None:
            messages.append(text)

    running.resume(path, observer=Listener())
    assert newest.name in messages[0]
    assert "SHA-256" in messages[0]
    assert_same_life(whole.path, path)


def test_without_any_sound_checkpoint_the_way_out_is_told(tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(PPO)
    path = run_killed(yaml, tmp_path, 5)
    for checkpoint in (path / "checkpoints").iterdir():
        (checkpoint / "manifest.json").unlink()
    with pytest.raises(UserError, match="--force"):
        running.resume(path)


def test_checkpoints_do_not_touch_the_life(tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(DQN)
    often = run_whole(yaml, tmp_path / "often")
    never = run_whole(yaml, tmp_path / "never", ["checkpoint.interval_env_steps=1000000"])
    assert final_state(often.path)["position"] == final_state(never.path)["position"]
    assert_same_life(often.path, never.path)
