"""Every mistake has one message, at the place where it was made, with a way out.

In the texts `§` stands before the character that the message must point at.
"""

from __future__ import annotations

import pytest

from l2rl.config import ConfigError, load_experiment
from l2rl.config.document import MAXIMUM_BYTES

CURRICULUM = (
    "curriculum: {tasks: {a: CartPole-v1, beta: CartPole-v1}, blocks: [{learn: a, env_steps: 9}]}\n"
)
AGENT = "agent: {learner: dqn}\n"

MISTAKES = {
    # ---- YAML itself
    "empty": ("§", "the file is empty", "`agent` and `curriculum`"),
    "only a comment": ("§# nothing\n", "the file is empty", ""),
    "a list": ("§- agent\n", "must be a mapping", "key: value"),
    "a word": ("§hello\n", "must be a mapping", "key: value"),
    "a tab": ("agent:\n§\tlearner: dqn\n", "not valid YAML", "spaces"),
    "missing colon": ("agent:\n  learner dqn\n  n_envs§: 2\n", "not valid YAML", "colon"),
    "open bracket": ("agent: {learner: dqn§", "not valid YAML", "bracket"),
    "open quote": ("agent: 'dqn§", "not valid YAML", "quote"),
    "indentation": ("agent:\n    learner: dqn\n  §n_envs: 2\n", "not valid YAML", "indent"),
    "duplicate key": (
        "agent:\n  learner: dqn\n  §learner: ppo\n" + CURRICULUM,
        "`learner` is given twice",
        "the first is at exp.yaml:2:3",
    ),
    "two documents": (AGENT + "§---\nseed: 1\n", "not valid YAML", "one document"),
    "custom tag": ("agent: §!!python/object:os.system {}\n", "is not allowed", "without"),
    "tag on a value": ("seed: §!secret 3\n", "the tag `!secret` is not allowed", "without"),
    "unknown alias": ("agent: §*nobody\n", "undefined alias", "anchor"),
    "alias to itself": ("agent: &a\n  §learner: *a\n", "contains it", ""),
    "mapping as a key": ("? §{a: b}\n: 3\n", "a key must be a word", ""),
    "huge number": ("seed: §" + "9" * 30 + "\n", "is not a usable int", ""),
    "control character": ("seed: §\a\n", "does not allow", ""),
    # ---- keys
    "unknown section": (
        AGENT + CURRICULUM + "§evalution: {episodes: 3}\n",
        "`evalution` is not a setting of an experiment",
        "did you mean `evaluation`?",
    ),
    "no agent": ("§seed: 3\n" + CURRICULUM, "lacks `agent`", "Learner and components"),
    "no curriculum": ("§seed: 3\n" + AGENT, "lacks `curriculum`", "shipped curriculum"),
    "a curriculum file": (
        "§tasks: {a: CartPole-v1}\nblocks: [{learn: a, env_steps: 9}]\n",
        "a curriculum, not an experiment",
        "curriculum: path",
    ),
    "unknown key of the agent": (
        "agent:\n  learner: dqn\n  §n_env: 3\n" + CURRICULUM,
        "`n_env` is not a setting of `agent`",
        "did you mean `n_envs`?",
    ),
    "setting in the wrong place": (
        "agent:\n  learner: dqn\n  §learning_rate: 3\n" + CURRICULUM,
        "`learning_rate` is not a setting of `agent`",
        "belongs in `agent.settings` of ppo and dqn and sac",
    ),
    "misspelt setting": (
        "agent: {learner: dqn, settings: {§bufer_size: 3}}\n" + CURRICULUM,
        "`bufer_size` is not a setting of `agent.settings`",
        "did you mean `buffer_size`?",
    ),
    "setting of another learner": (
        "agent: {learner: ppo, settings: {§exploration_fraction: 0.1}}\n" + CURRICULUM,
        "`exploration_fraction` is not a setting",
        "`agent.settings` of dqn",
    ),
    "action masks of a learner without": (
        "agent: {learner: sac, §action_masks: true}\n" + CURRICULUM,
        "`action_masks` is not a setting of `agent`",
        "belongs in `agent` of ppo and dqn",
    ),
    "action masks in the wrong place": (
        "agent: {learner: ppo, settings: {§action_masks: true}}\n" + CURRICULUM,
        "`action_masks` is not a setting of `agent.settings`",
        "belongs in `agent` of ppo and dqn",
    ),
    # ---- values
    "no learner": ("§agent: {n_envs: 3}\n" + CURRICULUM, "needs a `learner`", ""),
    "unknown learner": (
        "agent: {learner: §dpn}\n" + CURRICULUM,
        "`learner` is `dpn`, not one of ppo, dqn, sac",
        "did you mean `dqn`?",
    ),
    "unknown policy": (
        "agent: {learner: ppo, policy: §MlpPolcy}\n" + CURRICULUM,
        "not one of MlpPolicy, CnnPolicy, MultiInputPolicy",
        "did you mean `MlpPolicy`?",
    ),
    "unknown activation": (
        "agent: {learner: ppo, network: {activation: §rleu}}\n" + CURRICULUM,
        '`activation` is "rleu"',
        "did you mean `relu`?",
    ),
    "empty layer": (
        "agent: {learner: ppo, network: {layers: [64, §0]}}\n" + CURRICULUM,
        "item 1 of `agent.network.layers` must be greater than 0, not 0",
        "Units of each hidden layer",
    ),
    "quoted number": (
        "agent: {learner: ppo, n_envs: §'4'}\n" + CURRICULUM,
        '`n_envs` must be a whole number, not "4"',
        "side by side",
    ),
    "half a step": (
        "agent: {learner: ppo, n_envs: §1.5}\n" + CURRICULUM,
        "a whole number, not 1.5",
        "",
    ),
    "more than any count": (
        "agent: {learner: ppo, n_envs: §3.0e+20}\n" + CURRICULUM,
        "a whole number, not 3e+20",
        "",
    ),
    "truth value as a number": (
        "agent: {learner: ppo, settings: {gamma: §true}}\n" + CURRICULUM,
        "`gamma` must be a number, not `true`",
        "Discount factor",
    ),
    "out of range": (
        "agent: {learner: ppo, settings: {gamma: §1.5}}\n" + CURRICULUM,
        "`gamma` must be at most 1, not 1.5",
        "0 to 1",
    ),
    "not a number": (
        "agent: {learner: ppo, settings: {vf_coef: §.nan}}\n" + CURRICULUM,
        "a finite number",
        "",
    ),
    "empty value": (
        AGENT + CURRICULUM + "evaluation:\n  §episodes:\n",
        "`episodes` must be a whole number, not `null`",
        "Episodes per task",
    ),
    "schedule": (
        "agent: {learner: ppo, settings: {learning_rate: {schedule: §liner, start: 1}}}\n"
        + CURRICULUM,
        '`schedule` is "liner"',
        "did you mean `linear`?",
    ),
    "schedule without start": (
        "agent:\n  learner: ppo\n  settings:\n    §clip_range: {schedule: linear}\n" + CURRICULUM,
        "`agent.settings.clip_range` lacks `start`",
        "Value at the beginning",
    ),
    "entropy coefficient": (
        "agent: {learner: sac, settings: {ent_coef: §automatic}}\n" + CURRICULUM,
        "`ent_coef` must be a number or `auto`",
        "auto_0.1",
    ),
    "seed": ("seed: §-1\n" + AGENT + CURRICULUM, "`seed` must be at least 0, not -1", "2^32"),
    "a list as a section": (AGENT + CURRICULUM + "§logging: [3]\n", "must be a mapping", ""),
    "name of a directory": (
        "experiment: §../../etc\n" + AGENT + CURRICULUM,
        "`experiment`",
        "letters, digits",
    ),
    "limits the wrong way round": (
        AGENT + CURRICULUM + "§replay_ratio: {minimum: 4, maximum: 1}\n",
        "`minimum` 4.0 is above `maximum` 1.0",
        "",
    ),
    "device": (AGENT + CURRICULUM + "resources: {device: §gpu}\n", "`device`", "`cpu`, `cuda`"),
    "saved model": (
        "agent: {learner: dqn, start_from: §nowhere.zip}\n" + CURRICULUM,
        "there is no saved model",
        "model.save",
    ),
    # ---- curriculum
    "unknown task": (
        AGENT + "curriculum:\n  tasks: {beacon: CartPole-v1}\n  blocks:\n"
        "    - {learn: §becon, env_steps: 9}\n",
        "the curriculum has no task `becon`",
        "did you mean `beacon`?",
    ),
    "unknown task of a measurement": (
        AGENT + "curriculum:\n  tasks: {beacon: CartPole-v1}\n  blocks:\n"
        "    - {evaluate: [beacon, §shards]}\n",
        "the curriculum has no task `shards`",
        "known: beacon",
    ),
    "unknown task of the evaluation": (
        AGENT + CURRICULUM + "evaluation: {tasks: [§bta]}\n",
        "no task `bta`",
        "`beta`",
    ),
    "no budget": (
        AGENT + "curriculum: {tasks: {a: CartPole-v1}, blocks: [§{learn: a}]}\n",
        "needs a budget: `env_steps` or `episodes`",
        "",
    ),
    "budget of nothing": (
        AGENT + "curriculum: {tasks: {a: CartPole-v1}, blocks: [{learn: a, env_steps: §0}]}\n",
        "`env_steps` must be greater than 0, not 0",
        "Budget in env steps",
    ),
    "unknown block": (
        AGENT + "curriculum: {tasks: {a: CartPole-v1}, blocks: [§{train: a, env_steps: 9}]}\n",
        "a block is `{learn: task",
        "",
    ),
    "two kinds in a block": (
        AGENT + "curriculum: {tasks: {a: b}, blocks: [{learn: a, env_steps: 9, §sleep: 3}]}\n",
        "`sleep` is not a setting of `curriculum.blocks.0`",
        "known: learn, env_steps, episodes",
    ),
    "no blocks": (
        AGENT + "curriculum: {tasks: {a: CartPole-v1}, §blocks: []}\n",
        "`blocks` must be of at least 1 entries",
        "sequence",
    ),
    "reserved name": (
        AGENT + "curriculum: {tasks: {§all: {env: b}}, blocks: [{sleep: 3}]}\n",
        "a task cannot be called `all`",
        "choose another",
    ),
    "unknown shipped curriculum": (
        AGENT + "curriculum: §nosuchthing\n",
        "no curriculum is called `nosuchthing`",
        "",
    ),
    "unknown curriculum file": (
        AGENT + "curriculum: §lists/trio.yaml\n",
        "there is no curriculum `lists/trio.yaml`",
        "",
    ),
    # ---- contradictions
    "heads without labels": (
        "agent: {learner: dqn, heads: §per_task}\n"
        "curriculum: {visibility: hidden, tasks: {a: b}, blocks: [{learn: a, env_steps: 9}]}\n",
        "needs task labels",
        "`heads: single`",
    ),
    "schedule without a length": (
        AGENT + "curriculum: {tasks: {a: b}, blocks: [{learn: a, episodes: 9}]}\n"
        "schedules: {exploration: §per_task}\n",
        "unknown time",
        "schedules.period_env_steps",
    ),
    "minibatch of one": (
        "agent: {learner: ppo, settings: {batch_size: §1}}\n" + CURRICULUM,
        "no deviation",
        "normalize_advantage: false",
    ),
    # ---- components
    "unknown component": (
        "agent:\n  learner: dqn\n  components:\n    §consolidation.ewcc: {}\n" + CURRICULUM,
        "there is no component `consolidation.ewcc`",
        "did you mean `consolidation.ewc`?",
    ),
    "unknown type": (
        "agent: {learner: dqn, components: {mine: {type: §reservor}}}\n" + CURRICULUM,
        "there is no component `reservor`",
        "did you mean `replay.reservoir`?",
    ),
    "component listed twice": (
        "agent:\n  learner: dqn\n  components:\n    - config_fakes:Plain\n"
        "    - §config_fakes:Plain\n" + CURRICULUM,
        "`config_fakes:Plain` is listed twice",
        "also at exp.yaml:4:7",
    ),
    "two components in an item": (
        "agent: {learner: dqn, components: [§{ewc: {}, replay.reservoir: {}}]}\n" + CURRICULUM,
        "`- name` or `- name: {settings}`",
        "",
    ),
    "settings not a mapping": (
        "agent: {learner: dqn, components: {ewc: §100}}\n" + CURRICULUM,
        "settings of `ewc` must be a mapping, not 100",
        "",
    ),
    "setting of a component": (
        "agent:\n  learner: dqn\n  components:\n    ewc:\n      type: config_fakes:Penalty\n"
        "      §strenght: 3\n" + CURRICULUM,
        "`strenght` is not a setting of `agent.components.ewc`",
        "did you mean `strength`?",
    ),
    "value of a component": (
        "agent: {learner: dqn, components: {'config_fakes:Penalty': {strength: §-1}}}\n"
        + CURRICULUM,
        "`strength` must be at least 0, not -1",
        "Weight of the penalty",
    ),
    "quoted number in a component": (
        "agent: {learner: dqn, components: {'config_fakes:Penalty': {strength: §'1'}}}\n"
        + CURRICULUM,
        '`strength` must be a number, not "1"',
        "Weight of the penalty",
    ),
    "truth value in a component": (
        "agent: {learner: dqn, components: {'config_fakes:Detector': {threshold: §true}}}\n"
        + CURRICULUM,
        "`threshold` must be a number, not `true`",
        "",
    ),
    "choice of a component": (
        "agent: {learner: dqn, components: {'config_fakes:Penalty': {mode: §ful}}}\n" + CURRICULUM,
        '`mode` is "ful", not one of diagonal, full',
        "did you mean `full`?",
    ),
    "validator of a component": (
        "agent:\n  learner: dqn\n  components:\n    config_fakes:Penalty:\n"
        "      §layers: [head]\n" + CURRICULUM,
        "`layers`: the head cannot be penalised",
        "",
    ),
    "setting of a dataclass": (
        "agent: {learner: dqn, components: {'config_fakes:Detector': {§treshold: 3}}}\n"
        + CURRICULUM,
        "`treshold` is not a setting",
        "did you mean `threshold`?",
    ),
    "check of a dataclass": (
        "agent:\n  learner: dqn\n  components:\n    §config_fakes:Detector: {window: 1}\n"
        + CURRICULUM,
        "window must hold two losses",
        "",
    ),
    "component without settings": (
        "agent: {learner: dqn, components: {'config_fakes:Plain': {§strength: 3}}}\n" + CURRICULUM,
        "`strength` is not a setting",
        "there are none",
    ),
    "import string without module": (
        "agent: {learner: dqn, components: {x: {type: §'no_module:X'}}}\n" + CURRICULUM,
        "cannot be imported from `no_module:X`",
        "package.module:Class",
    ),
    "import string to no class": (
        "agent: {learner: dqn, components: {x: {type: §'config_fakes:NOT_A_CLASS'}}}\n"
        + CURRICULUM,
        "is a int, not a class",
        "",
    ),
    "Config that cannot be checked": (
        "agent: {learner: dqn, components: {x: {type: §'config_fakes:Broken'}}}\n" + CURRICULUM,
        "its Config is",
        "pydantic model or a dataclass",
    ),
    "Config that raises": (
        "agent: {learner: dqn, components: {x: {type: §'config_fakes:Raising', strength: 1}}}\n"
        + CURRICULUM,
        "the Config of component `config_fakes:Raising` fails: KeyError",
        "",
    ),
    "Config with a reserved name": (
        "agent: {learner: dqn, components: {x: {type: §'config_fakes:Reserved'}}}\n" + CURRICULUM,
        "`type`, which is reserved",
        "rename",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake_is_told_once_at_its_place_with_a_way_out(case, write):
    marked, message, hint = MISTAKES[case]
    before, _, after = marked.partition("§")
    write(before + after)
    with pytest.raises(ConfigError) as caught:
        load_experiment("exp.yaml")
    error = caught.value
    lines = before.split("\n")
    assert len(error.problems) == 1, str(error)
    assert (error.file, error.line, error.column) == (
        "exp.yaml",
        len(lines),
        len(lines[-1]) + 1,
    ), str(error)
    assert message in error.message
    assert hint in error.hint
    assert "\n" not in error.message
    assert str(error).startswith(f"exp.yaml:{error.line}:{error.column}: {error.message}")


def test_several_mistakes_are_told_together_in_order_of_place(write):
    write(
        "seed: x\nagent:\n  learner: dqn\n  n_env: 3\n  components: {ewcc: {}}\n"
        "curriculum: {tasks: {a: b}, blocks: [{learn: a}, {sleep: 0}]}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_experiment("exp.yaml")
    assert [problem.place.line for problem in caught.value.problems] == [1, 4, 5, 6, 6]
    assert len(str(caught.value).splitlines()) > 5


def test_alias_bomb_is_refused(write):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    write("\n".join(lines))
    with pytest.raises(ConfigError, match="too many values"):
        load_experiment("exp.yaml")


def test_deep_nesting_is_refused(write):
    write("agent: " + "[" * 1000)
    with pytest.raises(ConfigError, match="nested too deeply"):
        load_experiment("exp.yaml")
    write("agent: " + "[" * 60 + "]" * 60)
    with pytest.raises(ConfigError, match="deeply nested"):
        load_experiment("exp.yaml")


def test_huge_file_is_refused(write):
    write("# " + "x" * MAXIMUM_BYTES)
    with pytest.raises(ConfigError, match="larger than"):
        load_experiment("exp.yaml")


def test_text_that_is_not_utf8_is_told_with_line_and_column(write):
    write(b"seed: 3\nexperiment: caf\xe9\n")
    with pytest.raises(ConfigError) as caught:
        load_experiment("exp.yaml")
    assert (caught.value.line, caught.value.column) == (2, 16)
    assert "UTF-8" in caught.value.hint


def test_missing_file_suggests_one_beside_it(write):
    write("seed: 3", "first.yaml")
    with pytest.raises(ConfigError) as caught:
        load_experiment("frist.yaml")
    assert str(caught.value) == (
        "frist.yaml: there is no file `frist.yaml`\n  did you mean `first.yaml`?"
    )
    with pytest.raises(ConfigError) as caught:
        load_experiment("first")
    assert "did you mean `first.yaml`?" in str(caught.value)


def test_directory_is_told(write):
    write("seed: 3", "runs/first.yaml")
    with pytest.raises(ConfigError, match="is a directory"):
        load_experiment("./runs")


def test_mistake_in_a_curriculum_file_points_into_that_file(write):
    write("agent: {learner: dqn}\ncurriculum: lists/two.yaml\n")
    write("tasks: {a: b}\nblocks:\n  - {learn: c, env_steps: 3}\n", "lists/two.yaml")
    with pytest.raises(ConfigError) as caught:
        load_experiment("exp.yaml")
    assert str(caught.value).startswith("lists/two.yaml:3:13: the curriculum has no task `c`")


def test_syntax_error_in_a_curriculum_file_points_into_that_file(write):
    write("agent: {learner: dqn}\ncurriculum: two.yaml\n")
    write("tasks: {a: b\n", "two.yaml")
    with pytest.raises(ConfigError) as caught:
        load_experiment("exp.yaml")
    assert caught.value.file == "two.yaml"


def test_error_survives_a_process_border(write):
    import pickle

    error = ConfigError.at(__import__("l2rl.config").config.Place("f", 1, 2), "wrong", "mend")
    assert str(pickle.loads(pickle.dumps(error))) == "f:1:2: wrong\n  mend"
