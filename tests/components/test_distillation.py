"""`consolidation.distillation`: the teacher, on which states, what is taught, experts, heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from l2rl.capabilities import TASK_BOUNDARY
from l2rl.component import Component
from l2rl.components.consolidation.distillation import Distillation
from l2rl.composition import CompositionError
from l2rl.views import Head, NetworkEdit
from tests.components.consolidation import (
    ACTING,
    END,
    KINDS,
    STEPS,
    edit,
    live_block,
    lives_on_exactly,
    old_states,
    put,
    terms,
)
from tests.components.small_agents import (
    bound,
    experience,
    hand_made_phase,
    parameters_of,
    same,
    small_agent,
)

STATES = [[1.0], [2.0], [-1.0], [0.5]]


def distillation(**settings: Any) -> Distillation:
    settings = {"minimum_states": 4, "batch_size": 16, "states_per_task": 32, **settings}
    return Distillation(Distillation.Config(**settings))


def values(
    parameters: Any, observations: torch.Tensor, actions: Any = None, beliefs: Any = None
) -> dict[str, Head]:
    """Two values, theta times the state, or with a context of theirs the second one only."""
    offset = 0.0 if beliefs is None else 100.0 * beliefs[:, None]
    return {"q": Head("scalar", "acting", parameters["theta"] * observations + offset)}


def begun(**settings: Any) -> tuple[Any, Distillation]:
    phase = hand_made_phase(values, theta=[1.0, 2.0])
    component = distillation(**settings)
    bound(component, phase, TASK_BOUNDARY)
    return phase, component


def finish_task(component: Distillation, states: Any = STATES, belief: int = 0) -> None:
    component.on_transitions(replace(experience(states), belief=belief))
    component.on_task_end(END)


# ---- the term --------------------------------------------------------------------------------


def test_the_teacher_is_the_network_at_the_end_of_the_last_task() -> None:
    phase, component = begun(strength=3.0)
    batch = {"observations": torch.tensor(STATES)}
    assert terms(component, phase, batch) == {}
    finish_task(component)
    assert float(terms(component, phase, batch)["acting"].detach()) == 0.0
    put(phase, 2.0, 0.0)
    mean_square = sum(s[0] ** 2 for s in STATES) / 4
    expected = 3.0 * mean_square * (1 + 4)
    assert float(terms(component, phase, batch)["acting"].detach()) == pytest.approx(expected)
    finish_task(component)
    put(phase, 3.0, 0.0)
    expected = 3.0 * mean_square
    assert float(terms(component, phase, batch)["acting"].detach()) == pytest.approx(expected)


def test_its_gradient_reaches_the_pupil_and_not_the_teacher() -> None:
    phase, component = begun(strength=3.0)
    finish_task(component)
    put(phase, 2.0, 0.0)
    batch = {"observations": torch.tensor(STATES)}
    term = terms(component, phase, batch)["acting"]
    (gradient,) = torch.autograd.grad(term, [phase.parameters["theta"]])
    mean_square = sum(s[0] ** 2 for s in STATES) / 4
    assert gradient.tolist() == pytest.approx([6 * mean_square, -12 * mean_square])
    assert not any(t.requires_grad for t in component._teacher["q"].values())


def test_without_a_batch_there_are_no_current_states() -> None:
    phase, component = begun()
    finish_task(component)
    assert terms(component, phase, {}) == {}


def test_remembered_states_are_those_of_finished_tasks_only() -> None:
    phase, component = begun(states="remembered", batch_size=64)
    finish_task(component, [[1.0]] * 5)
    component.on_transitions(experience([[7.0]] * 50))
    put(phase, 2.0, 2.0)
    assert float(terms(component, phase)["acting"].detach()) == pytest.approx(1.0)
    finish_task(component, [[3.0]] * 5, belief=1)
    put(phase, 3.0, 2.0)
    seen = component.term_tensors("q")
    assert seen is not None
    assert set(seen["states/observations"].ravel().tolist()) == {1.0, 3.0, 7.0}
    assert component.metrics()["tasks"] == 2


def test_a_task_that_ends_again_has_its_states_replaced() -> None:
    _, component = begun(states="remembered", batch_size=64)
    for state, belief in ((1.0, 0), (2.0, 1), (3.0, 0)):
        finish_task(component, [[state]] * 8, belief)
    seen = component.term_tensors("q")
    assert seen is not None
    assert set(seen["states/observations"].ravel().tolist()) == {2.0, 3.0}
    pairs = zip(seen["states/observations"].ravel(), seen["states/belief"], strict=True)
    assert {(float(o), int(b)) for o, b in pairs} == {(2.0, 1), (3.0, 0)}
    assert component.metrics() == {"consolidations": 3.0, "tasks": 2.0, "states": 16.0}


def test_on_current_states_each_finished_context_is_asked_in_turn() -> None:
    phase, component = begun()
    finish_task(component, belief=2)
    finish_task(component, belief=5)
    asked: list[Any] = []

    def heads(*arguments: Any) -> dict[str, Head]:
        asked.append(arguments[3].tolist())
        return values(*arguments)

    phase.heads = heads
    terms(component, phase, {"observations": torch.tensor(STATES)})
    assert asked == [[2, 5, 2, 5]] * 2


def test_a_period_with_too_few_states_makes_no_teacher() -> None:
    _, component = begun()
    finish_task(component, STATES[:3])
    assert component.term_tensors("q") is None


def test_each_expert_has_its_own_teacher_and_memory() -> None:
    phase, component = begun(states="remembered")
    finish_task(component, [[1.0]] * 5)
    component.on_network_edited(edit(phase, 9.0, 9.0, sets=(0, 1)))
    assert component.term_tensors("q") is None
    finish_task(component, [[2.0]] * 5, belief=1)
    component.on_network_edited(edit(phase, 1.0, 4.0, sets=(1, 0)))
    assert float(terms(component, phase)["acting"].detach()) == pytest.approx(4.0)
    component.on_network_edited(edit(phase, 9.0, 10.0, sets=(0, 1)))
    assert float(terms(component, phase)["acting"].detach()) == pytest.approx(4.0)
    component.on_network_edited(edit(phase, 9.0, 8.0))
    assert float(terms(component, phase)["acting"].detach()) == pytest.approx(4.0), "a reset"


# ---- in running agents -----------------------------------------------------------------------

CASES = [
    {},
    {"states": "remembered"},
    {"form": "features"},
    {"form": "features", "states": "remembered"},
]


@pytest.mark.parametrize("settings", CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_term_is_zero_at_the_teacher_and_grows(kind: str, settings: dict[str, Any]) -> None:
    component = distillation(critic_strength=1.0, **settings)
    agent = small_agent(kind, component)
    agent.learn(STEPS[kind])
    agent.end_task(0, "a")
    agent.host.hooks.drain_terms()
    roles = {"acting"} if kind == "dqn" else {"acting", "value"}
    for grown in (False, True):
        found = {}
        for phase in agent._phases.values():
            batch = {"observations": old_states(), "actions": torch.zeros(200, 2)}
            found |= {k: float(v.detach()) for k, v in terms(component, phase, batch).items()}
        assert set(found) == roles
        assert all((value > 1e-6) == grown for value in found.values()), found
        agent.learn(STEPS[kind], reset_num_timesteps=False)


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_taught_features_are_the_last_hidden_ones(kind: str) -> None:
    component = distillation(form="features", critic_strength=1.0)
    agent = small_agent(kind, component)
    agent.learn(STEPS[kind])
    agent.end_task(0, "a")
    phase = agent._phases[ACTING[kind]]
    states = old_states()
    before = phase.activations(states, None)
    with torch.no_grad():
        for parameter in phase.parameters.values():
            parameter.add_(0.1)
    after = phase.activations(states, None)
    (last,) = component._layers[ACTING[kind]]["acting"]
    expected = float((before[last] - after[last]).square().sum(dim=1).mean())
    found = terms(component, phase, {"observations": states})["acting"]
    assert float(found.detach()) == pytest.approx(expected, rel=1e-5)
    gradients = torch.autograd.grad(found, list(phase.parameters.values()), allow_unused=True)
    reached = {n for n, g in zip(phase.parameters, gradients, strict=True) if g is not None}
    assert reached
    assert not reached & set(phase.output_layers)


def test_a_network_without_hidden_layers_has_no_features() -> None:
    with pytest.raises(CompositionError, match="form: outputs"):
        small_agent("dqn", distillation(form="features"), policy_kwargs={"net_arch": []})


def consolidated(kind: str, *components: Component) -> Any:
    agent = small_agent(kind, *components)
    agent.learn(STEPS[kind] // 2)
    agent.end_task(0, "a")
    return agent.learn(STEPS[kind] // 2, reset_num_timesteps=False)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_is_as_if_it_were_not_there(kind: str) -> None:
    assert same(consolidated(kind, distillation(strength=0)), consolidated(kind))


def test_critics_are_taught_where_wanted() -> None:
    moved = []
    for strength in (0.0, 100.0):
        agent = small_agent("sac", distillation(strength=0.0, critic_strength=strength))
        agent.learn(50)
        agent.end_task(0, "a")
        phase = agent._phases["critic"]
        where = (old_states(), torch.zeros(200, 2))
        before = phase.heads(phase.parameters, *where)["q0"].values.detach()
        agent.learn(50, reset_num_timesteps=False)
        after = phase.heads(phase.parameters, *where)["q0"].values.detach()
        moved.append(float((after - before).square().mean()))
    assert moved[1] < 0.5 * moved[0]


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
@pytest.mark.parametrize("states", ["current", "remembered"])
def test_with_a_head_a_task_old_heads_learn_and_the_new_one_is_free(kind: str, states: str) -> None:
    component = distillation(states=states, strength=1.0)
    agent = small_agent(kind, component, multi_head=True)
    live_block(agent, kind, 0)
    agent.start_task(1, "b")
    agent.learn(4 if kind == "sac" else 2, reset_num_timesteps=False)
    phase = agent._phases[ACTING[kind]]
    batch = {"observations": old_states()}
    with torch.no_grad():
        for parameter in phase.parameters.values():
            parameter.add_(0.05)
    found = terms(component, phase, batch)["acting"]
    gradients = torch.autograd.grad(found, list(phase.parameters.values()), allow_unused=True)
    reached = {
        n
        for n, g in zip(phase.parameters, gradients, strict=True)
        if g is not None and float(g.abs().max()) > 0
    }
    assert any("heads.0" in n for n in reached)
    assert not any("heads.1" in n for n in reached)
    agent._phases[ACTING[kind]].forget_asked()
    before = parameters_of(agent)
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    moved = {n for n, p in parameters_of(agent).items() if not torch.equal(p, before[n])}
    acting = [n for n in moved if n.startswith(ACTING[kind]) and "value" not in n]
    assert any("heads.0" in n for n in acting)
    assert any("heads.1" in n for n in acting)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ppo", {"states": "remembered", "critic_strength": 1.0}),
        ("dqn", {"form": "features"}),
        ("sac", {"states": "remembered", "critic_strength": 0.1}),
    ],
)
def test_its_state_lives_on_exactly(kind: str, settings: dict[str, Any]) -> None:
    lives_on_exactly(kind, lambda: distillation(**settings))


def test_teachers_put_away_survive_a_round_trip() -> None:
    phase, component = begun(states="remembered")
    finish_task(component, [[1.0]] * 5)
    component.on_network_edited(edit(phase, 9.0, 9.0, sets=(0, 1)))
    state = component.state_dict()
    again_phase, again = begun(states="remembered")
    again.load_state_dict(state)
    applied: NetworkEdit = edit(again_phase, 1.0, 4.0, sets=(1, 0))
    again.on_network_edited(applied)
    assert float(terms(again, again_phase)["acting"].detach()) == pytest.approx(4.0)
