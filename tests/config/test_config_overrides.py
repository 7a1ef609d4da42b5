"""`--set path=value`."""

from __future__ import annotations

import pytest
from config_fakes import GOOD

from l2rl.config import ConfigError, load_experiment


@pytest.fixture
def load(write):
    write(GOOD)
    return lambda *overrides: load_experiment("exp.yaml", overrides)


@pytest.mark.parametrize(
    ("override", "get", "value"),
    [
        ("seed=3", lambda c: c.seed, 3),
        ("agent.n_envs = 4", lambda c: c.agent.n_envs, 4),
        ("agent.settings.learning_rate=1e-4", lambda c: c.agent.settings.learning_rate, 1e-4),
        ("agent.network=null", lambda c: c.agent.network, None),
        ("agent.network.layers=[8]", lambda c: c.agent.network.layers, [8]),
        ("agent.network.layers.1=8", lambda c: c.agent.network.layers, [64, 8]),
        ("checkpoint.keep_last=5", lambda c: c.checkpoint.keep_last, 5),
        ("curriculum.blocks.0.env_steps=7", lambda c: c.curriculum.blocks[0].env_steps, 7),
        ("curriculum.tasks.shards.variant=big",
         lambda c: c.curriculum.tasks["shards"].variant, "big"),
        ("curriculum.tasks.beacon.parameters.a=b=c",
         lambda c: c.curriculum.tasks["beacon"].parameters, {"size": 32, "a": "b=c"}),
    ],
)  # fmt: skip
def test_values_are_set_by_path(load, override, get, value):
    assert get(load(override).config) == value


def test_later_overrides_win(load):
    assert load("seed=3", "seed=4").config.seed == 4


@pytest.mark.parametrize("address", ["ewc", "config_fakes:Penalty"])
def test_component_is_addressed_by_instance_name_or_by_type(load, address):
    loaded = load(f"agent.components.{address}.strength=7")
    assert loaded.components["ewc"].config.strength == 7


@pytest.mark.parametrize("address", ["mine", "reservoir", "replay.reservoir"])
def test_registered_component_is_addressed_by_any_of_its_names(address):
    document = parsed("mine: {type: reservoir}")
    override(document, f"agent.components.{address}.capacity=7")
    assert document.plain()["agent"]["components"] == {
        "mine": {"type": "replay.reservoir", "capacity": 7}
    }


def parsed(components: str):
    from l2rl.config.document import parse

    return parse(f"agent: {{components: {{{components}}}}}", "f")


def override(document, *texts: str) -> None:
    from l2rl.config.components import normalise_components
    from l2rl.config.overrides import apply_overrides

    apply_overrides(document, texts, lambda: normalise_components(document))


def test_component_is_added_by_a_mapping_and_removed_by_null(load):
    added = load("agent.components.plain={type: 'config_fakes:Plain'}")
    assert set(added.components) == {"ewc", "config_fakes:Detector", "plain"}
    removed = load("agent.components.ewc=null")
    assert set(removed.components) == {"config_fakes:Detector"}
    assert "ewc" not in removed.text


def test_component_is_added_by_its_name_where_none_is_listed():
    from l2rl.config.document import parse

    document = parse("agent: {learner: dqn}", "f")
    override(document, "agent.components.replay.reservoir={capacity: 3}", "agent.components.ewc={}")
    assert set(document.plain()["agent"]["components"]) == {"replay.reservoir", "ewc"}


def test_mapping_for_a_listed_component_replaces_its_settings_not_its_type(load):
    config = load("agent.components.ewc={samples: 3}").components["ewc"].config
    assert (config.samples, config.strength) == (3, 1.0)


def test_curriculum_can_be_replaced_and_then_changed(write, load):
    write("tasks: {x: y}\nblocks: [{learn: x, env_steps: 3}]\n", "lists/other.yaml")
    loaded = load("curriculum=lists/other.yaml", "curriculum.blocks.0.env_steps=8")
    assert loaded.curriculum.name == "other"
    assert loaded.curriculum.total_env_steps() == 8


def test_renamed_experiment_renames_its_inline_curriculum(load):
    assert load("experiment=other").curriculum.name == "other"


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("agent.lerner=ppo", "`lerner` is not a setting of `agent`", "`learner`"),
        ("sed=3", "`sed` is not a setting of an experiment", "`seed`"),
        ("seed=x", '`seed` must be a whole number, not "x"', "derives"),
        ("seed", "not of the form `path=value`", "--set seed=3"),
        ("agent..n_envs=3", "not of the form `path=value`", ""),
        ("seed=[1", "not valid YAML", "bracket"),
        ("seed.x=3", "`seed` is 0 and has no `x` in it", ""),
        ("curriculum.blocks.9.env_steps=3", "has no item `9`", "its items are 0 to 4"),
        ("curriculum.blocks.first=3", "has no item `first`", ""),
        ("curriculum.blocks.0.learn=becon", "no task `becon`", "`beacon`"),
        ("agent.components.ewc.strenght=3", "`strenght` is not a setting", "`strength`"),
        ("agent.components.ewc.strength=-3", "`strength` must be at least 0, not -3", "Weight"),
        ("agent.components.ecw.strength=3", "no component `ecw.strength` is listed", "`ewc`"),
        ("agent.components.reservoir.size=3", "no component `reservoir` is listed",
         "to add it: `--set agent.components.reservoir={}`"),
        ("agent.components.reservoir=null", "no component `reservoir` is listed", ""),
        ("agent.components.reservor={}", "there is no component `reservor`", "reservoir"),
        ("agent.components.ewc=3", "settings of `ewc` must be a mapping, not 3", ""),
        ("curriculum=nowhere.yaml", "there is no curriculum", ""),
    ],
)  # fmt: skip
def test_mistake_is_shown_as_it_was_typed(load, override, message, hint):
    with pytest.raises(ConfigError) as caught:
        load(override)
    error = caught.value
    assert len(error.problems) == 1, str(error)
    assert str(error).startswith(f"--set {override}: {error.message}")
    assert message in error.message
    assert hint in error.hint


def test_ambiguous_address_is_refused():
    document = parsed("a: {type: ewc}, b: {type: ewc}")
    with pytest.raises(ConfigError, match="there are 2 components `ewc`"):
        override(document, "agent.components.ewc.strength=3")


def test_all_mistaken_overrides_are_told(load):
    with pytest.raises(ConfigError) as caught:
        load("seed.x=3", "agent", "curriculum.blocks.9=3")
    assert len(caught.value.problems) == 3
