"""`plasticity.continual_backprop`: utilities, how many are replaced, and what replacing does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from l2rl.component import Component
from l2rl.components.plasticity.continual_backprop import ContinualBackprop, redrawn_rows
from l2rl.components.plasticity.layer_graph import HiddenLayer, Outgoing
from l2rl.components.plasticity.surgery import Surgery
from l2rl.components.plasticity.unit_statistics import UnitStatistics
from l2rl.engine.phase import Phase
from l2rl.views import NetworkEdit, NetworkView
from tests.components.small_agents import goes_on_alike, parameters_of, same, small_agent

KINDS = ("ppo", "ppo-box", "dqn", "sac")
STEPS = {"ppo": 256, "ppo-box": 256, "dqn": 200, "sac": 80}
CPU = torch.device("cpu")


def cbp(**settings: Any) -> ContinualBackprop:
    both = {"replacement_rate": 0.02, "critic_replacement_rate": 0.02, "maturity_updates": 5}
    return ContinualBackprop(ContinualBackprop.Config(**{**both, **settings}))


def layer_of(units: int, block: int = 1, copies: int = 1) -> HiddenLayer:
    out = (Outgoing("out.weight", "out.bias", 0, block),)
    return HiddenLayer("h", "q", "acting", "in.weight", "in.bias", (), out, units, copies)


# ---- utility ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "weight"), [(2.0, 1.0), (-4.0, 0.5), (0.25, 8.0)])
def test_a_constant_contribution_of_two_is_a_utility_of_two_at_every_age(
    value: float, weight: float
) -> None:
    units = UnitStatistics(layer_of(3), 0.99, CPU)
    parameters = {"in.weight": torch.ones(3, 2), "out.weight": torch.full((4, 3), weight)}
    for _ in range(50):
        units.observe(torch.full((7, 3), value), parameters, adaptable=False)
        assert units.corrected_utility().tolist() == pytest.approx([2.0] * 3, rel=1e-5)
        assert units.mean_outputs().tolist() == pytest.approx([value] * 3, rel=1e-5)


@pytest.mark.parametrize("adaptable", [False, True])
@pytest.mark.parametrize(("block", "copies"), [(1, 1), (3, 1), (1, 2)])
def test_utilities_follow_the_equations(adaptable: bool, block: int, copies: int) -> None:
    generator = torch.Generator().manual_seed(1)
    decay, width = 0.9, 5
    incoming = torch.randn(width, 4, generator=generator)
    outgoing = torch.randn(6, width * copies * block, generator=generator)
    units = UnitStatistics(layer_of(width, block, copies), decay, CPU)
    mean, utility = np.zeros(width * copies), np.zeros(width)
    out = outgoing.abs().numpy().reshape(6, width * copies, block).mean(axis=(0, 2))
    for age in range(1, 30):
        h = torch.randn(8, width * copies, generator=generator)
        values = {"in.weight": incoming, "out.weight": outgoing}
        units.observe(h, values, adaptable=adaptable)
        mean = decay * mean + (1 - decay) * h.numpy().mean(axis=0)
        centred = h.numpy() - (mean / (1 - decay**age) if adaptable else 0.0)
        each = (np.abs(centred).mean(axis=0) * out).reshape(copies, width).sum(axis=0)
        if adaptable:
            each = each / incoming.abs().numpy().mean(axis=1)
        utility = decay * utility + (1 - decay) * each
        expected = utility / (1 - decay**age)
        assert units.corrected_utility().numpy() == pytest.approx(expected, rel=1e-4)


# ---- how many --------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [1, 4, 33])
@pytest.mark.parametrize(
    ("width", "rate", "steps", "expected"), [(256, 1e-3, 1_000, 256), (50, 1e-2, 2_000, 1_000)]
)
def test_replacements_are_rate_times_eligible_times_steps(
    between: int, width: int, rate: float, steps: int, expected: int
) -> None:
    units = UnitStatistics(layer_of(width), 0.99, CPU)
    units.age += 1000
    replaced = 0
    for step in range(steps):
        units.age += 1
        units.accumulate(rate, 0)
        if step % between == between - 1:
            which = units.take_due(torch.ones(width, dtype=torch.bool), 0)
            units.restart(which)
            replaced += len(which)
    # A unit that waits for its replacement is no longer eligible, nor is one of age zero.
    waiting = rate * between * width / 2
    assert replaced == pytest.approx(expected * (1 - waiting / width), abs=rate * steps + 2)


def test_the_least_useful_mature_units_are_taken_and_forbidden_ones_never() -> None:
    units = UnitStatistics(layer_of(6), 0.5, CPU)
    units.age = torch.tensor([20, 20, 5, 20, 20, 10])
    units.utility = torch.tensor([0.3, 0.1, 0.0, 0.2, 0.05, 0.0])
    units.due = 2.5
    allowed = torch.tensor([True, True, True, True, False, True])
    assert units.take_due(allowed, 10).tolist() == [1, 3]
    assert units.due == 0.5
    units.accumulate(0.25, 10)
    assert units.due == pytest.approx(0.5 + 0.25 * 3), "three of those allowed are mature"


@pytest.mark.parametrize("learner", KINDS)
def test_no_unit_is_replaced_before_it_is_mature(learner: str) -> None:
    component = cbp(replacement_rate=0.05, critic_replacement_rate=0.05, maturity_updates=12)
    ages: list[int] = []

    class Watches(Component):
        def on_network_edited(self, edit: NetworkEdit) -> None:
            assert edit.reason == "units_replaced"

    take = UnitStatistics.take_due

    def watched(self: UnitStatistics, allowed: torch.Tensor, maturity: int) -> torch.Tensor:
        which = take(self, allowed, maturity)
        ages.extend(self.age[which].tolist())
        return which

    agent = small_agent(learner, component, Watches())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UnitStatistics, "take_due", watched)
        agent.learn(STEPS[learner])
    assert ages
    assert min(ages) > 12


# ---- what replacing does ---------------------------------------------------------------------


def hand_made(bias: bool = True) -> Phase:
    """in (5, 3) -> ReLU -> out (4, 5), float64."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"in.weight": (5, 3), "in.bias": (5,), "out.weight": (4, 5), "out.bias": (4,)}
    parameters = {
        name: nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64))
        for name, shape in shapes.items()
    }
    return Phase(
        name="q",
        network=None,
        parameters=parameters,
        roles=dict.fromkeys(parameters, "acting"),
        targets={name: 2.0 * p.detach() for name, p in parameters.items()},
        output_layers=frozenset(),
        optimizer=torch.optim.Adam(list(parameters.values())),
    )


