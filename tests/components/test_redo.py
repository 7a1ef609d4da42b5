"""`plasticity.redo`: who is recycled, what becomes of them, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from l2rl.capabilities import PARAMETER_IMPORTANCE, WEIGHT_MASK
from l2rl.component import Component
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.plasticity.layer_graph import HiddenLayer, hidden_layers
from l2rl.components.plasticity.measures import unit_scores
from l2rl.components.plasticity.redo import ReDo
from l2rl.components.plasticity.sparing import most_important
from l2rl.composition import CompositionError
from l2rl.errors import UserError
from tests.components.small_agents import goes_on_alike, parameters_of, same, small_agent

KINDS = ("ppo", "ppo-box", "dqn", "sac")
STEPS = {"ppo": 256, "ppo-box": 256, "dqn": 200, "sac": 80}
DEAD = torch.tensor([1, 4, 9])


def redo(**settings: Any) -> ReDo:
    settings = {"interval_updates": 10**9, "threshold": 0.0, "critic_threshold": 0.0, **settings}
    return ReDo(ReDo.Config(**settings))


def layers_of(agent: Any, phase: str) -> list[HiddenLayer]:
    view = agent.host._agent_view(Component())
    return hidden_layers(view, view.phases[phase])


def tanh() -> dict[str, Any]:
    """Units that do not die by themselves."""
    return {"net_arch": [16, 16], "activation_fn": nn.Tanh}


def kill(agent: Any, units: torch.Tensor = DEAD) -> None:
    """Units of every hidden layer that put out exactly zero."""
    with torch.no_grad():
        for name, phase in agent._phases.items():
            for layer in layers_of(agent, name):
                for incoming in layer.incoming:
                    phase.parameters[incoming][units] = 0.0


def said(agent: Any) -> dict[str, torch.Tensor]:
    """What all heads of all phases say on some states."""
    generator = torch.Generator().manual_seed(5)
    states = torch.randn(64, 4, generator=generator)
    actions = torch.rand(64, 2, generator=generator)
    return {
        f"{name}/{head}": value.values.detach().clone()
        for name, phase in agent._phases.items()
        for head, value in phase.heads(phase.parameters, states, actions).items()
    }


def recycle(agent: Any, component: ReDo) -> None:
    for phase in component._since:
        component._since[phase] = component.config.interval_updates
    agent.host.settle()


@pytest.mark.parametrize("kind", KINDS)
def test_units_that_are_zero_are_recycled_without_changing_a_bit_of_the_output(kind: str) -> None:
    component = redo()
    agent = small_agent(kind, component)
    agent.learn(STEPS[kind])
    kill(agent)
    outputs, before = said(agent), parameters_of(agent)
    optimizers = {name: phase.read_optimizer() for name, phase in agent._phases.items()}
    # A unit may have died by itself, too.
    found = [pair for phase in component._layers for pair in component._dormant(phase)]
    dead_in = {layer.title: units.nonzero().flatten() for layer, units in found}
    assert all(set(DEAD.tolist()) <= set(units.tolist()) for units in dead_in.values())
    recycle(agent, component)
    after = parameters_of(agent)
    assert all(torch.equal(values, outputs[name]) for name, values in said(agent).items())
    touched = {}
    for name in agent._phases:
        for layer in layers_of(agent, name):
            weight, dead = after[f"{name}/{layer.weight}"], dead_in[layer.title]
            assert float(weight[DEAD].abs().max()) > 0
            if "ppo" not in kind:  # torch's own initialiser: uniform within 1 / sqrt(inputs)
                assert float(weight[DEAD].abs().max()) <= weight.shape[1] ** -0.5
            assert float(after[f"{name}/{layer.bias}"][DEAD].abs().max()) == 0.0
            for incoming in layer.incoming:
                touched.setdefault((name, incoming), []).append((dead, slice(None)))
            for edge in layer.outgoing:
                assert float(after[f"{name}/{edge.weight}"][:, DEAD].abs().max()) == 0.0
                touched.setdefault((name, edge.weight), []).append((slice(None), dead))
    assert touched
    for name, phase in agent._phases.items():
        moments = phase.read_optimizer()
        for parameter, values in phase.parameters.items():
            mask = torch.zeros_like(values, dtype=torch.bool)
            for rows, columns in touched.get((name, parameter), []):
                mask[(rows, columns) if values.dim() > 1 else rows] = True
            key = f"{name}/{parameter}"
            assert torch.equal(before[key][~mask], after[key][~mask])
            old, new = optimizers[name][parameter], moments[parameter]
            assert torch.equal(old["step"], new["step"])
            for moment in ("exp_avg", "exp_avg_sq"):
                assert torch.equal(old[moment][~mask], new[moment][~mask])
                assert not mask.any() or float(new[moment][mask].abs().max()) == 0.0


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_targets_undergo_the_same(kind: str) -> None:
    component = redo()
    agent = small_agent(kind, component, policy_kwargs=tanh())
    agent.learn(STEPS[kind])
    kill(agent)
    phase = agent._phases["q" if kind == "dqn" else "critic"]
    before = {n: t.clone() for n, t in phase.targets.items()}
    recycle(agent, component)
    for layer in layers_of(agent, phase.name):
        now, target = phase.parameters[layer.weight], phase.targets[layer.weight]
        assert torch.equal(now[DEAD], target[DEAD])
        kept = [u for u in range(16) if u not in DEAD]
        columns = [c for c in range(before[layer.weight].shape[1]) if c not in DEAD]
        assert torch.equal(target[kept][:, columns], before[layer.weight][kept][:, columns])
        for edge in layer.outgoing:
            assert float(phase.targets[edge.weight][:, DEAD].abs().max()) == 0.0


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_the_output_changes_by_no_more_than_what_the_recycled_units_said(threshold: float) -> None:
    component = redo(threshold=threshold)
    agent = small_agent("dqn", component, policy_kwargs={"net_arch": [24]})
    agent.learn(300)
    states = torch.as_tensor(component._memory.read("observations"))
    hidden = agent._phases["q"].activations(states)["q_net.1"]
    dormant = unit_scores(hidden) <= threshold
    weight = agent._phases["q"].parameters["q_net.2.weight"].detach().clone()
    bound = (hidden[:, dormant].abs() @ weight[:, dormant].abs().T).clone()
    before = agent.q_net(states).detach()
    recycle(agent, component)
    change = (agent.q_net(states).detach() - before).abs()
    assert component.metrics()["q/recycled"] == int(dormant.sum())
    assert bool((change <= bound + 1e-5).all())
    if threshold > 0.4:
        assert int(dormant.sum()) > 0
        assert float(change.max()) > 0


def test_each_role_has_its_threshold_and_null_leaves_a_network_alone() -> None:
    component = redo(threshold=None)
    agent = small_agent("sac", component)
    agent.learn(80)
    kill(agent)
    before = parameters_of(agent)
    recycle(agent, component)
    changed = {n.split("/")[0] for n, p in parameters_of(agent).items() if not p.equal(before[n])}
    assert changed == {"critic"}
    ppo = redo(critic_threshold=None)
    agent = small_agent("ppo", ppo)
    agent.learn(256)
    kill(agent)
    before = parameters_of(agent)
    recycle(agent, ppo)
    after = parameters_of(agent)
    assert not [n for n in after if "value_net" in n and not torch.equal(after[n], before[n])]
    assert ppo.metrics() == {"policy/recycled": 6.0}
    with pytest.raises(UserError, match="no hidden layer"):
        small_agent("dqn", redo(threshold=None))


def test_new_weights_can_have_the_norm_of_the_living() -> None:
    component = redo(incoming_scale="live_mean")
    agent = small_agent("dqn", component)
    agent.learn(200)
    kill(agent)
    alive = [u for u in range(16) if u not in DEAD]
    before = agent._phases["q"].parameters["q_net.0.weight"].detach().clone()
    recycle(agent, component)
    norms = agent._phases["q"].parameters["q_net.0.weight"].detach().norm(dim=1)
    expected = float(before[alive].norm(dim=1).mean())
    assert norms[DEAD].tolist() == pytest.approx([expected] * 3, rel=1e-5)


def test_it_happens_every_so_many_updates() -> None:
    component = redo(interval_updates=16, threshold=2.0)
    agent = small_agent("ppo", component)
    agent.learn(64)  # 16 gradient steps
    agent.learn(64, reset_num_timesteps=False)
    events = [e for e in agent.host.drain_events() if e.name == "units_recycled"]
    assert len(events) == 2
    slow = redo(interval_updates=17, threshold=2.0)
    agent = small_agent("ppo", slow)
    agent.learn(256)
    assert len([e for e in agent.host.drain_events() if e.name == "units_recycled"]) == 1
    assert slow._since == {"policy": 15}


@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_is_dormant_nothing_changes(kind: str) -> None:
    component = redo(interval_updates=5)
    agent = small_agent(kind, component, policy_kwargs=tanh()).learn(STEPS[kind])
    assert sum(component.metrics().values()) == 0
    assert same(agent, small_agent(kind, policy_kwargs=tanh()).learn(STEPS[kind]))


class Freezes(Component):
    provides = (WEIGHT_MASK,)
    name = "freezes"

    def weight_mask(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        free = torch.ones(16, 16, dtype=torch.bool)
        free[3, 4] = False  # comes into unit 3 of the second layer, out of unit 4 of the first
        return {"q_net.2.weight": free}


def test_a_unit_with_a_frozen_weight_is_left_alone() -> None:
    component = redo(threshold=100.0)
    agent = small_agent("dqn", component, Freezes())
    agent.learn(200)
    before = parameters_of(agent)
    recycle(agent, component)
    after = parameters_of(agent)
    unchanged = {
        layer: (before[f"q/{layer}"] == after[f"q/{layer}"]).all(dim=1).nonzero().flatten().tolist()
        for layer in ("q_net.0.weight", "q_net.2.weight")
    }
    assert unchanged["q_net.0.weight"] == [4]
    assert float(after["q/q_net.2.weight"][3, 4]) == float(before["q/q_net.2.weight"][3, 4])
    assert component.metrics()["q/recycled"] == 30


class Importance(Component):
    """Weight 2 of the output layer's columns 5 and 6, and a bias."""

    provides = (PARAMETER_IMPORTANCE,)
    name = "importance"

    def parameter_importance(self) -> Mapping[str, Mapping[str, torch.Tensor]]:
        output, bias = torch.zeros(3, 16), torch.zeros(16)
        output[0, 5], output[1, 6], bias[2] = 1.0, 2.0, 3.0
        return {"q": {"q_net.4.weight": output, "q_net.2.bias": bias}}


