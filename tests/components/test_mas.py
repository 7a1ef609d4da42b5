"""`consolidation.mas`: sensitivity per state, what the outputs are, accumulation, agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from l2rl.capabilities import TASK_BOUNDARY
from l2rl.component import Component
from l2rl.components.consolidation.mas import MemoryAwareSynapses, norm_of, sensitivity
from l2rl.engine.phase import Phase
from l2rl.views import Head
from tests.components.consolidation import (
    ACTING,
    END,
    KINDS,
    STEPS,
    edit,
    lives_on_exactly,
    penalty,
    put,
    terms,
)
from tests.components.small_agents import (
    bound,
    experience,
    hand_made_phase,
    same,
    small_agent,
)


def mas(**settings: Any) -> MemoryAwareSynapses:
    settings = {"importance_samples": 64, "minimum_states": 2, **settings}
    return MemoryAwareSynapses(MemoryAwareSynapses.Config(**settings))


def linear(
    parameters: Mapping[str, torch.Tensor], observations: torch.Tensor, actions: Any = None
) -> dict[str, Head]:
    """y = theta . x, a value that acts."""
    return {"y": Head("scalar", "acting", (observations @ parameters["theta"])[:, None])}


def begun(theta: list[float], **settings: Any) -> tuple[Phase, MemoryAwareSynapses]:
    phase = hand_made_phase(linear, theta=theta)
    component = mas(**settings)
    bound(component, phase, TASK_BOUNDARY)
    return phase, component


def finish_task(component: MemoryAwareSynapses, states: list[list[float]]) -> None:
    component.on_transitions(experience(states))
    component.on_task_end(END)


def importance(component: MemoryAwareSynapses) -> list[float]:
    row: list[float] = component._anchors["q"].importance.tolist()
    return row


# ---- importance ------------------------------------------------------------------------------

STATES = [[1.0, 2.0], [-1.0, 1.0], [2.0, -0.5], [0.3, 0.1]]


@pytest.mark.parametrize("theta", [[1.0, -2.0], [0.5, 3.0]])
def test_of_a_linear_value_it_is_the_mean_of_absolute_products(theta: list[float]) -> None:
    _, component = begun(theta)
    finish_task(component, STATES)
    states, weights = torch.tensor(STATES), torch.tensor(theta)
    y = states @ weights
    expected = (2 * y[:, None] * states).abs().mean(dim=0)
    assert importance(component) == pytest.approx(expected.tolist(), rel=1e-5)
    cancelling = (2 * y[:, None] * states).mean(dim=0).abs()
    assert not torch.allclose(cancelling, expected, rtol=0.05)


def test_states_of_opposite_sign_do_not_cancel() -> None:
    # y x = 2 and -2: the mean of the gradients is zero, that of their sizes is not.
    _, component = begun([1.0, 1.0])
    finish_task(component, [[2.0, -1.0], [2.0, -3.0]])
    assert importance(component) == pytest.approx([2 * 2.0, 2 * (1 + 3) / 2])


def test_chunks_and_single_states_give_the_same() -> None:
    agent = small_agent("sac")
    phase = agent._phases["critic"]
    states, actions = torch.randn(11, 4), torch.rand(11, 2)
    names = list(phase.parameters)
    whole = sensitivity(phase.heads, phase.parameters, names, "value", states, actions)
    pieces = sensitivity(
        phase.heads, phase.parameters, names, "value", states, actions, chunk_numbers=1500
    )
    slow = {name: torch.zeros_like(p) for name, p in phase.parameters.items()}
    for state, action in zip(states, actions, strict=True):
        heads = phase.heads(phase.parameters, state[None], action[None])
        output = torch.cat([h.values for h in heads.values()]).square().sum()
        for name, gradient in zip(
            names, torch.autograd.grad(output, list(phase.parameters.values())), strict=True
        ):
            slow[name] += gradient.abs() / len(states)
    for name in names:
        assert torch.allclose(whole[name], slow[name], rtol=1e-4, atol=1e-6)
        assert torch.allclose(pieces[name], slow[name], rtol=1e-4, atol=1e-6)


def test_what_counts_as_the_output_of_each_kind_of_head() -> None:
    values = torch.tensor([[1.0, 3.0, -1.0]])
    scale = torch.tensor([[1.0, 2.0, 0.5]])
    gaussian = Head("gaussian", "acting", values, scale)
    assert float(norm_of(gaussian)) == pytest.approx(11 + 2 * 0.6931472**2)
    assert float(norm_of(Head("scalar", "value", values))) == pytest.approx(11)
    assert float(norm_of(Head("bernoulli", "acting", values))) == pytest.approx(11)
    assert float(norm_of(Head("categorical", "acting", values))) == pytest.approx(8)
    parts = Head("multi_categorical", "acting", values, sizes=(2, 1))
    assert float(norm_of(parts)) == pytest.approx(2)


def test_a_level_common_to_all_logits_counts_for_nothing() -> None:
    values = torch.tensor([[1.0, 3.0, -1.0]])
    level = torch.tensor(50.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(
        norm_of(Head("categorical", "acting", values + level)), [level]
    )
    assert abs(float(gradient)) < 1e-4


# ---- the penalty -----------------------------------------------------------------------------


def test_it_is_strength_times_importance_times_squared_distance() -> None:
    phase, component = begun([1.0, -1.0], strength=10.0)
    assert component.term_tensors("q") is None
    finish_task(component, STATES)
    assert penalty(component, phase) == 0.0
    put(phase, 1.5, 1.0)
    first, second = importance(component)
    assert penalty(component, phase) == pytest.approx(10 * (first * 0.25 + second * 4))
    (gradient,) = torch.autograd.grad(
        terms(component, phase)["penalty"], [phase.parameters["theta"]]
    )
    for entry, values in enumerate(([1.51, 1.0], [1.5, 1.01])):
        put(phase, *values)
        above = penalty(component, phase)
        put(phase, 1.5, 1.0)
        slope = (above - penalty(component, phase)) / 0.01
        assert float(gradient[entry]) == pytest.approx(slope, rel=0.02)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"accumulate": "sum"}, [2.0 + 4.0, 4.0]),
        ({"accumulate": "average"}, [0.5 * 2 + 0.5 * 4, 4.0]),
        ({"accumulate": "average", "average_share": 0.9}, [0.9 * 2 + 0.1 * 4, 4.0]),
    ],
)
def test_importance_of_tasks_is_summed_or_averaged(
    settings: dict[str, Any], expected: list[float]
) -> None:
    _, component = begun([1.0, 1.0], **settings)
    finish_task(component, [[1.0, 0.0]] * 2)
    assert importance(component) == pytest.approx([2.0, 0.0])
    finish_task(component, [[2.0, 0.0], [0.0, -2.0], [2.0, 0.0], [0.0, 2.0]] * 2)
    assert importance(component) == pytest.approx(expected)


def test_a_reset_is_let_go_and_each_expert_has_its_own() -> None:
    phase, component = begun([1.0, 1.0], strength=1.0, accumulate="average")
    finish_task(component, [[1.0, 0.0], [0.0, 1.0]] * 2)
    component.on_network_edited(edit(phase, 1.0, 5.0))
    assert importance(component) == pytest.approx([1.0, 0.0])
    finish_task(component, [[0.0, 1.0]] * 4)
    assert importance(component) == pytest.approx([0.5, 10.0]), "no old importance to average"
    component.on_network_edited(edit(phase, 0.0, 0.0, sets=(0, 1)))
    assert component.term_tensors("q") is None
    component.on_network_edited(edit(phase, 2.0, 5.0, sets=(1, 0)))
    assert penalty(component, phase) == pytest.approx(0.5)


def test_a_period_with_too_few_states_is_skipped() -> None:
    _, component = begun([1.0, 1.0], minimum_states=3)
    finish_task(component, [[1.0, 0.0]] * 2)
    assert component.term_tensors("q") is None


# ---- in running agents -----------------------------------------------------------------------


def consolidated(kind: str, *components: Component) -> Any:
    agent = small_agent(kind, *components)
    agent.learn(STEPS[kind] // 2)
    agent.end_task(0, "a")
    return agent.learn(STEPS[kind] // 2, reset_num_timesteps=False)


@pytest.mark.parametrize("kind", KINDS)
def test_it_holds_what_acts(kind: str) -> None:
    drifts = []
    for strength in (1e-6, 1e4):
        component = mas(strength=strength)
        consolidated(kind, component)
        metrics = component.metrics()
        assert metrics[f"{ACTING[kind]}/importance_mean"] > 0
        assert metrics[f"{ACTING[kind]}/penalty"] > 0
        drifts.append(metrics[f"{ACTING[kind]}/anchor_drift_rms"])
    assert drifts[1] < 0.8 * drifts[0]


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_is_as_if_it_were_not_there(kind: str) -> None:
    assert same(consolidated(kind, mas(strength=0)), consolidated(kind))


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_its_state_lives_on_exactly(kind: str) -> None:
    lives_on_exactly(kind, lambda: mas(strength=10.0, critic_strength=1.0))
