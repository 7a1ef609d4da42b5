"""Learners whose update is not ours take components through the facade of their optimisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from l2rl.batches import joined
from l2rl.capabilities import ACTIVATIONS, MAIN_GRADIENT, MAIN_LOSS, PER_SAMPLE_LOSS
from l2rl.component import Batch, Component
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.plasticity.monitor import PlasticityMonitor
from l2rl.components.replay.reservoir import Reservoir
from l2rl.components.replay_ratio.adaptive import AdaptiveReplayRatio
from l2rl.composition import CompositionError
from l2rl.errors import UserError
from l2rl.views import GradientView, LossView, UpdateView
from tests.agents.test_contract import Freezes, Pull, SeesMainGradient, Widens
from tests.components.small_agents import parameters_of, same, small_agent

KINDS = ("td3", "tqc", "qrdqn", "crossq")
ENV_STEPS = 80


class Counts(Component):
    """Sees what goes by, and does nothing."""

    needs = (ACTIVATIONS,)

    def __init__(self) -> None:
        super().__init__()
        self.steps: dict[str, int] = {}

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        assert len(view.batch["observations"]) == 32
        return {}

    def transform_gradients(self, view: GradientView) -> None:
        assert view.gradients
        assert view.gradients_on is None

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        return dict(batch)

    def after_step(self, view: UpdateView) -> None:
        self.steps[view.phase] = self.steps.get(view.phase, 0) + 1
        if view.phase != "entropy":
            assert view.activations
            assert {len(a) for a in view.activations.values()} <= {32, 64}


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_that_only_looks_changes_no_bit(kind: str) -> None:
    counts = Counts()
    plain = small_agent(kind).learn(ENV_STEPS)
    watched = small_agent(kind, counts).learn(ENV_STEPS)
    assert same(plain, watched)
    assert set(counts.steps) == set(watched._phases)
    assert counts.steps["q" if kind == "qrdqn" else "critic"] == watched._n_updates


@pytest.mark.parametrize("kind", KINDS)
def test_a_penalty_pulls_by_its_gradient(kind: str) -> None:
    watcher = SeesMainGradient()
    pulled = small_agent(kind, watcher, Pull()).learn(ENV_STEPS)
    assert watcher.pairs
    assert max(distance for _, distance in watcher.pairs) < 1e-3
    plain = small_agent(kind).learn(ENV_STEPS)
    size = lambda agent: sum(float(p.norm()) for p in parameters_of(agent).values())  # noqa: E731
    assert size(pulled) < 0.9 * size(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_entries_stay(kind: str) -> None:
    freezes = Freezes()
    agent = small_agent(kind, freezes)
    agent.learn(ENV_STEPS)
    freezes.freeze()
    before = parameters_of(agent)
    agent.learn(ENV_STEPS, reset_num_timesteps=False)
    after = parameters_of(agent)
    for phase, masks in freezes.masks.items():
        for name, free in masks.items():
            assert torch.equal(before[f"{phase}/{name}"][~free], after[f"{phase}/{name}"][~free])
        assert any(not torch.equal(before[f"{phase}/{n}"], after[f"{phase}/{n}"]) for n in masks)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_consolidation_keeps_what_mattered(kind: str) -> None:
    def moved(strength: float) -> float:
        config = ElasticWeightConsolidation.Config(strength=strength)
        agent = small_agent(kind, ElasticWeightConsolidation(config))
        agent.start_task(0, "a")
        agent.learn(ENV_STEPS)
        agent.end_task(0, "a")
        before = parameters_of(agent)
        agent.start_task(1, "b")
        agent.learn(ENV_STEPS, reset_num_timesteps=False)
        phase = "q" if kind == "qrdqn" else "actor"
        after = parameters_of(agent)
        names = [n for n in before if n.startswith(f"{phase}/")]
        return sum(float((after[n] - before[n]).norm()) for n in names)

    assert moved(1e6) < 0.5 * moved(0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_state_round_trips_with_components(kind: str) -> None:
    def make() -> Any:
        return small_agent(kind, ElasticWeightConsolidation(), Reservoir(), PlasticityMonitor())

    def go_on(agent: Any) -> Any:
        torch.manual_seed(5)
        np.random.seed(1)  # noqa: NPY002
        agent.action_space.seed(2)  # of one space that all agents of these tests share
        agent.env.seed(3)
        agent._last_obs = agent.env.reset()
        return agent.learn(60, reset_num_timesteps=False)

    first = make()
    first.start_task(0, "a")
    first.learn(ENV_STEPS)
    first.end_task(0, "a")
    saved = {"state": first.exact_state()}
    second = make()
    second._setup_learn(ENV_STEPS)
    second.load_exact_state(saved["state"])
    assert same(first, second)
    assert same(go_on(first), go_on(second))


@pytest.mark.parametrize("kind", KINDS)
def test_networks_can_be_changed_at_birth(kind: str) -> None:
    agent = small_agent(kind, Widens())
    new = [n for n in parameters_of(agent) if ".0.weight" in n and n.count(".") > 2]
    before = parameters_of(agent)
    agent.learn(ENV_STEPS)
    assert new
    assert any(not torch.equal(before[n], parameters_of(agent)[n]) for n in new)


@pytest.mark.parametrize("kind", KINDS)
def test_the_replay_ratio_is_steered(kind: str) -> None:
    config = AdaptiveReplayRatio.Config(low=0.25, high=0.25, check_interval_env_steps=20)
    agent = small_agent(kind, AdaptiveReplayRatio(config))
    agent.learn(ENV_STEPS)
    assert agent._n_updates == pytest.approx(0.25 * (ENV_STEPS - 20), abs=2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("capability", [PER_SAMPLE_LOSS, MAIN_LOSS])
def test_what_is_not_offered_is_refused_before_anything_starts(kind: str, capability: str) -> None:
    class Wants(Component):
        needs = (capability, MAIN_GRADIENT)

    with pytest.raises(CompositionError, match=capability):
        small_agent(kind, Wants())


class AddsRows(Component):
    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        return joined(batch, batch, belief=view.belief, gamma=0.99)


def test_td3_takes_more_rows_and_the_others_say_that_they_do_not() -> None:
    plain, more = small_agent("td3"), small_agent("td3", AddsRows())
    assert not same(plain.learn(ENV_STEPS), more.learn(ENV_STEPS))
    for kind in ("tqc", "qrdqn", "crossq"):
        with pytest.raises(UserError, match="minibatches of 32 rows"):
            small_agent(kind, AddsRows()).learn(ENV_STEPS)


def test_one_output_a_task_is_refused() -> None:
    with pytest.raises(UserError, match="no outputs by task"):
        small_agent("td3", multi_head=True)


def test_td3_explores_with_noise_where_it_is_asked_to() -> None:
    quiet, noisy = small_agent("td3"), small_agent("td3", action_noise_std=0.5)
    quiet.learn(ENV_STEPS)
    noisy.learn(ENV_STEPS)
    assert quiet.action_noise is None
    assert noisy.action_noise is not None


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_parameters_and_heads(kind: str) -> None:
    agent = small_agent(kind)
    agent.learn(ENV_STEPS)
    buffers = {n: b.clone() for n, b in agent.policy.named_buffers()}
    for phase in agent._phases.values():
        if phase.network is None:
            continue
        actions = torch.zeros(5, 2) if phase.name == "critic" else None
        heads = phase.heads(phase.parameters, torch.zeros(5, 4), actions)
        assert heads
        assert all(torch.isfinite(head.values).all() for head in heads.values())
        drawn = phase.fresh_parameters(torch.Generator().manual_seed(0))
        assert drawn.keys() == phase.parameters.keys()
    assert all(torch.equal(buffers[n], b) for n, b in agent.policy.named_buffers())