def output(values: Any, states: torch.Tensor) -> torch.Tensor:
    hidden = torch.relu(states @ values["in.weight"].T + values["in.bias"])
    return hidden @ values["out.weight"].T + values["out.bias"]


def test_the_mean_output_of_the_next_layer_stays_to_the_last_digit() -> None:
    phase = hand_made()
    states = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    live = {n: p.detach().clone() for n, p in phase.parameters.items()}
    hidden = torch.relu(states @ live["in.weight"].T + live["in.bias"])
    units = torch.tensor([1, 3])
    for values, where in ((live, "values"), (dict(phase.targets), "targets")):
        surgery = Surgery({"q": phase.view()})
        of_these = torch.relu(states @ values["in.weight"].T + values["in.bias"])
        mean = (hidden if where == "values" else of_these).mean(dim=0)
        surgery.hand_over(layer_of(5), units, mean)
        surgery.redraw(layer_of(5), units, {n: torch.ones_like(v) for n, v in live.items()})
        edit = surgery.edit("replaced")
        assert edit is not None
        changed = {**values, **getattr(edit, where)["q"]}
        before, after = output(values, states), output(changed, states)
        assert float((before.mean(dim=0) - after.mean(dim=0)).abs().max()) < 5e-15
        assert float((before - after).abs().max()) > 0.1
        assert changed["in.bias"][units].tolist() == [0.0, 0.0]


def test_without_compensation_the_mean_would_move() -> None:
    moved = {}
    for compensate in (True, False):
        component = cbp(compensate=compensate, replacement_rate=0.2, decay=0.9)
        agent = small_agent("dqn", component, policy_kwargs={"net_arch": [32]}, gradient_steps=1)
        agent.learn(200)
        states = torch.as_tensor(agent.replay_buffer.observations[:200].reshape(-1, 4))
        component._units["q/q_net.1"].due = 8.0
        before = agent.q_net(states).mean(dim=0).detach()
        agent.host.settle()
        after = agent.q_net(states).mean(dim=0).detach()
        moved[compensate] = float((after - before).abs().max())
    assert moved[True] < 0.35 * moved[False]