def test_units_that_earlier_tasks_depend_on_can_be_spared() -> None:
    component = redo(threshold=100.0, spare_important=2 / 16)
    agent = small_agent("dqn", component, Importance())
    agent.learn(200)
    before = parameters_of(agent)["q/q_net.4.weight"]
    recycle(agent, component)
    after = parameters_of(agent)["q/q_net.4.weight"]
    assert (before == after).all(dim=0).nonzero().flatten().tolist() == [2, 6]
    with pytest.raises(CompositionError, match=PARAMETER_IMPORTANCE):
        small_agent("dqn", redo(spare_important=0.1))


def test_the_most_important_are_a_share_and_never_unimportant() -> None:
    importance = torch.tensor([0.0, 3.0, 1.0, 2.0])
    assert most_important(importance, 0.5).tolist() == [False, True, False, True]
    assert most_important(importance, 0.99).tolist() == [False, True, True, True]
    assert not most_important(torch.zeros(4), 0.9).any()


def test_consolidation_lets_go_of_what_was_recycled() -> None:
    component = redo(threshold=100.0)
    anchors = ElasticWeightConsolidation(
        ElasticWeightConsolidation.Config(fisher_samples=64, minimum_states=4)
    )
    agent = small_agent("dqn", component, anchors)
    agent.start_task(0, "a")
    agent.learn(200)
    agent.end_task(0, "a")
    anchor = anchors._anchors["q"]
    assert float(anchor._of("q_net.0.weight")["importance"].sum()) > 0
    recycle(agent, component)
    assert float(anchor._of("q_net.0.weight")["importance"].sum()) == 0
    assert float(anchor._of("q_net.4.bias")["importance"].sum()) > 0
    metrics = agent.host.metrics()
    penalty = next(v for k, v in metrics.items() if k.endswith("q/penalty"))
    assert penalty == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_its_state_goes_on_bit_for_bit(kind: str) -> None:
    def begun(steps: int) -> Any:
        component = redo(interval_updates=24, threshold=0.6, critic_threshold=0.6)
        agent = small_agent(kind, component)
        agent.learn(steps)
        return agent, component

    half = 128 if kind == "ppo" else 60
    one, ours = begun(half)
    other, theirs = begun(4)
    assert goes_on_alike(one, other, half)
    assert ours.metrics() == theirs.metrics()
    assert sum(ours.metrics().values()) > 0
