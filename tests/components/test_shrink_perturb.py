"""`plasticity.shrink_perturb`: the variance of what comes out, when, on whom, and on whom not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from l2rl.agents.surroundings import Surroundings
from l2rl.capabilities import PARAMETER_IMPORTANCE
from l2rl.component import Component
from l2rl.components.plasticity.shrink_perturb import ShrinkAndPerturb
from l2rl.composition import CompositionError
from tests.components.small_agents import goes_on_alike, parameters_of, same, small_agent

STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 100, "sac": 60}
KINDS = tuple(STEPS)


def shrink(**settings: Any) -> ShrinkAndPerturb:
    return ShrinkAndPerturb(ShrinkAndPerturb.Config(**settings))


def after_a_task(kind: str, component: Component, *others: Component, **settings: Any) -> Any:
    agent = small_agent(kind, component, *others, **settings)
    agent.start_task(0, "a")
    agent.learn(STEPS[kind])
    return agent


@pytest.mark.parametrize(("factor", "noise"), [(0.8, 0.1), (0.5, 0.5), (0.9, 1.0)])
def test_the_variance_is_that_of_a_sum(factor: float, noise: float) -> None:
    component = shrink(shrink=factor, perturb=noise)
    agent = after_a_task("dqn", component, policy_kwargs={"net_arch": [128, 128]})
    weight = agent._phases["q"].parameters["q_net.2.weight"].detach()
    before, fresh_variance = float(weight.var()), 1 / (3 * 128)
    moved = float((weight.abs() > 128**-0.5).double().mean())
    assert moved < 0.2
    agent.end_task(0, "a")
    expected = factor**2 * before + noise**2 * fresh_variance
    assert float(weight.var()) == pytest.approx(expected, rel=0.02)


def test_unit_variances_by_hand() -> None:
    generator = torch.Generator().manual_seed(0)
    old, fresh = torch.randn(2, 10**6, generator=generator)
    assert float((0.8 * old + 0.01 * fresh).var()) == pytest.approx(0.6401, rel=5e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_it_happens_at_the_end_of_a_task_to_every_network_with_its_target(kind: str) -> None:
    agent = after_a_task(
        kind, shrink(shrink=0.5, perturb=0.0, critic_shrink=0.25, critic_perturb=0)
    )
    before = parameters_of(agent)
    agent.end_task(0, "a")
    after = parameters_of(agent)
    for name, phase in agent._phases.items():
        for parameter, role in phase.roles.items():
            old, new = before[f"{name}/{parameter}"], after[f"{name}/{parameter}"]
            kept = role == "temperature" or parameter == "log_std"
            factor = 1.0 if kept else {"acting": 0.5, "value": 0.25}[role]
            assert torch.equal(new, factor * old)
            if parameter in phase.targets:
                assert torch.equal(phase.targets[parameter], new)
        moments = phase.read_optimizer()
        assert not [n for n in moments if n not in ("log_ent_coef", "log_std")]


@pytest.mark.parametrize("kind", KINDS)
def test_no_shrinking_and_no_noise_is_the_identity(kind: str) -> None:
    neutral = {"shrink": 1.0, "perturb": 0.0, "critic_shrink": 1.0, "critic_perturb": 0.0}
    still = {"weight_decay": 0, "noise_std": 0, "critic_weight_decay": 0, "critic_noise_std": 0}
    plain = small_agent(kind).learn(STEPS[kind])
    for component in (shrink(**neutral), shrink(form="soft", **still)):
        agent = after_a_task(kind, component)
        agent.end_task(0, "a")
        assert same(agent, plain)


def test_the_noise_of_all_steps_of_a_call_is_added_after_it() -> None:
    quiet = {"weight_decay": 0.0, "critic_weight_decay": 0.0, "critic_noise_std": 0.0}
    component = shrink(form="soft", noise_std=0.01, **quiet)
    agent = small_agent("dqn", component, policy_kwargs={"net_arch": [128, 128]})
    agent.learn(30)
    moments = agent._phases["q"].read_optimizer()
    targets = {n: t.clone() for n, t in agent._phases["q"].targets.items()}
    before = parameters_of(agent)
    component._steps["q"] = 9
    agent.host.settle()
    after = parameters_of(agent)
    change = torch.cat([(after[n] - before[n]).reshape(-1) for n in after])
    assert float(change.std()) == pytest.approx(0.03, rel=0.03)
    assert float(change.mean()) == pytest.approx(0.0, abs=1e-3)
    now = agent._phases["q"].read_optimizer()
    assert all(torch.equal(moments[n]["exp_avg"], now[n]["exp_avg"]) for n in moments)
    assert all(torch.equal(targets[n], t) for n, t in agent._phases["q"].targets.items())
    agent.host.settle()
    assert all(torch.equal(after[n], p) for n, p in parameters_of(agent).items())


@pytest.mark.parametrize("kind", KINDS)
def test_weight_decay_is_a_term_whose_gradient_is_the_weight(kind: str) -> None:
    agent = small_agent(kind, shrink(form="soft", weight_decay=0.5, critic_weight_decay=0.25))
    component = agent.host.composition.components[0]
    for name, phase in agent._phases.items():
        tensors = component.term_tensors(name)
        if name == "entropy":
            assert tensors is None
            continue
        from l2rl.views import LossView

        view = LossView(name, phase.parameters, {}, tensors, phase.heads)
        component.loss_terms(view)["weight_decay"].backward()
        for parameter, value in phase.parameters.items():
            if parameter != "log_std":
                factor = 0.25 if phase.roles[parameter] == "value" else 0.5
                assert torch.allclose(value.grad, factor * value)
    trained = agent.learn(STEPS[kind])
    assert not same(trained, small_agent(kind).learn(STEPS[kind]))


class Importance(Component):
    provides = (PARAMETER_IMPORTANCE,)
    name = "importance"

    def parameter_importance(self) -> Mapping[str, Mapping[str, torch.Tensor]]:
        return {"q": {"q_net.4.bias": torch.tensor([0.5, 2.0, 1.0])}}


def test_important_entries_can_be_spared() -> None:
    agent = after_a_task("dqn", shrink(spare_important=0.34), Importance())
    before = agent._phases["q"].parameters["q_net.4.bias"].detach().clone()
    agent.end_task(0, "a")
    after = agent._phases["q"].parameters["q_net.4.bias"].detach()
    assert (before == after).tolist() == [False, True, False]
    with pytest.raises(CompositionError, match=PARAMETER_IMPORTANCE):
        small_agent("dqn", shrink(spare_important=0.1))


def test_without_any_sign_of_tasks_the_boundary_form_is_refused() -> None:
    with pytest.raises(CompositionError, match="TASK_BOUNDARY"):
        small_agent("dqn", shrink(), surroundings=Surroundings())
    small_agent("dqn", shrink(form="soft"), surroundings=Surroundings())


@pytest.mark.parametrize(("kind", "form"), [("ppo", "soft"), ("sac", "soft"), ("dqn", "boundary")])
def test_its_state_goes_on_bit_for_bit(kind: str, form: str) -> None:
    one = after_a_task(kind, shrink(form=form))
    one.end_task(0, "a")
    other = small_agent(kind, shrink(form=form)).learn(4)
    assert goes_on_alike(one, other, 60)
