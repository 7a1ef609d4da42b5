"""`replay.clear`: half new, half replayed; off-policy corrected; near what it did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from l2rl.batches import rows_in
from l2rl.component import Component
from l2rl.components.replay.clear import Clear
from l2rl.composition import CompositionError
from l2rl.views import LossView, TransitionBatch
from tests.components.going_on import assert_goes_on
from tests.components.small_agents import parameters_of, same, small_agent
from tests.components.test_task_balanced import Looks

KINDS = ("ppo", "ppo-box")


def clear(**settings: Any) -> Clear:
    return Clear(Clear.Config(**{"unroll_steps": 16, "capacity_unrolls": 32, **settings}))


@pytest.mark.parametrize("kind", KINDS)
def test_minibatches_are_half_new_half_replayed(kind: str) -> None:
    component, looks = clear(), Looks()
    agent = small_agent(kind, component, looks).learn(3 * 128)
    assert [rows_in(b) for b in looks.batches[:16]] == [32] * 16, "nothing to replay at first"
    later = looks.batches[16:]
    assert {rows_in(batch) for batch in later} == {64}
    assert all(b["clear/replayed"].tolist() == [0.0] * 32 + [1.0] * 32 for b in later)
    assert agent.host.metrics()["clear/unrolls"] == 3 * 8
    # Of the first training only rows of the first rollout can be replayed.
    first = {tuple(row) for b in looks.batches[:4] for row in b["observations"].tolist()}
    again = {tuple(row) for row in later[0]["observations"][32:].tolist()}
    assert again <= first


def test_the_share_is_what_was_asked_for() -> None:
    looks = Looks()
    small_agent("ppo", clear(replay_share=0.2), looks).learn(256)
    assert rows_in(looks.batches[-1]) == 40
    plain = small_agent("ppo").learn(256)
    assert same(plain, small_agent("ppo", clear(replay_share=0.0)).learn(256))
    assert not same(plain, small_agent("ppo", clear()).learn(256))


class Keeps(Component):
    """The collections, and what PPO itself noted of them."""

    name = "keeps"
    agent_: Any = None

    def on_transitions(self, batch: TransitionBatch) -> None:
        self.batch = batch
        buffer = self.agent_.rollout_buffer
        self.noted = buffer.log_probs.copy(), buffer.values.copy(), buffer.actions.copy()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_of_the_behaviour_is_what_the_learner_noted(kind: str) -> None:
    component, keeps = clear(), Keeps()
    agent = small_agent(kind, component, keeps, n_steps=60)
    keeps.agent_ = agent
    if kind == "ppo-box":
        with torch.no_grad():
            agent.policy.action_net.bias.fill_(2.5)  # most actions are clipped
    agent.learn(120)
    said = component._remembered(keeps.batch)  # the network has moved since
    assert component._unrolls is not None
    kept = component._unrolls.draw(99)
    log_probs, values, actions = keeps.noted
    assert not np.allclose(said["log_prob"], log_probs, atol=1e-4)
    # 3 whole unrolls of 16 out of 60 steps, of both environments.
    expected = {round(float(v), 4) for v in log_probs[:48].ravel()}
    assert {round(float(v), 4) for v in kept["log_prob"].ravel()} <= {
        round(v + d, 4) for v in expected for d in (-1e-4, 0.0, 1e-4)
    }
    assert np.isin(kept["actions"].ravel(), actions.ravel().astype(kept["actions"].dtype)).all()
    assert np.allclose(np.sort(kept["values"].ravel()), np.sort(values[:48].ravel()), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_ratios_are_one_while_the_network_is_the_same(kind: str) -> None:
    component, keeps = clear(), Keeps()
    agent = small_agent(kind, component, keeps, learning_rate=0.0)
    keeps.agent_ = agent
    agent.learn(256)
    assert component._unrolls is not None
    unrolls = component._unrolls.draw(99)
    rows = component._judged(unrolls)
    assert torch.allclose(
        rows["old_log_prob"], torch.as_tensor(unrolls["log_prob"]).flatten(), atol=1e-5
    )
    # On-policy v is the n-step return; in this game all episodes are cut after 20 steps.
    values = torch.as_tensor(unrolls["values"])
    returns = rows["returns"].reshape(values.shape)
    phase = agent._phases["policy"]
    after = phase.heads(phase.parameters, torch.as_tensor(unrolls["next_observations"][-1]))
    expected = torch.as_tensor(unrolls["rewards"][-1]) + 0.99 * after["value"].values.flatten()
    assert torch.allclose(returns[-1], expected, atol=1e-4)
    advantage = rows["advantages"].reshape(values.shape)
    assert torch.allclose(advantage, returns - values, atol=1e-4)


def terms_of(kind: str, component: Clear, looks: Looks, agent: Any) -> dict[str, torch.Tensor]:
    phase = agent._phases["policy"]
    batch = looks.batches[-1]
    view = LossView("policy", phase.parameters, batch, {}, phase.heads)
    return dict(component.loss_terms(view))


@pytest.mark.parametrize("kind", KINDS)
def test_cloning_is_zero_for_the_same_network_and_grows_with_distance(kind: str) -> None:
    component, looks = clear(policy_cloning=1.0, value_cloning=1.0), Looks()
    agent = small_agent(kind, component, looks, learning_rate=0.0).learn(256)
    near = terms_of(kind, component, looks, agent)
    assert [float(x.detach()) for x in near.values()] == pytest.approx([0.0, 0.0], abs=1e-9)
    with torch.no_grad():
        agent.policy.action_net.bias.add_(torch.arange(len(agent.policy.action_net.bias)))
        agent.policy.value_net.bias.add_(3.0)
    far = terms_of(kind, component, looks, agent)
    assert float(far["value_cloning"].detach()) == pytest.approx(9.0, rel=1e-4)
    assert float(far["policy_cloning"].detach()) > 0.05
    if kind == "ppo-box":  # unit variances: half the squared distance of the means
        assert float(far["policy_cloning"].detach()) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_cloning_are_those_of_finite_differences(kind: str) -> None:
    component, looks = clear(policy_cloning=1.0, value_cloning=1.0), Looks()
    agent = small_agent(kind, component, looks).learn(256)
    for name, bias in (
        ("policy_cloning", agent.policy.action_net.bias),
        ("value_cloning", agent.policy.value_net.bias),
    ):
        term = terms_of(kind, component, looks, agent)[name]
        (gradient,) = torch.autograd.grad(term, [bias])
        sides = []
        for step in (1e-2, -2e-2):
            with torch.no_grad():
                bias[0] += step
            sides.append(float(terms_of(kind, component, looks, agent)[name].detach()))
        assert float(gradient[0]) == pytest.approx((sides[0] - sides[1]) / 2e-2, rel=0.02, abs=1e-4)


def test_cloning_holds_the_policy_to_what_it_did() -> None:
    distances = []
    for strength in (0.0, 30.0):
        component, looks = clear(policy_cloning=strength, value_cloning=0.0), Looks()
        agent = small_agent("ppo", component, looks, learning_rate=1e-2).learn(512)
        batch = looks.batches[-1]
        phase = agent._phases["policy"]
        now = phase.heads(phase.parameters, batch["observations"][32:])["action"].values.detach()
        distances.append(
            float((now.softmax(1) - batch["clear/policy"][32:].softmax(1)).abs().mean())
        )
    assert distances[1] < 0.5 * distances[0]


def test_each_row_is_answered_by_the_output_layer_of_its_task() -> None:
    looks = Looks()
    agent = small_agent("ppo", clear(), looks, multi_head=True)
    agent.start_task(0, "a")
    agent.learn(256)
    agent.end_task(0, "a")
    agent.start_task(1, "b")
    before = parameters_of(agent)
    agent.learn(128, reset_num_timesteps=False)
    assert set(looks.batches[-1]["belief"][32:].tolist()) == {0}
    moved = {n for n, p in parameters_of(agent).items() if not torch.equal(p, before[n])}
    assert {n for n in moved if "heads.0" in n}
    assert {n for n in moved if "heads.1" in n}


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_off_policy_learners_are_told_what_to_use(kind: str) -> None:
    with pytest.raises(CompositionError, match=r"replay\.reservoir"):
        small_agent(kind, clear())


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_goes_on_bit_for_bit_in_mid_task(kind: str) -> None:
    assert_goes_on(kind, lambda: [clear()], 128)
