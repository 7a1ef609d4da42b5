"""`consolidation.ewc`: the penalty, when it is taken, whom it holds, and what edits do to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from l2rl.agents.surroundings import Surroundings
from l2rl.capabilities import CHANGE_EVENTS, TASK_BOUNDARY, options_of
from l2rl.component import Component
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.composition import Composition, CompositionError
from l2rl.engine.edits import apply_edit
from l2rl.engine.phase import Phase
from l2rl.engine.step import StepHooks, gradient_step
from l2rl.state_codec import decode, encode
from l2rl.views import ChangeEvent, Head, LossView, NetworkEdit, TaskEvent, TransitionBatch
from tests.components.small_agents import (
    bound,
    experience,
    hand_made_phase,
    parameters_of,
    same,
    small_agent,
)

KINDS = ("ppo", "ppo-box", "dqn", "sac")
END = TaskEvent(index=0, env_steps=0, label=None)
STATES = experience([[1.0], [1.0], [1.0], [1.0]])


def ewc(**settings: Any) -> ElasticWeightConsolidation:
    settings = {"fisher_samples": 64, "minimum_states": 4, **settings}
    return ElasticWeightConsolidation(ElasticWeightConsolidation.Config(**settings))


def scaled_by(*factors: float) -> Any:
    """Heads whose Fisher information of entry i of `theta` is factors[i]^2 * state^2."""

    def heads(
        parameters: Mapping[str, torch.Tensor], observations: torch.Tensor, actions: Any = None
    ) -> dict[str, Head]:
        values = torch.tensor(factors) * parameters["theta"] * observations
        return {"x": Head("scalar", "acting", values)}

    return heads


def put(phase: Phase, *values: float, name: str = "theta") -> None:
    with torch.no_grad():
        phase.parameters[name].copy_(torch.tensor(values))


def finish_task(component: ElasticWeightConsolidation, states: TransitionBatch = STATES) -> None:
    component.on_transitions(states)
    component.on_task_end(END)


def penalty(component: ElasticWeightConsolidation, phase: Phase) -> torch.Tensor:
    tensors = component.term_tensors(phase.name)
    assert tensors is not None
    view = LossView(phase.name, phase.parameters, {}, tensors, phase.heads)
    return component.loss_terms(view)["penalty"]


# ---- the formula -----------------------------------------------------------------------------


def test_the_minimum_of_task_loss_and_penalty_is_the_closed_form() -> None:
    # (b theta_B + lambda F theta_A) / (b + lambda F), with F = 4 and F = 0.25.
    phase = hand_made_phase(scaled_by(2.0, 0.5), theta=[1.0, -2.0])
    component = ewc(strength=3.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    hooks = StepHooks.of(
        Composition([component], learner="dqn", offered=frozenset({TASK_BOUNDARY}))
    )
    task_optimum = torch.tensor([5.0, 4.0])
    for _ in range(400):
        theta = phase.parameters["theta"]
        loss = 0.5 * 2.0 * (theta - task_optimum).square().sum()
        gradient_step(phase, loss, {}, hooks, env_steps=0)
    expected = [11 / 7, (2 * 4 + 0.75 * -2) / 2.75]
    assert phase.parameters["theta"].tolist() == pytest.approx(expected, abs=1e-4)
    assert "under_test/penalty" in hooks.drain_terms()


def test_it_is_half_strength_times_importance_times_squared_distance() -> None:
    phase = hand_made_phase(scaled_by(2.0, 1.0), theta=[1.0, 1.0])
    component = ewc(strength=10.0)
    bound(component, phase, TASK_BOUNDARY)
    assert component.term_tensors("q") is None, "no penalty before anything was learned"
    finish_task(component)
    assert float(penalty(component, phase).detach()) == 0.0
    put(phase, 1.5, 3.0)
    assert float(penalty(component, phase).detach()) == pytest.approx(0.5 * 10 * (4 * 0.25 + 1 * 4))


def test_its_gradient_is_that_of_finite_differences() -> None:
    phase = hand_made_phase(scaled_by(2.0, 0.7), theta=[1.0, -1.0])
    component = ewc(strength=3.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    put(phase, 1.4, 0.5)
    (gradient,) = torch.autograd.grad(penalty(component, phase), [phase.parameters["theta"]])
    for entry in range(2):
        sides = []
        for step in (0.01, -0.01):
            values = [1.4, 0.5]
            values[entry] += step
            put(phase, *values)
            sides.append(float(penalty(component, phase).detach()))
        assert float(gradient[entry]) == pytest.approx((sides[0] - sides[1]) / 0.02, rel=1e-2)


def test_two_tasks_add_up_in_per_task_mode_up_to_a_constant() -> None:
    phase = hand_made_phase(scaled_by(1.0, 2.0), theta=[1.0, -1.0])
    component = ewc(mode="per_task", strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    put(phase, 3.0, 5.0)
    finish_task(component, experience([[2.0]] * 4))
    importance = torch.tensor([[1.0, 4.0], [4.0, 16.0]])
    anchors = torch.tensor([[1.0, -1.0], [3.0, 5.0]])
    surplus = []
    for values in ([0.0, 0.0], [2.0, 7.0], [-4.0, 3.0]):
        put(phase, *values)
        separate = 0.5 * (importance * (torch.tensor(values) - anchors).square()).sum()
        surplus.append(float(separate - penalty(component, phase).detach()))
    assert surplus == pytest.approx([surplus[0]] * 3, rel=1e-4)
    assert surplus[0] > 0


def test_online_importance_fades_and_the_anchor_moves_on() -> None:
    phase = hand_made_phase(scaled_by(1.0), theta=[1.0])
    component = ewc(decay=0.5, strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    put(phase, 3.0)
    finish_task(component, experience([[2.0]] * 4))
    tensors = component.term_tensors("q")
    assert tensors is not None
    assert tensors["weight"].tolist() == [0.5 * 1 + 4]
    assert tensors["anchor"].tolist() == [3.0]


def test_importance_can_be_scaled_to_unit_norm_and_raised_to_a_floor() -> None:
    phase = hand_made_phase(scaled_by(3.0**0.5, 2.0, 0.0), theta=[1.0, 1.0, 1.0])
    component = ewc(normalise=True, fisher_floor=0.1, strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    tensors = component.term_tensors("q")
    assert tensors is not None
    assert tensors["weight"].tolist() == pytest.approx([0.6, 0.8, 0.1])


# ---- when ------------------------------------------------------------------------------------


def test_importance_is_of_the_states_of_the_task_that_ends_only() -> None:
    phase = hand_made_phase(scaled_by(1.0), theta=[1.0])
    component = ewc(decay=0.0, strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component, experience([[1.0]] * 30))
    finish_task(component, experience([[3.0]] * 30))
    tensors = component.term_tensors("q")
    assert tensors is not None
    assert tensors["weight"].tolist() == pytest.approx([9.0])


def test_a_period_with_too_few_states_is_skipped_and_forgotten() -> None:
    phase = hand_made_phase(scaled_by(1.0), theta=[1.0])
    component = ewc(minimum_states=4)
    events = bound(component, phase, TASK_BOUNDARY)
    finish_task(component, experience([[1.0]] * 3))
    assert component.term_tensors("q") is None
    finish_task(component, experience([[1.0]] * 3))
    assert [name for name, _ in events] == ["consolidation_skipped"] * 2
    finish_task(component)
    assert events[-1] == ("consolidated", {"states": 4, "number": 1})


CHANGE = ChangeEvent("detector", 0, "new", belief=1, previous_belief=0)


@pytest.mark.parametrize(
    ("trigger", "offered", "at_boundary", "at_change"),
    [
        ("auto", (TASK_BOUNDARY, CHANGE_EVENTS), True, False),
        ("auto", (CHANGE_EVENTS,), False, True),
        ("boundary", (TASK_BOUNDARY, CHANGE_EVENTS), True, False),
        ("detected", (TASK_BOUNDARY, CHANGE_EVENTS), False, True),
    ],
)
def test_what_ends_a_task(
    trigger: str, offered: tuple[str, ...], at_boundary: bool, at_change: bool
) -> None:
    for hook, event, expected in (
        ("on_task_end", END, at_boundary),
        ("on_change_detected", CHANGE, at_change),
    ):
        phase = hand_made_phase(scaled_by(1.0), theta=[1.0])
        component = ewc(trigger=trigger)
        bound(component, phase, *offered)
        component.on_transitions(STATES)
        getattr(component, hook)(event)
        assert (component.term_tensors("q") is not None) == expected


def test_it_asks_for_what_its_trigger_needs() -> None:
    asked = {t: options_of(ewc(trigger=t).requirements()[0][0]) for t in ("auto", "detected")}
    assert asked == {"auto": (TASK_BOUNDARY, CHANGE_EVENTS), "detected": (CHANGE_EVENTS,)}
    with pytest.raises(CompositionError, match="TASK_BOUNDARY or CHANGE_EVENTS"):
        small_agent("dqn", ewc(), surroundings=Surroundings())


class Alarm(Component):
    """Announces a change at every collection."""

    provides = (CHANGE_EVENTS,)

    def on_transitions(self, batch: TransitionBatch) -> None:
        self.agent.announce_change(CHANGE)


def test_it_works_on_detected_changes_without_any_boundary() -> None:
    component = ewc()
    agent = small_agent("ppo", component, Alarm(), surroundings=Surroundings())
    agent.learn(256)
    assert component.metrics()["consolidations"] == 2
    assert component.metrics()["policy/penalty"] > 0


# ---- whom ------------------------------------------------------------------------------------


def two_tasks(kind: str, *components: Component, steps: int = 200) -> tuple[Any, Any, Any]:
    """An agent after two tasks, its parameters in between, its terms in the second."""
    agent = small_agent(kind, *components)
    agent.start_task(0, "a")
    agent.learn(steps)
    agent.end_task(0, "a")
    between = parameters_of(agent)
    agent.start_task(1, "b")
    agent.host.hooks.drain_terms()
    agent.learn(steps, reset_num_timesteps=False)
    terms = {k.rpartition("/")[2]: v for k, v in agent.logger.name_to_value.items() if "terms" in k}
    return agent, between, terms


def moved(agent: Any, before: Mapping[str, torch.Tensor], role: str) -> float:
    now = parameters_of(agent)
    total = 0.0
    for name, phase in agent._phases.items():
        for n, r in phase.roles.items():
            if r == role:
                total += float((now[f"{name}/{n}"] - before[f"{name}/{n}"]).square().sum())
    return total**0.5


@pytest.mark.parametrize("kind", KINDS)
def test_it_holds_what_acts_and_leaves_critics_free(kind: str) -> None:
    weak, strong = ewc(strength=1e-6), ewc(strength=1e4)
    free, before_free, _ = two_tasks(kind, weak)
    held, before_held, _ = two_tasks(kind, strong)
    assert all(torch.equal(before_free[n], before_held[n]) for n in before_free)
    assert moved(held, before_held, "acting") < 0.6 * moved(free, before_free, "acting")
    if kind != "dqn":
        assert moved(held, before_held, "value") > 0.4 * moved(free, before_free, "value")
    phase = {"dqn": "q", "sac": "actor"}.get(kind, "policy")
    assert weak.metrics()[f"{phase}/penalty"] > 0
    assert weak.metrics()[f"{phase}/importance_mean"] > 0
    drifts = [c.metrics()[f"{phase}/anchor_drift_rms"] for c in (strong, weak)]
    assert drifts[0] < drifts[1]


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_critics_can_be_held_too(kind: str) -> None:
    free, before, _ = two_tasks(kind, ewc(strength=0))
    held, before_held, _ = two_tasks(kind, ewc(strength=0, critic_strength=1e4))
    assert moved(held, before_held, "value") < 0.6 * moved(free, before, "value")
    # Held critics also tell the actor less.
    assert moved(held, before_held, "acting") > 0.2 * moved(free, before, "acting")


def test_the_penalty_grows_from_zero_and_is_logged() -> None:
    component = ewc(strength=1.0)
    agent = small_agent("dqn", component)
    agent.start_task(0, "a")
    agent.learn(100)
    assert not agent.host.hooks.drain_terms()
    agent.end_task(0, "a")
    seen = []
    for _ in range(3):
        agent.learn(60, reset_num_timesteps=False)
        seen.append(component.metrics()["q/penalty"])
    assert 0 < seen[0] < seen[2]
    assert [e.name for e in agent.host.drain_events()] == ["consolidated"]


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_is_as_if_it_were_not_there(kind: str) -> None:
    with_it, _, terms = two_tasks(kind, ewc(strength=0))
    without, _, _ = two_tasks(kind)
    assert same(with_it, without)
    assert not terms


def test_actions_reach_the_critics_fisher_scaled_to_one() -> None:
    component = ewc(critic_strength=1.0)
    agent = small_agent("sac", component)
    agent.start_task(0, "a")
    agent.learn(60)
    remembered = component.state_dict()["memory"]["rows"]["actions"]
    buffer = agent.replay_buffer
    stored = buffer.actions[: buffer.pos].reshape(-1, 2)
    assert abs(remembered).max() <= 1.0 + 1e-6
    assert remembered == pytest.approx(stored[: len(remembered)], abs=1e-5)


# ---- edits by others -------------------------------------------------------------------------


def edit(phase: Phase, *values: float, sets: tuple[int, int] | None = None) -> NetworkEdit:
    proposed = NetworkEdit("test", {"q": {"theta": torch.tensor(values)}}, parameter_set=sets)
    return apply_edit({"q": phase}, proposed)


def test_entries_that_a_reset_changed_are_let_go_and_the_others_are_not() -> None:
    phase = hand_made_phase(scaled_by(1.0, 1.0), theta=[1.0, 2.0])
    component = ewc(strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    put(phase, 1.5, 2.5)
    component.on_network_edited(edit(phase, 1.5, 9.0))
    tensors = component.term_tensors("q")
    assert tensors is not None
    assert tensors["weight"].tolist() == [1.0, 0.0]
    assert tensors["anchor"].tolist() == [1.0, 9.0]


def test_another_expert_has_anchors_of_its_own() -> None:
    phase = hand_made_phase(scaled_by(1.0, 1.0), theta=[1.0, 2.0])
    component = ewc(strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    component.on_network_edited(edit(phase, 7.0, 7.0, sets=(0, 1)))
    assert component.term_tensors("q") is None, "a new expert is bound by nothing"
    finish_task(component, experience([[2.0]] * 4))
    put(phase, 8.0, 8.0)
    assert float(penalty(component, phase).detach()) == pytest.approx(0.5 * 4 * 2)
    component.on_network_edited(edit(phase, 1.0, 3.0, sets=(1, 0)))
    assert float(penalty(component, phase).detach()) == pytest.approx(0.5 * 1)
    component.on_network_edited(edit(phase, 8.0, 7.0, sets=(0, 1)))
    assert float(penalty(component, phase).detach()) == pytest.approx(0.5 * 4)


def test_an_exchange_of_some_parameters_leaves_the_anchors_of_the_others() -> None:
    def heads(parameters: Any, observations: torch.Tensor, actions: Any = None) -> dict[str, Head]:
        values = (parameters["trunk"] + parameters["theta"]) * observations
        return {"x": Head("scalar", "acting", values)}

    phase = hand_made_phase(heads, trunk=[1.0], theta=[2.0])
    component = ewc(strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    component.on_network_edited(edit(phase, 7.0, sets=(0, 1)))
    tensors = component.term_tensors("q")
    assert tensors is not None
    assert tensors["weight"].tolist() == [1.0, 0.0]
    assert tensors["anchor"][0] == 1.0


# ---- books -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_its_state_goes_on_bit_for_bit_in_another_process(kind: str) -> None:
    def begun() -> tuple[Any, ElasticWeightConsolidation]:
        component = ewc(strength=100.0, critic_strength=1.0, fisher_samples=32)
        agent = small_agent(kind, component)
        agent.start_task(0, "a")
        agent.learn(100)
        return agent, component

    one, ours = begun()
    one.end_task(0, "a")
    one.learn(64, reset_num_timesteps=False)
    stored = decode(*encode(one.exact_state()))
    other, theirs = begun()
    other.load_exact_state(stored)
    assert encode(theirs.state_dict())[0] == encode(ours.state_dict())[0]
    assert ours.metrics() == theirs.metrics()
    for agent, component in ((one, ours), (other, theirs)):
        component.on_transitions(experience_of(agent))
        component.on_task_end(END)
    for phase in ("policy",) if kind == "ppo" else ("actor", "critic"):
        a, b = ours.term_tensors(phase), theirs.term_tensors(phase)
        assert a is not None
        assert b is not None
        assert all(torch.equal(a[key], b[key]) for key in a)


def experience_of(agent: Any) -> TransitionBatch:
    states = experience([[0.1 * i, -0.2 * i, 0.5, 1.0] for i in range(40)])
    shape = agent.action_space.shape or ()
    actions = torch.linspace(-1, 3, 40).numpy().reshape(40, 1, *(1 for _ in shape))
    actions = actions * (1 if not shape else torch.ones(shape).numpy())
    return TransitionBatch(**{**vars(states), "actions": actions})


def test_put_away_anchors_survive_a_round_trip() -> None:
    phase = hand_made_phase(scaled_by(1.0), theta=[1.0])
    component = ewc(strength=1.0)
    bound(component, phase, TASK_BOUNDARY)
    finish_task(component)
    component.on_network_edited(edit(phase, 7.0, sets=(0, 1)))
    stored = decode(*encode(component.state_dict()))
    again = ewc(strength=1.0)
    bound(again, phase, TASK_BOUNDARY)
    again.load_state_dict(stored)
    again.on_network_edited(edit(phase, 3.0, sets=(1, 0)))
    assert float(penalty(again, phase).detach()) == pytest.approx(0.5 * 4)
