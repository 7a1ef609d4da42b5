"""Entry points: names without imports, clashes and broken packages told with their owners."""

from __future__ import annotations

import sys

import pytest

from l2rl import registry
from l2rl.config import json_schema, load_experiment
from l2rl.errors import UserError

COMPONENT = "class Thing:\n    pass\n"


def test_names_are_listed_without_importing(install):
    install("outside", "[l2rl.components]\nodd.thing = no_such_module:Thing\n")
    assert "odd.thing" in registry.component_names()
    assert "consolidation.ewc" in registry.component_names()
    assert registry.distribution_of(registry.COMPONENTS, "odd.thing") == "outside 1.2"


def test_outside_component_is_found_by_full_short_name_and_import_string(install):
    install("outside", "[l2rl.components]\nodd.gadget = odd_mod:Thing\n", odd_mod=COMPONENT)
    classes = {registry.component_class(n) for n in ("odd.gadget", "gadget", "odd_mod:Thing")}
    assert [cls.__name__ for cls in classes] == ["Thing"]
    sys.modules.pop("odd_mod")


def test_ambiguous_short_name_lists_the_candidates(install):
    install("outside", "[l2rl.components]\nodd.ewc = odd_mod:Thing\n")
    with pytest.raises(UserError, match=r"2 components\n.*consolidation.ewc, odd.ewc"):
        registry.full_component_name("ewc")


def test_two_owners_of_one_name_are_named_when_it_is_used(install):
    install("outside", "[l2rl.components]\nodd.thing = odd_mod:Thing\n")
    install("other", "[l2rl.components]\nodd.thing = other_mod:Thing\n")
    assert registry.component_names().count("odd.thing") == 1
    with pytest.raises(UserError, match=r"more than once\n.*outside 1.2.*other 1.2|other.*outside"):
        registry.component_class("odd.thing")


def test_import_failure_names_distribution_and_entry_point(install):
    install("outside", "[l2rl.components]\nodd.boom = boom_mod:Thing\n", boom_mod="1 / 0\n")
    with pytest.raises(UserError) as caught:
        registry.component_class("odd.boom")
    for part in ("`odd.boom`", "outside 1.2", "`boom_mod:Thing`", "ZeroDivisionError"):
        assert part in str(caught.value)


def test_misspelt_component_has_a_suggestion():
    with pytest.raises(UserError, match=r"did you mean `replay\.reservoir`"):
        registry.component_class("reservior")


def test_misspelt_suite_has_a_suggestion():
    with pytest.raises(UserError, match="did you mean `minigames`"):
        registry.environment_suite("minigame")


def test_addresses_of_environments():
    assert registry.environment_address("minigames/MoveToBeacon") == ("minigames", "MoveToBeacon")
    assert registry.environment_address("CartPole-v1") == ("gymnasium", "CartPole-v1")
    assert registry.environment_address("ALE/Pong-v5") == ("gymnasium", "ALE/Pong-v5")
    with pytest.raises(UserError, match="did you mean `minigames/Roaches`"):
        registry.environment_address("minigame/Roaches")


def test_shipped_yaml_is_found_by_name(install, write, tmp_path):
    install(
        "outside",
        "[l2rl.experiments]\noutside = odd_experiments\n[l2rl.curricula]\nany = odd_curricula\n",
    )
    site = "site-outside"
    write("agent: {learner: ppo}\ncurriculum: odd-pair\n", f"{site}/odd_experiments/odd-run.yaml")
    write(
        "tasks: {a: b}\nblocks: [{learn: a, env_steps: 1}]\n", f"{site}/odd_curricula/odd-pair.yaml"
    )
    assert registry.shipped_experiments()["odd-run"].name == "odd-run.yaml"
    loaded = load_experiment("odd-run")
    assert (loaded.config.experiment, loaded.curriculum.name) == ("odd-run", "odd-pair")
    with pytest.raises(UserError, match="did you mean `odd-run`"):
        load_experiment("od-run")


def test_yaml_shipped_twice_under_one_name_is_told_when_used(install, write):
    for name in ("outside", "other"):
        install(name, f"[l2rl.experiments]\n{name} = {name}_experiments\n")
        write("", f"site-{name}/{name}_experiments/odd-run.yaml")
    with pytest.raises(UserError, match="shipped more than once"):
        load_experiment("odd-run")


def test_broken_package_of_experiments_stops_nobody_else(install):
    install("outside", "[l2rl.experiments]\noutside = no_such_package\n")
    assert isinstance(registry.shipped_experiments(), dict)


def test_schema_survives_a_broken_package(install):
    install("outside", "[l2rl.components]\nodd.boom = boom_mod:Thing\n", boom_mod="1 / 0\n")
    assert "odd.boom" in str(json_schema())