@pytest.mark.parametrize("kind", KINDS)
def test_it_replaces_units_of_every_learner_and_clears_their_moments_only(kind: str) -> None:
    component = cbp()
    agent = small_agent(kind, component)
    agent.learn(STEPS[kind])
    counts = {n: v for n, v in component.metrics().items() if n.endswith("replaced")}
    assert all(count > 0 for count in counts.values())
    assert not same(agent, small_agent(kind).learn(STEPS[kind]))
    phase, layers = next(iter(component._layers.items()))
    layer, parameters = layers[0], parameters_of(agent)
    optimizer = agent._phases[phase].read_optimizer()
    component._units[layer.title].due = 3.0
    agent.host.settle()
    age = component._units[layer.title].age
    new = (age == 0).nonzero(as_tuple=True)[0]
    old = (age > 0).nonzero(as_tuple=True)[0]
    assert len(new) >= 3
    after, moments = parameters_of(agent), agent._phases[phase].read_optimizer()
    key = f"{phase}/{layer.weight}"
    assert torch.equal(after[key][old], parameters[key][old])
    assert not torch.equal(after[key][new], parameters[key][new])
    for moment in ("exp_avg", "exp_avg_sq"):
        assert float(moments[layer.weight][moment][new].abs().max()) == 0.0
        kept = optimizer[layer.weight][moment][old]
        assert torch.equal(moments[layer.weight][moment][old], kept)
        for edge in layer.outgoing:
            assert float(moments[edge.weight][moment][:, new].abs().max()) == 0.0
            assert edge.bias is not None
            before = optimizer[edge.bias][moment]
            assert torch.equal(moments[edge.bias][moment], before), "a bias is moved, not redrawn"


def test_many_gradient_steps_between_two_settles_are_all_counted() -> None:
    counts = {}
    for gradient_steps in (2, 10):
        component = cbp(replacement_rate=0.01, maturity_updates=0)
        agent = small_agent("dqn", component, gradient_steps=gradient_steps, train_freq=1)
        agent.learn(20 + 2 * (300 // gradient_steps))
        counts[gradient_steps] = (component.metrics()["q/replaced"], agent._n_updates)
    for replaced, updates in counts.values():
        assert replaced == pytest.approx(0.01 * 32 * updates, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_of_zero_changes_no_bit(kind: str) -> None:
    component = cbp(replacement_rate=0.0, critic_replacement_rate=0.0)
    agent = small_agent(kind, component).learn(STEPS[kind])
    assert same(agent, small_agent(kind).learn(STEPS[kind]))


def test_each_role_has_its_rate() -> None:
    component = cbp(replacement_rate=0.0)
    small_agent("sac", component).learn(80)
    assert {name.split("/")[0] for name in component.metrics()} == {"critic"}
    component = cbp(critic_replacement_rate=0.0)
    small_agent("ppo", component).learn(256)
    assert [x for x in component._units if "value_net" in x] == []


# ---- edits by others -------------------------------------------------------------------------


class Edits(Component):
    """Proposes one edit when asked to."""

    name = "edits"
    edit: NetworkEdit | None = None

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        edit, self.edit = self.edit, None
        return edit


def test_units_that_others_redraw_are_young_again_and_small_changes_are_none() -> None:
    component, edits = cbp(replacement_rate=1e-9), Edits()
    agent = small_agent("dqn", component, edits)
    agent.learn(200)
    weight = agent._phases["q"].parameters["q_net.2.weight"].detach().clone()
    weight *= 0.9
    weight[[2, 7]] = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    edits.edit = NetworkEdit("reset", {"q": {"q_net.2.weight": weight}})
    agent.host.settle()
    ages = component._units["q/q_net.3"].age
    assert (ages == 0).nonzero().flatten().tolist() == [2, 7]
    assert redrawn_rows(weight, None).tolist() == list(range(16))


def test_each_expert_has_its_own_utilities() -> None:
    component, edits = cbp(replacement_rate=1e-9), Edits()
    agent = small_agent("dqn", component, edits)
    agent.learn(200)
    ours = component._units["q/q_net.1"].state_dict()
    values = {n: p.detach() + 1.0 for n, p in agent._phases["q"].parameters.items()}
    for sets, expected in (((0, 1), 0), ((1, 0), int(ours["age"][0]))):
        edits.edit = NetworkEdit("expert_switched", {"q": values}, parameter_set=sets)
        agent.host.settle()
        assert component._units["q/q_net.1"].age.tolist() == [expected] * 16
    assert torch.equal(component._units["q/q_net.1"].utility, ours["utility"])


@pytest.mark.parametrize("kind", ["ppo", "dqn"])
def test_its_state_goes_on_bit_for_bit(kind: str) -> None:
    def begun() -> Any:
        component = cbp(utility="adaptable")
        agent = small_agent(kind, component)
        agent.learn(STEPS[kind])
        return agent, component

    one, ours = begun()
    fresh = cbp(utility="adaptable")
    other = small_agent(kind, fresh).learn(2)
    assert goes_on_alike(one, other, STEPS[kind])
    assert ours.metrics() == fresh.metrics()
