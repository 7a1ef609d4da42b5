"""V-trace and distances of policies, against numbers and against slow definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Normal
from torch.distributions.kl import kl_divergence

from l2rl.components.replay.head_distributions import divergences, log_probabilities
from l2rl.components.replay.unrolls import UnrollReservoir
from l2rl.components.replay.v_trace import VTrace, v_trace
from l2rl.views import Head
from tests.components.going_on import alike

REWARDS = [1.0, 0.0, 2.0, -1.0]
VALUES = [0.5, 1.0, -0.2, 0.3]


def traced(ratios: list[float], bootstrap: float = 0.7, **settings: float) -> VTrace:
    no = torch.zeros(4, dtype=torch.bool)
    return v_trace(
        torch.tensor(REWARDS),
        torch.tensor(VALUES),
        torch.tensor([*VALUES[1:], bootstrap]),
        torch.tensor(ratios),
        terminated=no,
        truncated=no,
        gamma=0.9,
        **settings,
    )


def test_on_policy_targets_are_n_step_returns() -> None:
    result = traced([1.0] * 4)
    assert result.targets.tolist() == pytest.approx([2.35027, 1.5003, 1.667, -0.37], abs=1e-5)
    returns, after = [], 0.7
    for reward in reversed(REWARDS):
        after = reward + 0.9 * after
        returns.insert(0, after)
    assert result.targets.tolist() == pytest.approx(returns, abs=1e-5)
    advantages = [r - v for r, v in zip(returns, VALUES, strict=True)]
    assert result.advantages.tolist() == pytest.approx(advantages, abs=1e-5)


def test_off_policy_targets_are_those_of_the_reference() -> None:
    result = traced([0.5, 2.0, 1.0, 0.25])
    expected = [1.608296, 1.907325, 2.11925, 0.1325]
    assert result.targets.tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("rho_max", "c_max"), [(1.0, 1.0), (2.0, 0.5), (0.7, 0.9)])
def test_the_recursion_is_the_sum_of_the_definition(rho_max: float, c_max: float) -> None:
    rng = np.random.default_rng(3)
    steps, gamma = 12, 0.95
    rewards, values, ratios = rng.normal(size=(3, steps)).astype(np.float32)
    ratios = np.exp(ratios)
    following = np.append(values[1:], np.float32(0.4))
    no = torch.zeros(steps, dtype=torch.bool)
    result = v_trace(
        *map(torch.tensor, (rewards, values, following, ratios)),
        terminated=no,
        truncated=no,
        gamma=gamma,
        rho_max=rho_max,
        c_max=c_max,
    )
    for start in range(steps):
        total, trace = values[start], 1.0
        for step in range(start, steps):
            delta = min(rho_max, ratios[step]) * (
                rewards[step] + gamma * following[step] - values[step]
            )
            total += gamma ** (step - start) * trace * delta
            trace *= min(c_max, ratios[step])
        assert float(result.targets[start]) == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("truncated", [False, True])
def test_an_end_inside_an_unroll_stops_the_trace(truncated: bool) -> None:
    """Two episodes in one unroll are what they would be each by itself."""
    end = torch.tensor([False, True, False, False])
    no = torch.zeros(4, dtype=torch.bool)
    values, ratios = torch.tensor(VALUES), torch.tensor([0.5, 2.0, 1.0, 0.25])
    # The next value of the cut state is that of its true last observation, here 9.
    after = torch.tensor([1.0, 9.0, 0.3, 0.7])
    result = v_trace(
        torch.tensor(REWARDS),
        values,
        after,
        ratios,
        terminated=no if truncated else end,
        truncated=end if truncated else no,
        gamma=0.9,
    )
    last = 0.0 + 0.9 * (9.0 if truncated else 0.0)
    assert float(result.targets[1]) == pytest.approx(last)  # its ratio is clipped to 1
    first = 0.5 + 0.5 * (1.0 + 0.9 * 1.0 - 0.5) + 0.9 * 0.5 * (last - 1.0)
    assert float(result.targets[0]) == pytest.approx(first)
    assert float(result.advantages[1]) == pytest.approx(last - 1.0)
    assert float(result.advantages[0]) == pytest.approx(0.5 * (1.0 + 0.9 * last - 0.5))
    assert result.targets[2:].tolist() == pytest.approx([2.11925, 0.1325], abs=1e-5)


def test_unrolls_side_by_side_do_not_touch() -> None:
    one, other = traced([1.0] * 4), traced([0.5, 2.0, 1.0, 0.25])
    both = v_trace(
        torch.tensor([REWARDS, REWARDS]).T,
        torch.tensor([VALUES, VALUES]).T,
        torch.tensor([[*VALUES[1:], 0.7]] * 2).T,
        torch.tensor([[1.0] * 4, [0.5, 2.0, 1.0, 0.25]]).T,
        terminated=torch.zeros(4, 2, dtype=torch.bool),
        truncated=torch.zeros(4, 2, dtype=torch.bool),
        gamma=0.9,
    )
    assert torch.allclose(both.targets, torch.stack([one.targets, other.targets], dim=1))
    assert torch.allclose(both.advantages, torch.stack([one.advantages, other.advantages], dim=1))


# ---- distances -----------------------------------------------------------------------------


def head(kind: str, values: torch.Tensor, scale: torch.Tensor | None = None, *sizes: int) -> Head:
    return Head(kind, "acting", values, scale, sizes)  # type: ignore[arg-type]


def test_categorical_heads_with_and_without_masks() -> None:
    old, new = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    actions = torch.tensor([0, 1, 0, 1, 2, 0])
    expected = kl_divergence(Categorical(logits=old), Categorical(logits=new))
    assert torch.allclose(divergences(head("categorical", old), head("categorical", new)), expected)
    log_prob = log_probabilities(head("categorical", new), actions)
    assert torch.allclose(log_prob, Categorical(logits=new).log_prob(actions))
    masks = torch.tensor([True, True, True, False]).expand(6, 4)
    valid = kl_divergence(Categorical(logits=old[:, :3]), Categorical(logits=new[:, :3]))
    distance = divergences(head("categorical", old), head("categorical", new), masks)
    assert torch.allclose(distance, valid, atol=1e-6)
    log_prob = log_probabilities(head("categorical", new), actions, masks)
    assert torch.allclose(log_prob, Categorical(logits=new[:, :3]).log_prob(actions), atol=1e-6)


def test_other_heads() -> None:
    old, new = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(1))
    parts = (slice(0, 2), slice(2, 5))
    expected = sum(
        kl_divergence(Categorical(logits=old[:, p]), Categorical(logits=new[:, p])) for p in parts
    )
    both = head("multi_categorical", old, None, 2, 3), head("multi_categorical", new, None, 2, 3)
    assert torch.allclose(divergences(*both), torch.as_tensor(expected), atol=1e-6)
    actions = torch.tensor([[0.0, 2.0]] * 6)
    log_prob = sum(
        Categorical(logits=new[:, p]).log_prob(actions[:, i]) for i, p in enumerate(parts)
    )
    assert torch.allclose(log_probabilities(both[1], actions), torch.as_tensor(log_prob))
    scales = torch.full((6, 5), 0.5), torch.full((6, 5), 2.0)
    normals = Normal(old, scales[0]), Normal(new, scales[1])
    gaussian = head("gaussian", old, scales[0]), head("gaussian", new, scales[1])
    assert torch.allclose(divergences(*gaussian), kl_divergence(*normals).sum(dim=1))
    assert torch.allclose(log_probabilities(gaussian[1], old), normals[1].log_prob(old).sum(dim=1))
    assert float(divergences(gaussian[0], gaussian[0]).abs().max()) == 0.0


# ---- unrolls ----------------------------------------------------------------------------------


def test_unrolls_stay_whole_and_environments_apart() -> None:
    kept = UnrollReservoir(4, 3, np.random.default_rng(0))
    numbers = np.arange(3 * 11 * 2).reshape(33, 2)
    for start in range(0, 33, 11):
        kept.offer({"x": numbers[start : start + 11]})
    assert kept.offered == 9, "of 11 steps three whole unrolls, two left over"
    drawn = kept.draw(99)["x"]
    assert drawn.shape == (3, 8)
    assert (np.diff(drawn, axis=0) == 2).all()
    starts = (drawn[0] // 2) % 11
    assert set(starts.tolist()) <= {0, 3, 6}
    assert sorted((drawn[0] % 2).tolist()) == [0] * 4 + [1] * 4
    assert len(np.unique(drawn[0])) == 8, "no unroll is drawn twice"
    again = UnrollReservoir(4, 1, np.random.default_rng(7))
    again.load_state_dict(kept.state_dict())
    assert alike(again.state_dict(), kept.state_dict())


def test_every_unroll_is_kept_with_the_same_probability() -> None:
    counts = np.zeros((20, 2))
    for seed in range(1200):
        kept = UnrollReservoir(5, 2, np.random.default_rng(seed))
        for start in range(0, 80, 16):
            kept.offer({"x": np.arange(80).reshape(40, 2)[start // 2 : start // 2 + 8]})
        first = kept.draw(10)["x"][0]
        counts[first // 4, first % 2] += 1
    assert np.abs(counts / 1200 - 0.25).max() < 0.06
