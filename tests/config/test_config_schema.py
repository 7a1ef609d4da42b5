"""The editor's schema accepts what loads, and refuses what does not."""

from __future__ import annotations

import json

import jsonschema
import pytest
from config_fakes import GOOD

from l2rl.config import json_schema, load_curriculum, load_experiment
from l2rl.config.document import parse
from l2rl.registry import shipped_curricula


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_good_experiment_and_its_resolved_form_are_accepted(validator, write):
    write(GOOD)
    validator.validate(parse(GOOD, "f").plain())
    validator.validate(load_experiment("exp.yaml").resolved)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("n_envs: 16", "n_env: 16"),
        ("learner: dqn", "learner: dpn"),
        ("env_steps: 100_000", "env_steps: 0"),
        ("episodes: 20", "episodes: many"),
        ("sleep: 500", "slep: 500"),
    ],
)
def test_mistakes_are_refused(validator, old, new):
    assert old in GOOD
    assert not validator.is_valid(parse(GOOD.replace(old, new), "f").plain())


@pytest.mark.parametrize("name", ["alternating", "condensed", "concept_shift", "gradual_drift"])
def test_scenarios_are_accepted_as_written_and_resolved(validator, name):
    written = parse(shipped_curricula()[name].read_text(), "f").plain()
    experiment = {"agent": {"learner": "ppo"}, "curriculum": written}
    validator.validate(experiment)
    validator.validate(load_curriculum(name).resolved)
    written["scenario"] |= {"kind": "none"}
    assert not validator.is_valid(experiment)
    del written["scenario"]
    assert not validator.is_valid(experiment)


def test_named_curriculum_and_list_of_components_are_accepted(validator):
    text = "agent: {learner: ppo, components: [some.thing, {ewc: {}}]}\ncurriculum: trio\n"
    validator.validate(parse(text, "f").plain())


def test_settings_have_their_descriptions():
    settings = json_schema()["$defs"]["DQNSettings"]["properties"]
    assert all(entry.get("description") for entry in settings.values())


def test_every_field_of_the_experiment_is_described():
    for name, definition in json_schema()["$defs"].items():
        if "." not in name:
            for field, entry in definition["properties"].items():
                assert entry.get("description"), f"{name}.{field}"
