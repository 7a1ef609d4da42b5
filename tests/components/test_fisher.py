"""The diagonal Fisher information against hand calculation, sampling and brute force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributions, nn

from l2rl.agents.dqn import LifelongDQN
from l2rl.components.consolidation.fisher import diagonal_fisher, scaled_to_unit_norm
from l2rl.views import Head
from tests.components.small_agents import small_agent

STATE = torch.tensor([[0.5, -1.0, 2.0]])


def linear(kind: Any, **fields: Any) -> Callable[..., dict[str, Head]]:
    """Heads of a linear network: values = observations W^T."""

    def heads(
        parameters: Mapping[str, torch.Tensor], observations: torch.Tensor, actions: Any = None
    ) -> dict[str, Head]:
        return {"x": Head(kind, "acting", observations @ parameters["w"].T, **fields)}

    return heads


def test_of_a_gaussian_by_hand() -> None:
    def heads(
        parameters: Mapping[str, torch.Tensor], observations: torch.Tensor, actions: Any = None
    ) -> dict[str, Head]:
        theta = parameters["theta"].reshape(1, 1)
        return {"x": Head("gaussian", "acting", 0.7 * theta, 0.5 - 0.3 * theta)}

    theta = {"theta": torch.zeros(1)}
    found = diagonal_fisher(heads, theta, ["theta"], "acting", torch.zeros(1, 1))
    assert float(found["theta"]) == pytest.approx(2.68, abs=1e-5)


def test_of_a_linear_softmax_is_p_1_minus_p_x_squared() -> None:
    weights = {"w": torch.randn(4, 3, generator=torch.Generator().manual_seed(0))}
    probability = torch.softmax(STATE @ weights["w"].T, dim=1)
    expected = (probability * (1 - probability)).T @ STATE.square()
    found = diagonal_fisher(linear("categorical"), weights, ["w"], "acting", STATE)
    torch.testing.assert_close(found["w"], expected)


def gaussian_with_state_dependent_scale(
    parameters: Mapping[str, torch.Tensor], observations: torch.Tensor, actions: Any = None
) -> dict[str, Head]:
    mean, log_scale = (observations @ parameters["w"].T).split(2, dim=1)
    return {"x": Head("gaussian", "acting", mean, (0.3 * log_scale).exp())}


SAMPLED: dict[str, tuple[Any, Callable[[torch.Tensor], Any]]] = {
    "categorical": (linear("categorical"), lambda x: distributions.Categorical(logits=x)),
    "bernoulli": (linear("bernoulli"), lambda x: distributions.Bernoulli(logits=x)),
    "gaussian": (
        gaussian_with_state_dependent_scale,
        lambda x: distributions.Normal(x[:, :2], (0.3 * x[:, 2:]).exp()),
    ),
}


@pytest.mark.parametrize("kind", SAMPLED)
def test_it_is_the_mean_squared_score_of_the_policys_own_actions(kind: str) -> None:
    heads, distribution_of = SAMPLED[kind]
    weights = {"w": 0.5 * torch.randn(4, 3, generator=torch.Generator().manual_seed(1))}
    found = diagonal_fisher(heads, weights, ["w"], "acting", STATE)["w"]
    outputs = (STATE @ weights["w"].T).repeat(200_000, 1).requires_grad_()
    distribution = distribution_of(outputs)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        actions = distribution.sample()
    distribution.log_prob(actions).sum().backward()
    assert outputs.grad is not None
    sampled = outputs.grad.square().mean(dim=0)[:, None] * STATE.square()
    torch.testing.assert_close(found, sampled, rtol=0.03, atol=1e-4)


def test_of_a_multi_categorical_is_that_of_its_parts() -> None:
    weights = {"w": torch.randn(5, 3, generator=torch.Generator().manual_seed(2))}
    both = linear("multi_categorical", sizes=(2, 3))
    found = diagonal_fisher(both, weights, ["w"], "acting", STATE)["w"]
    for part in (slice(0, 2), slice(2, 5)):
        alone = {"w": weights["w"][part]}
        expected = diagonal_fisher(linear("categorical"), alone, ["w"], "acting", STATE)["w"]
        torch.testing.assert_close(found[part], expected)


def brute_force(
    outputs: Callable[[torch.Tensor], torch.Tensor], parameters: Any, states: Any
) -> Any:
    """Mean over states of the summed squared gradients of several outputs, one by one."""
    total = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for state in states:
        for output in outputs(state[None]).reshape(-1):
            gradients = torch.autograd.grad(
                output, list(parameters.values()), retain_graph=True, allow_unused=True
            )
            for name, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    total[name] += gradient.square() / len(states)
    return total


def check_against_brute_force(
    phase: Any, role: Any, outputs: Any, states: Any, actions: Any = None
) -> None:
    names = [name for name, r in phase.roles.items() if r == role]
    found = diagonal_fisher(phase.heads, phase.parameters, names, role, states, actions)
    expected = brute_force(outputs, {n: phase.parameters[n] for n in names}, states)
    assert names
    for name in names:
        assert bool((found[name] >= 0).all())
        assert bool(found[name].any()), name
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-6)


STATES = torch.as_tensor(np.random.default_rng(0).standard_normal((6, 4)), dtype=torch.float32)


def test_of_a_ppo_policy_over_discrete_actions() -> None:
    agent = small_agent("ppo")

    def outputs(state: torch.Tensor) -> torch.Tensor:
        logits = agent.policy.get_distribution(state).distribution.logits
        return logits.exp().sqrt().detach() * logits

    check_against_brute_force(agent._phases["policy"], "acting", outputs, STATES)
    check_against_brute_force(agent._phases["policy"], "value", agent.policy.predict_values, STATES)


def test_of_a_ppo_policy_over_continuous_actions() -> None:
    agent = small_agent("ppo-box")

    def outputs(state: torch.Tensor) -> torch.Tensor:
        normal = agent.policy.get_distribution(state).distribution
        scale = normal.stddev.detach()
        return torch.cat([normal.mean / scale, 2**0.5 * normal.stddev / scale])

    check_against_brute_force(agent._phases["policy"], "acting", outputs, STATES)


def test_of_q_networks_and_twin_critics() -> None:
    agent = small_agent("dqn")
    check_against_brute_force(agent._phases["q"], "acting", agent.q_net, STATES)
    agent = small_agent("sac")
    phase, actions = agent._phases["critic"], torch.full((6, 2), 0.3)
    check_against_brute_force(
        phase,
        "value",
        lambda state: torch.cat(agent.critic(state, actions[:1])),
        STATES,
        actions,
    )


def test_chunks_do_not_matter_and_a_cnn_is_no_exception() -> None:
    agent = small_agent("dqn")
    phase = agent._phases["q"]
    arguments = (phase.heads, phase.parameters, list(phase.parameters), "acting", STATES)
    whole, pieces = diagonal_fisher(*arguments), diagonal_fisher(*arguments, chunk_numbers=1200)
    for name in whole:
        torch.testing.assert_close(whole[name], pieces[name])
    images = torch.randint(0, 256, (3, 1, 36, 36), generator=torch.Generator().manual_seed(0))
    cnn = _image_agent()._phases["q"]
    found = diagonal_fisher(cnn.heads, cnn.parameters, list(cnn.parameters), "acting", images)
    last = [value for name, value in found.items() if name.endswith("bias")][-1]
    torch.testing.assert_close(last, torch.ones_like(last))
    assert all(bool(value.any()) for value in found.values())


def _image_agent() -> Any:
    import gymnasium as gym
    from gymnasium import spaces

    class Image(gym.Env[Any, Any]):
        observation_space = spaces.Box(0, 255, (1, 36, 36), np.uint8)
        action_space = spaces.Discrete(2)

    return LifelongDQN("CnnPolicy", Image(), seed=0, buffer_size=10, device="cpu")


def test_a_unit_that_never_fires_does_not_matter() -> None:
    agent = small_agent("dqn")
    phase = agent._phases["q"]
    with torch.no_grad():
        phase.parameters["q_net.0.bias"][3] = -1e6
    found = diagonal_fisher(phase.heads, phase.parameters, list(phase.parameters), "acting", STATES)
    assert not found["q_net.0.weight"][3].any()
    assert not found["q_net.0.bias"][3].any()
    assert not found["q_net.2.weight"][:, 3].any()
    assert found["q_net.2.weight"].any()


def test_squaring_the_gradient_of_a_batch_mean_gives_too_little_by_the_batch_size() -> None:
    generator = torch.Generator().manual_seed(0)
    size, batches = 32, 400
    states = torch.randn(size * batches, 3, generator=generator)
    weights = {"w": torch.tensor([[0.3, -0.2, 0.5]])}
    probability = torch.sigmoid(states @ weights["w"].T)
    labels = torch.bernoulli(probability, generator=generator)
    scores = (labels - probability) * states
    squared_means = scores.reshape(batches, size, 3).mean(dim=1).square().mean(dim=0)
    exact = diagonal_fisher(linear("bernoulli"), weights, ["w"], "acting", states)["w"]
    assert float((squared_means * size / exact).mean()) == pytest.approx(1.0, abs=0.15)


def test_unit_norm_is_over_all_parameters_together_and_leaves_zeros() -> None:
    scaled = scaled_to_unit_norm({"a": torch.tensor([3.0]), "b": torch.tensor([4.0, 0.0])})
    assert scaled["a"].tolist() == pytest.approx([0.6])
    assert scaled["b"].tolist() == pytest.approx([0.8, 0.0])
    assert scaled_to_unit_norm({"a": torch.zeros(2)})["a"].tolist() == [0.0, 0.0]


def test_nothing_is_drawn_from_the_global_generators_and_nothing_moves() -> None:
    agent = small_agent("sac")
    phase: Any = agent._phases["actor"]
    before = [p.detach().clone() for p in phase.parameters.values()]
    state = torch.get_rng_state()
    names = list(phase.parameters)
    diagonal_fisher(phase.heads, phase.parameters, names, "acting", STATES)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(isinstance(p, nn.Parameter) and p.grad is None for p in phase.parameters.values())
    assert all(torch.equal(a, b) for a, b in zip(before, phase.parameters.values(), strict=True))


def test_a_shared_trunk_is_judged_by_what_acts_alone() -> None:
    def heads(parameters: Any, observations: torch.Tensor, actions: Any = None) -> dict[str, Head]:
        values = parameters["trunk"] * observations[:, :1]
        return {
            "action": Head("scalar", "acting", 2.0 * values),
            "value": Head("scalar", "value", 100.0 * values),
        }

    trunk = {"trunk": torch.ones(1)}
    found = diagonal_fisher(heads, trunk, ["trunk"], "acting", torch.ones(3, 1))
    assert found["trunk"].tolist() == [4.0]
