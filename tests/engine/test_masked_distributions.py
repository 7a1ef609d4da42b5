"""A masked distribution in closed form, and what its gradient leaves alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.distributions import make_masked_proba_distribution
from stable_baselines3.common.distributions import make_proba_distribution
from stable_baselines3.common.policies import ActorCriticPolicy

from l2rl.engine.dqn_loss import dqn_loss
from l2rl.engine.masked_distributions import (
    MaskedCategorical,
    MaskedCategoricalDistribution,
    make_maskable,
    masked,
)

LOGITS = torch.tensor([[0.0, math.log(2.0), math.log(3.0), 7.0], [1.0, 1.0, -3.0, 1.0]])
MASKS = torch.tensor([[True, True, False, False], [True, True, False, True]])


def policy_over(space: spaces.Space[Any]) -> ActorCriticPolicy:
    seen = spaces.Box(-1, 1, (3,))
    policy = ActorCriticPolicy(seen, space, lambda _: 1e-3)
    make_maskable(policy)
    return policy


def test_probabilities_log_probabilities_and_entropy_in_closed_form() -> None:
    distribution = MaskedCategorical(LOGITS, MASKS)
    third, two_thirds = 1 / 3, 2 / 3
    expected = torch.tensor([[third, two_thirds, 0.0, 0.0], [third, third, 0.0, third]])
    assert torch.allclose(distribution.probs, expected)
    assert (distribution.probs[~MASKS] == 0.0).all()
    log_prob = distribution.log_prob(torch.tensor([1, 3]))
    assert torch.allclose(log_prob, torch.tensor([math.log(two_thirds), math.log(third)]))
    entropy = [-third * math.log(third) - two_thirds * math.log(two_thirds), math.log(3.0)]
    assert torch.allclose(distribution.entropy(), torch.tensor(entropy))


def test_only_valid_actions_are_sampled_or_best() -> None:
    distribution = MaskedCategoricalDistribution(4)
    distribution.masks = MASKS
    distribution.proba_distribution(LOGITS)
    assert distribution.mode().tolist() == [1, 0]
    samples = torch.stack([distribution.sample() for _ in range(300)])
    assert set(samples[:, 0].tolist()) == {0, 1}
    assert set(samples[:, 1].tolist()) == {0, 1, 3}


def test_a_single_valid_action_is_certain() -> None:
    distribution = MaskedCategorical(LOGITS[:1], torch.tensor([[False, False, True, False]]))
    assert distribution.log_prob(torch.tensor([2])).item() == 0.0
    assert distribution.entropy().item() == 0.0


def test_the_loss_says_nothing_to_the_logits_of_invalid_actions() -> None:
    """But for rounding: they are part of a normalisation that cancels out, as in MaskablePPO."""
    torch.manual_seed(0)
    logits = torch.randn(64, 30, requires_grad=True)
    masks = torch.rand(64, 30) < 0.6
    masks[:, 0] = True
    distribution = MaskedCategorical(logits, masks)
    loss = distribution.log_prob(distribution.sample()) * torch.randn(64) + distribution.entropy()
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    valid, invalid = gradient[masks].abs(), gradient[~masks].abs()
    assert valid.max() > 1.0
    assert invalid.max() < 2e-7 * valid.max()
    unmasked = torch.autograd.grad(torch.log_softmax(logits, 1)[:, 0].sum(), logits)[0]
    assert unmasked[~masks].abs().min() > 1e-4, "without masks it would say much"


@pytest.mark.parametrize("space", [spaces.Discrete(6), spaces.MultiDiscrete([2, 4])])
def test_it_is_sb3_contribs_with_masks_and_sb3s_without(space: spaces.Space[Any]) -> None:
    torch.manual_seed(0)
    logits, masks = torch.randn(50, 6), torch.rand(50, 6) < 0.5
    masks[:, [0, 2]] = True
    policy = policy_over(space)
    theirs, stock = make_masked_proba_distribution(space), make_proba_distribution(space)
    theirs.proba_distribution(logits)
    theirs.apply_masking(masks)
    with masked(policy, masks):
        ours = policy.action_dist.proba_distribution(logits)
        assert _answers(ours, 1) == _answers(theirs, 1)
    assert _answers(ours.proba_distribution(logits), 1) == _answers(
        stock.proba_distribution(logits), 1
    )


def _answers(distribution: Any, seed: int) -> list[Any]:
    torch.manual_seed(seed)
    actions = distribution.sample()
    said = (actions, distribution.mode(), distribution.log_prob(actions), distribution.entropy())
    return [tensor.tolist() for tensor in said]


def test_masks_that_do_not_fit_are_not_broadcast() -> None:
    policy = policy_over(spaces.Discrete(4))
    with masked(policy, MASKS[:1]), pytest.raises(ValueError, match=r"\(1, 4\).*\(2, 4\)"):
        policy.action_dist.proba_distribution(LOGITS)


# ---- DQN's target --------------------------------------------------------------------------


class Table(torch.nn.Module):
    """Values of two states by number."""

    def __init__(self, values: list[list[float]]) -> None:
        super().__init__()
        self.values = torch.nn.Parameter(torch.tensor(values))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.values[states.long().reshape(-1)]


def test_the_target_is_the_largest_valid_value_even_where_an_invalid_one_is_larger() -> None:
    online, target = Table([[0.0, 0.0, 0.0]] * 2), Table([[0.0] * 3, [9.0, 0.5, 0.25]])
    batch = {
        "observations": torch.tensor([[0.0], [0.0]]),
        "next_observations": torch.tensor([[1.0], [1.0]]),
        "actions": torch.tensor([[1], [2]]),
        "rewards": torch.tensor([[0.0], [0.0]]),
        "dones": torch.tensor([[0.0], [1.0]]),
        "next_action_masks": torch.tensor([[False, True, True], [True, True, True]]),
    }
    # Huber: half of 0.5 squared for the first, nothing for the second, whose episode ended.
    assert dqn_loss(online, target, batch, 1.0).total.item() == pytest.approx(0.125 / 2)
    del batch["next_action_masks"]
    assert dqn_loss(online, target, batch, 1.0).total.item() == pytest.approx(8.5 / 2)
