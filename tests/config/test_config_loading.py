"""What a good experiment becomes, and that it comes back the same from its resolved text."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
from config_fakes import GOOD

from l2rl.config import ConfigError, load_experiment, load_text
from l2rl.config.models import DQNAgent
from l2rl.config.settings import SETTINGS, Schedule
from l2rl.curriculum import Block, Task

MINIMAL = "agent: {learner: dqn}\ncurriculum: {tasks: {a: b}, blocks: [{learn: a, env_steps: 9}]}\n"


def minimal(write, text: str = "", name: str = "exp.yaml"):
    write(MINIMAL + text, name)
    return load_experiment(name)


# ---- what is loaded ------------------------------------------------------------------------


def test_good_experiment_is_typed(write):
    write(GOOD)
    loaded = load_experiment("exp.yaml")
    agent = loaded.config.agent
    assert isinstance(agent, DQNAgent)
    assert agent.settings.learning_rate == 1e-3
    assert agent.settings.gamma == 0.99
    assert agent.network is not None
    assert agent.network.layers == [64, 64]
    assert loaded.config.evaluation.at_start is True


def test_curriculum_becomes_plain_data_with_repetitions_written_out(write):
    write(GOOD)
    curriculum = load_experiment("exp.yaml").curriculum
    assert curriculum.name == "quickstart"
    assert curriculum.tasks["beacon"] == Task(
        "beacon", "minigames/MoveToBeacon", "default", {"size": 32}
    )
    assert curriculum.blocks[:5] == (
        Block("learn", ("beacon",), 100_000),
        Block("learn", ("shards",), 50_000),
        Block("evaluate", ("beacon", "shards")),
        Block("evaluate", ("beacon",)),
        Block("sleep", (), 500),
    )
    assert curriculum.blocks[5:] == curriculum.blocks[:5]


def test_components_are_validated_against_their_config(write):
    write(GOOD)
    components = load_experiment("exp.yaml").components
    assert components["ewc"].kind == "config_fakes:Penalty"
    assert components["ewc"].config == components["ewc"].cls.Config(strength=100.0)
    assert components["config_fakes:Detector"].config.window == 50


def test_short_and_full_names_of_components_are_one_type(write):
    for name in ("reservoir", "replay.reservoir"):
        loaded_type = _types(write, f"{{{name}: {{}}}}")
        assert loaded_type == {name: "replay.reservoir"}


def _types(write, components: str) -> dict[str, str]:
    """Instance name -> type, without importing the components."""
    from l2rl.config.components import normalise_components
    from l2rl.config.document import parse

    document = parse(f"agent: {{components: {components}}}", "f")
    assert normalise_components(document) == []
    entries = document.plain()["agent"]["components"]
    return {name: entry["type"] for name, entry in entries.items()}


def test_list_of_components_is_the_mapping(write):
    as_list = "[ewc, {mine: {type: reservoir}}, {loss_deviation: }]"
    assert _types(write, as_list) == _types(
        write, "{ewc: {}, mine: {type: reservoir}, loss_deviation: null}"
    )


def test_order_of_listing_components_changes_nothing(write):
    first = "    ewc: {type: 'config_fakes:Penalty'}\n"
    second = "    plain: {type: 'config_fakes:Plain'}\n"
    texts = []
    for order in (first + second, second + first):
        write(MINIMAL.replace("{learner: dqn}", f"\n  learner: dqn\n  components:\n{order}"))
        loaded = load_experiment("exp.yaml")
        texts.append((loaded.text, list(loaded.components), loaded.content_hash))
    assert texts[0] == texts[1]


def test_name_defaults_to_that_of_the_file(write):
    assert minimal(write, name="my first try.yaml").config.experiment == "my-first-try"


def test_anchors_aliases_and_merge_keys_are_allowed(write):
    write(
        "agent: {learner: dqn}\ncurriculum:\n  tasks: {a: &a {env: x, parameters: {p: 1}}, "
        "b: {<<: *a, env: y}}\n  blocks: [&l {learn: a, env_steps: 9}, {<<: *l, learn: b}, *l]\n"
    )
    curriculum = load_experiment("exp.yaml").curriculum
    assert curriculum.tasks["b"] == Task("b", "y", "default", {"p": 1})
    assert [block.task for block in curriculum.blocks] == ["a", "b", "a"]


@pytest.mark.parametrize("number", ["1e-3", "1.0e-3", "0.001", "'1e-3'"])
def test_scientific_notation_is_a_number(write, number):
    write(GOOD.replace("1.0e-3", number))
    assert load_experiment("exp.yaml").config.agent.settings.learning_rate == 0.001


@pytest.mark.parametrize(("word", "value"), [("yes", True), ("off", False), ("false", False)])
def test_words_of_truth_are_understood_where_truth_is_asked_for(write, word, value):
    assert minimal(write, f"evaluation: {{at_end: {word}}}").config.evaluation.at_end is value


def test_a_task_may_be_called_no_or_12(write):
    write(
        "agent: {learner: dqn}\ncurriculum: {tasks: {no: b, 12: c}, "
        "blocks: [{learn: no, env_steps: 1}, {learn: '12', env_steps: 1}]}"
    )
    loaded = load_experiment("exp.yaml")
    assert loaded.curriculum.learned_tasks() == ("no", "12")
    assert load_text(loaded.text).curriculum == loaded.curriculum


# ---- resolved ------------------------------------------------------------------------------


def test_resolved_text_loads_back_to_the_same(write):
    write(GOOD.replace("buffer_size: 50000", "max_grad_norm: .inf"))
    loaded = load_experiment("exp.yaml")
    again = load_text(loaded.text)
    assert again.config == loaded.config
    assert again.curriculum == loaded.curriculum
    assert again.components == loaded.components
    assert again.text == loaded.text
    assert again.content_hash == loaded.content_hash


def test_resolved_text_is_self_contained(write, tmp_path):
    write("agent: {learner: dqn}\ncurriculum: lists/two.yaml\n")
    write("tasks: {a: b}\nblocks: [{learn: a, env_steps: 3}]\n", "lists/two.yaml")
    loaded = load_experiment("exp.yaml")
    (tmp_path / "lists" / "two.yaml").unlink()
    assert loaded.curriculum.name == "two"
    assert load_text(loaded.text).config == loaded.config


def test_curriculum_path_is_relative_to_the_experiment(write):
    write("agent: {learner: dqn}\ncurriculum: ../lists/two.yaml\n", "deep/exp.yaml")
    write("tasks: {a: b}\nblocks: [{learn: a, env_steps: 3}]\n", "lists/two.yaml")
    assert load_experiment("deep/exp.yaml").curriculum.tasks["a"].env == "b"


def test_start_from_becomes_absolute_and_may_leave_out_zip(write, tmp_path):
    write(b"", "deep/model.zip")
    write(MINIMAL.replace("dqn", "dqn, start_from: model"), "deep/exp.yaml")
    loaded = load_experiment("deep/exp.yaml")
    assert loaded.config.agent.start_from == str(tmp_path / "deep" / "model.zip")
    (tmp_path / "deep" / "model.zip").unlink()
    assert load_text(loaded.text, check_paths=False).config == loaded.config


def test_hash_ignores_the_seed_and_nothing_else(write):
    write(GOOD)
    base = load_experiment("exp.yaml").content_hash
    assert load_experiment("exp.yaml", ["seed=7"]).content_hash == base
    for change in ("agent.n_envs=3", "agent.components.ewc.strength=1", "evaluation.episodes=1"):
        assert load_experiment("exp.yaml", [change]).content_hash != base


def test_hash_knows_nothing_of_spelling(write):
    write(MINIMAL + "seed: 0\nevaluation: {episodes: 20}\n", "a.yaml")
    write("experiment: a\n# the same\n" + MINIMAL.replace("9", "9.0"), "b.yaml")
    assert load_experiment("a.yaml").content_hash == load_experiment("b.yaml").content_hash


# ---- places --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("agent", "components", "ewc"), "exp.yaml:10:5"),
        (("agent", "components", "ewc", "strength"), "exp.yaml:10:51"),
        (("agent", "components", "ewc", "mode"), "exp.yaml:10:5"),
        (("agent", "n_envs"), "exp.yaml:8:11"),
        (("curriculum", "tasks", "beacon", "parameters", "size"), "exp.yaml:15:80"),
        (("curriculum", "tasks", "shards", "env"), "exp.yaml:16:13"),
        (("curriculum", "blocks", 0, "env_steps"), "exp.yaml:18:34"),
        (("checkpoint", "keep_last"), "exp.yaml:1:1"),
    ],
)
def test_later_checks_can_point_at_any_part(write, path, place):
    write(GOOD)
    loaded = load_experiment("exp.yaml")
    assert str(loaded.locate(path)) == place
    assert str(loaded.error(path, "wrong", "mend it")) == f"{place}: wrong\n  mend it"


def test_blocks_of_repetitions_are_found_where_they_are_written(write):
    write(GOOD)
    loaded = load_experiment("exp.yaml")
    assert loaded.locate(loaded.block_path(5)) == loaded.locate(("curriculum", "blocks", 0))


# ---- settings of the learners --------------------------------------------------------------


@pytest.mark.parametrize("learner", SETTINGS)
def test_settings_are_stable_baselines_arguments_with_its_defaults(learner):
    import sb3_contrib
    import stable_baselines3

    name = {"crossq": "CrossQ"}.get(learner, learner.upper())
    cls = getattr(stable_baselines3, name, None) or getattr(sb3_contrib, name)
    parameters = inspect.signature(cls).parameters
    settings = SETTINGS[learner]()
    ours = {"action_noise_std"}  # in place of a noise object, which YAML cannot hold
    for name, value in settings:
        assert name in ours or parameters[name].default == value, name
    not_yaml = {
        "policy", "env", "policy_kwargs", "seed", "device", "verbose", "tensorboard_log",
        "rollout_buffer_class", "rollout_buffer_kwargs", "replay_buffer_class",
        "replay_buffer_kwargs", "optimize_memory_usage", "action_noise", "_init_setup_model",
    }  # fmt: skip
    assert set(parameters) - not_yaml == set(type(settings).model_fields) - ours


def test_settings_build_a_learner():
    from stable_baselines3 import PPO

    clip = {"schedule": "linear", "start": 0.2, "end": 0.1}
    settings = SETTINGS["ppo"].model_validate({"clip_range": clip, "n_steps": 4, "batch_size": 4})
    model = PPO("MlpPolicy", "CartPole-v1", **dict(settings))
    assert model.clip_range(0.5) == pytest.approx(0.15)


def test_schedules_follow_the_progress_that_remains():
    linear = Schedule(schedule="linear", start=1.0, end=0.5)
    assert [linear(remaining) for remaining in (1.0, 0.5, 0.0)] == [1.0, 0.75, 0.5]
    assert Schedule(schedule="constant", start=0.3)(0.1) == 0.3


@pytest.mark.parametrize(("written", "value"), [("auto_0.1", "auto_0.1"), ("0.2", 0.2)])
def test_entropy_coefficient(write, written, value):
    write(MINIMAL.replace("dqn", f"sac, settings: {{ent_coef: {written}}}"))
    assert load_experiment("exp.yaml").config.agent.settings.ent_coef == value


def test_resolved_is_json(write):
    write(GOOD)
    json.dumps(load_experiment("exp.yaml").resolved)


def test_path_objects_and_strings_are_alike(write):
    path = write(GOOD)
    assert load_experiment(path).config == load_experiment(Path("exp.yaml")).config
    with pytest.raises(ConfigError):
        load_experiment(Path("exp"))
