"""Layers that keep networks trainable: what each computes, and that all the rest goes with them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from l2rl.component import Component
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.network.crelu import ConcatenatedReLU, CReLU
from l2rl.components.network.layer_norm import LayerNormalisation
from l2rl.components.network.lifelong_norm import LifelongNormalisation
from l2rl.components.network.parseval import ParsevalRegularisation, parseval
from l2rl.components.network.spectral_norm import SpectralLinear, SpectralNormalisation
from l2rl.components.plasticity.continual_backprop import ContinualBackprop
from l2rl.components.plasticity.layer_graph import hidden_layers
from l2rl.components.plasticity.measures import fraction_of_active_units
from l2rl.components.plasticity.redo import ReDo
from l2rl.errors import UserError
from l2rl.views import NetworkEdit, NetworkView
from tests.components.small_agents import goes_on_alike, parameters_of, same, small_agent

STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 100, "sac": 60}
KINDS = ("ppo", "dqn", "sac")
LAYERS = (LayerNormalisation, ConcatenatedReLU, SpectralNormalisation, LifelongNormalisation)


def spectral(**settings: Any) -> SpectralNormalisation:
    return SpectralNormalisation(SpectralNormalisation.Config(**settings))


def norms_of(agent: Any, cls: type[nn.Module]) -> list[nn.Module]:
    return [m for m in agent.policy.modules() if isinstance(m, cls)]


# ---- all of them -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_all_together_learn_consolidate_recycle_and_go_on_bit_for_bit(kind: str) -> None:
    def built() -> Any:
        ewc = ElasticWeightConsolidation.Config(
            strength=10.0, critic_strength=1.0, fisher_samples=32, minimum_states=4
        )
        redo = ReDo.Config(interval_updates=20, threshold=0.3, critic_threshold=0.3)
        cbp = ContinualBackprop.Config(
            replacement_rate=0.05, critic_replacement_rate=0.05, maturity_updates=2
        )
        return small_agent(
            kind,
            *(cls() for cls in LAYERS),
            ElasticWeightConsolidation(ewc),
            ReDo(redo),
            ContinualBackprop(cbp),
            multi_head=True,
        )

    one = built()
    one.start_task(0, "a")
    before = parameters_of(one)
    one.learn(STEPS[kind])
    one.end_task(0, "a")
    one.start_task(1, "b")
    after = parameters_of(one)
    idle = {n for n in after if torch.equal(after[n], before[n])}
    assert all("heads.1" in name for name in idle), idle
    metrics = one.host.metrics()
    found = {n.rpartition("/")[2]: v for n, v in metrics.items()}
    assert found["consolidations"] == 1
    assert 0 < found["importance_mean"] < float("inf")
    assert found["replaced"] > 0
    other = built()
    other.start_task(0, "a")
    other.learn(4)
    assert goes_on_alike(one, other, STEPS[kind])
    mine, theirs = one.policy.state_dict(), other.policy.state_dict()
    assert all(torch.equal(mine[n], theirs[n]) for n in mine), "buffers too"


@pytest.mark.parametrize("cls", LAYERS)
@pytest.mark.parametrize("kind", ["ppo-box", "dqn", "sac"])
def test_each_changes_what_is_learned_and_leaves_the_graph_of_layers_readable(
    cls: Any, kind: str
) -> None:
    settings = {"networks": "all"} if "networks" in cls.Config.model_fields else {}
    agent = small_agent(kind, cls(cls.Config(**settings)))
    plain = small_agent(kind)
    view = agent.host._agent_view(Component())
    for name, phase in view.phases.items():
        expected = len(plain.host.phase_views[name].activation_kinds)
        assert len(hidden_layers(view, phase)) == len(phase.activation_kinds) == expected
        for parameter, target in phase.targets.items():
            assert torch.equal(target, phase.parameters[parameter])
    before = parameters_of(agent)
    agent.learn(STEPS[kind])
    after = parameters_of(agent)
    assert all(not torch.equal(after[n], before[n]) for n in after)
    theirs = parameters_of(plain.learn(STEPS[kind]))
    assert any(not torch.equal(after[n], theirs[n]) for n in after if n in theirs)


def test_without_hidden_layers_there_is_nothing_to_change() -> None:
    for cls in (LayerNormalisation, ConcatenatedReLU, SpectralNormalisation):
        with pytest.raises(UserError, match="hidden layer"):
            small_agent("dqn", cls(), policy_kwargs={"net_arch": []})


# ---- layer normalisation ---------------------------------------------------------------------


def test_scale_and_shift_of_what_enters_a_normalisation_do_not_matter() -> None:
    agent = small_agent("dqn", LayerNormalisation())
    (norm, *_) = norms_of(agent, nn.LayerNorm)
    values = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    for factor, shift in ((3.0, 5.0), (50.0, -7.0)):
        assert torch.allclose(norm(factor * values + shift), norm(values), atol=1e-3)
    assert not torch.allclose(norm(-values), norm(values))


@pytest.mark.parametrize(("networks", "count"), [("all", 4), ("policy", 2), ("critic", 2)])
def test_it_stands_before_each_non_linearity_of_the_chosen_networks(
    networks: Any, count: int
) -> None:
    layer_norm = LayerNormalisation(LayerNormalisation.Config(networks=networks))
    agent = small_agent("ppo", layer_norm)
    assert len(norms_of(agent, nn.LayerNorm)) == count
    names = [type(m).__name__ for m in agent.policy.mlp_extractor.value_net]
    expected = ["Linear", "LayerNorm", "Tanh"] if networks != "policy" else ["Linear", "Tanh"]
    assert names == 2 * expected


def test_a_redrawn_unit_gets_the_normalisation_of_birth() -> None:
    redo = ReDo(ReDo.Config(threshold=100.0))
    agent = small_agent("dqn", LayerNormalisation(), redo)
    agent.learn(100)
    gain = next(n for n in agent._phases["q"].parameters if n.endswith("1.weight"))
    assert not torch.equal(agent._phases["q"].parameters[gain], torch.ones(16))
    redo._since["q"] = 10**6
    agent.host.settle()
    assert torch.equal(agent._phases["q"].parameters[gain].detach(), torch.ones(16))


# ---- concatenated rectifiers -----------------------------------------------------------------


def test_half_of_the_outputs_is_active_whatever_comes_in() -> None:
    crelu = CReLU()
    values = torch.randn(9, 6, generator=torch.Generator().manual_seed(0)) - 3.0
    outputs = crelu(values)
    assert outputs.shape == (9, 12)
    assert torch.equal(outputs[:, :6] - outputs[:, 6:], values)
    assert fraction_of_active_units([(outputs, "CReLU")]) == 0.5
    assert fraction_of_active_units([(crelu(torch.zeros(2, 3)), "CReLU")]) == 0.0


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_readers_get_twice_the_inputs_and_are_drawn_as_their_place_is(kind: str) -> None:
    agent = small_agent(kind, ConcatenatedReLU(), policy_kwargs={"net_arch": [64, 64]})
    weights = {n: p for n, p in agent.policy.named_parameters() if n.endswith("weight")}
    assert sorted({tuple(w.shape)[1] for w in weights.values()})[-1] == 128
    if kind == "ppo":
        output = weights["action_net.weight"]
        assert torch.allclose(output @ output.T, 1e-4 * torch.eye(3), atol=1e-6)
    else:
        assert tuple(weights["actor.mu.weight"].shape) == (2, 128)
        assert tuple(weights["actor.log_std.weight"].shape) == (2, 128)


def test_what_cannot_be_widened_is_refused() -> None:
    with pytest.raises(UserError, match="use_sde"):
        small_agent("sac", ConcatenatedReLU(), use_sde=True)
    with pytest.raises(UserError, match="normalisation follows"):
        small_agent("crossq", ConcatenatedReLU())


@pytest.mark.parametrize("cls", [LayerNormalisation, ConcatenatedReLU])
def test_a_squashed_output_is_no_hidden_layer(cls: Any) -> None:
    agent = small_agent("td3", cls())
    assert [type(m).__name__ for m in agent.actor.mu][-2:] == ["Linear", "Tanh"]
    agent.learn(60)


# ---- spectral normalisation ------------------------------------------------------------------


@pytest.mark.parametrize("values", [(3.0, 2.0, 1.0), (0.5, 0.2, 0.1), (7.0, 6.0, 0.0)])
def test_power_iteration_finds_the_largest_singular_value(values: tuple[float, ...]) -> None:
    layer = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.diag(torch.tensor(values)))
    normed = SpectralLinear(layer, 1.0, torch.Generator().manual_seed(0))
    assert normed.sigma() == pytest.approx(values[0], rel=1e-3)
    assert normed(torch.eye(3)).diagonal().tolist() == pytest.approx(
        [v / values[0] for v in values], abs=1e-3
    )


def test_a_pass_stores_nothing_and_one_iteration_a_step_keeps_up_with_training() -> None:
    component = spectral(networks="all", layers="hidden")
    agent = small_agent("dqn", component, learning_rate=1e-2)
    layers = norms_of(agent, SpectralLinear)
    assert len(layers) == 4, "online and target"
    stored = [layer.left.clone() for layer in layers]
    agent.q_net(torch.ones(3, 4))
    assert all(torch.equal(layer.left, left) for layer, left in zip(layers, stored, strict=True))
    agent.learn(200)
    online = component._layers["q"][0]
    assert not torch.equal(online.left, stored[0])
    for layer in layers[:2]:
        exact = float(torch.linalg.matrix_norm(layer.weight.detach(), 2))
        assert layer.sigma() == pytest.approx(exact, rel=0.02)


def test_only_the_last_hidden_layer_of_critics_is_normalised_by_default() -> None:
    agent = small_agent("sac", spectral())
    names = {n for n, m in agent.policy.named_modules() if isinstance(m, SpectralLinear)}
    nets = ("critic", "critic_target")
    assert names == {f"{net}.qf{i}.2" for net in nets for i in (0, 1)}
    ppo = small_agent("ppo", spectral())
    names = {n for n, m in ppo.policy.named_modules() if isinstance(m, SpectralLinear)}
    assert names == {"mlp_extractor.value_net.2"}


class Scrambles(Component):
    name = "scrambles"
    due = False

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        if not self.due:
            return None
        self.due = False
        values = torch.randn(16, 16, generator=torch.Generator().manual_seed(1))
        return NetworkEdit("scrambled", {"q": {"q_net.2.weight": values}})


def test_after_an_edit_and_in_an_evaluation_of_other_values_the_vectors_are_found_anew() -> None:
    component, scrambles = spectral(), Scrambles()
    agent = small_agent("dqn", component, scrambles)
    scrambles.due = True
    agent.host.settle()
    for layer in component._layers["q"]:
        exact = float(torch.linalg.matrix_norm(layer.weight.detach(), 2))
        assert layer.sigma() == pytest.approx(exact, rel=0.01)
    layer = component._layers["q"][0]
    stored = layer.left.clone()
    with torch.no_grad():
        layer.weight.copy_(layer.weight.flip(0))
    with agent.evaluating(0, "a"):
        exact = float(torch.linalg.matrix_norm(layer.weight.detach(), 2))
        assert layer.sigma() == pytest.approx(exact, rel=0.01)
    assert torch.equal(layer.left, stored)


# ---- Parseval --------------------------------------------------------------------------------


def test_the_parseval_penalty_is_zero_for_orthonormal_rows_and_right_elsewhere() -> None:
    rows = torch.linalg.qr(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)))[0].T
    assert float(parseval(rows, 1.0)) == pytest.approx(0.0, abs=1e-10)
    assert float(parseval(rows.T, 1.0)) == pytest.approx(0.0, abs=1e-10)
    assert float(parseval(rows, 2.0)) == pytest.approx(4.0, rel=1e-5)
    assert float(parseval(torch.tensor([[1.0, 2.0], [0.0, 3.0]]), 1.0)) == 16 + 2 * 36 + 64
    weight = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: parseval(w, 1.0), (weight,))


@pytest.mark.parametrize("kind", KINDS)
def test_training_with_it_brings_weights_nearer_to_orthogonal(kind: str) -> None:
    settings = ParsevalRegularisation.Config(strength=0.1, critic_strength=0.1)
    agent = small_agent(kind, ParsevalRegularisation(settings)).learn(STEPS[kind])
    plain = small_agent(kind).learn(STEPS[kind])
    distance = []
    for each in (agent, plain):
        view = each.host._agent_view(Component())
        layers = [x for phase in view.phases.values() for x in hidden_layers(view, phase)]
        weights = [view.phases[x.phase].parameters[x.weight].detach() for x in layers]
        distance.append(sum(float(parseval(w, 1.0)) for w in weights))
    assert distance[0] < 0.8 * distance[1]
    none = ParsevalRegularisation.Config(strength=0.0, critic_strength=0.0)
    assert same(small_agent(kind, ParsevalRegularisation(none)).learn(STEPS[kind]), plain)
