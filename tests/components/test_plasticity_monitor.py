"""`plasticity.monitor`: the measures on numbers worked out by hand, and the monitor on agents."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.components.plasticity import measures
from l2rl.components.plasticity.monitor import PlasticityMonitor
from l2rl.components.plasticity.network_parts import network_parts
from l2rl.errors import UserError
from l2rl.state_codec import decode, encode
from l2rl.views import NetworkEdit, NetworkView
from tests.components.small_agents import parameters_of, picture_agent, same, small_agent

KINDS = ("ppo", "ppo-box", "dqn", "sac")


def monitor(**settings: Any) -> PlasticityMonitor:
    settings = {"interval_env_steps": 1, "probe_size": 64, **settings}
    return PlasticityMonitor(PlasticityMonitor.Config(**settings))


# ---- the measures ----------------------------------------------------------------------------


def test_active_units_are_counted_per_sample_and_unit() -> None:
    outputs = torch.relu(torch.tensor([[1.0, -1.0, 0.5], [0.0, 2.0, -3.0]]))
    assert measures.fraction_of_active_units([(outputs, "ReLU")]) == 0.5
    assert bool((outputs > 0).any(dim=0).all()), "the share of units ever active is another: 1.0"


@pytest.mark.parametrize("factor", [0.01, 1.0, 50.0])
def test_a_fresh_relu_network_is_half_active_at_any_scale_and_dead_below_zero(
    factor: float,
) -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(512, 64, generator=generator)
    states = torch.randn(256, 64, generator=generator)
    outputs = torch.relu(states @ (factor * weights).T)
    assert measures.fraction_of_active_units([(outputs, "ReLU")]) == pytest.approx(0.5, abs=0.02)
    dead = torch.relu(states @ weights.T - 1e6)
    assert measures.fraction_of_active_units([(dead, "ReLU")]) == 0.0


def test_saturated_units_are_inactive_and_some_kinds_have_no_zero() -> None:
    tanh = torch.tensor([[0.0, 0.995, -0.995, 0.98]])
    assert measures.fraction_of_active_units([(tanh, "Tanh")]) == 0.5
    sigmoid = torch.tensor([[0.005, 0.5, 0.995, 0.9]])
    assert measures.fraction_of_active_units([(sigmoid, "Sigmoid")]) == 0.5
    for kind in ("GELU", "SiLU", "ELU", "LeakyReLU"):
        assert measures.fraction_of_active_units([(tanh, kind)]) is None
    assert measures.fraction_of_active_units([(tanh, "GELU"), (tanh, "Tanh")]) == 0.5


LAYER = torch.tensor([[0.0, 0.05, 1.0, 2.95], [0.0, -0.05, 1.0, -2.95]])


@pytest.mark.parametrize("scale", [1.0, 1e-3, 7.0])
def test_dormant_units_are_those_far_below_their_layers_mean(scale: float) -> None:
    layer = scale * LAYER
    assert measures.unit_scores(layer).tolist() == pytest.approx([0, 0.05, 1, 2.95], abs=1e-6)
    assert measures.dormant_ratio([layer], 0.1) == 0.5
    assert measures.dormant_ratio([layer], 0.025) == 0.25
    assert measures.dormant_ratio([layer], 0.0) == 0.25


def test_the_dormant_ratio_is_over_all_units_and_not_a_mean_over_layers() -> None:
    healthy = torch.ones(2, 12)
    assert measures.dormant_ratio([LAYER, healthy], 0.1) == 2 / 16
    assert measures.dormant_ratio([torch.zeros(3, 4)], 0.0) == 1.0


def test_a_unit_of_a_convolution_is_a_channel() -> None:
    outputs = torch.zeros(2, 3, 4, 4)
    outputs[:, 0], outputs[1, 1, 0, 0] = 1.0, 0.5
    assert measures.dormant_ratio([outputs], 0.0) == pytest.approx(1 / 3)
    assert measures.dormant_ratio([outputs], 0.1) == pytest.approx(2 / 3)


def test_ranks_by_hand() -> None:
    spectrum = torch.tensor([10, 5, 3, 1, 0.5, 0.05], dtype=torch.float64)
    assert measures.effective_rank(spectrum) == pytest.approx(3.4569, abs=1e-4)
    assert measures.srank(spectrum, 0.01) == 5
    assert measures.approximate_rank(spectrum, 0.01) == 3
    assert measures.stable_rank(spectrum) == pytest.approx(1.3525, abs=1e-4)
    for values, expected in (([1.0] * 5, 5.0), ([1.0, 0.0, 0.0], 1.0), ([2.0, 1.0], 1.8899)):
        found = measures.effective_rank(torch.tensor(values, dtype=torch.float64))
        assert found == pytest.approx(expected, abs=1e-4)


def test_ranks_do_not_change_under_a_rotation_of_the_features() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 6, generator=generator, dtype=torch.float64) + 1.0
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))[0]
    one, other = (measures.singular_values(f) for f in (features, features @ rotation))
    torch.testing.assert_close(one, other)
    centred = measures.singular_values(features - features.mean(dim=0))
    assert centred[0] < 0.9 * one[0], "features are not centred"


def test_ranks_of_dead_features_are_zero() -> None:
    spectrum = measures.singular_values(torch.zeros(8, 3))
    assert measures.effective_rank(spectrum) == measures.srank(spectrum, 0.01) == 0.0
    assert measures.stable_rank(spectrum) == measures.approximate_rank(spectrum, 0.01) == 0.0


def test_magnitude_and_drift() -> None:
    then = {"a": torch.randn(3, 2), "b": torch.randn(4)}
    now = {name: value - 0.25 for name, value in then.items()}
    assert measures.drift_rms(then, then) == 0.0
    assert measures.drift_rms(now, then) == pytest.approx(0.25, rel=1e-5)
    assert measures.mean_magnitude([torch.tensor([3.0, -1.0]), torch.zeros(2)]) == 1.0
    assert measures.norm([torch.tensor([3.0]), torch.tensor([-4.0])]) == 5.0


# ---- which layers ----------------------------------------------------------------------------


def layers_of(agent: Any, phase: str) -> dict[str, tuple[list[str], list[str]]]:
    """Title of each part -> its layers and those before its heads."""
    view = agent.host.phase_views[phase]
    states = torch.zeros(2, *agent.observation_space.shape)
    actions = torch.zeros(2, 2) if phase == "critic" else None
    outputs = view.activations(states, actions)
    found = {}
    for part in network_parts(view):
        layers = part.layers(outputs)
        found[part.title] = (list(layers), part.penultimate(layers))
    return found


def test_every_part_has_its_own_layers_and_features() -> None:
    policy, value = "mlp_extractor.policy_net", "mlp_extractor.value_net"
    assert layers_of(small_agent("ppo"), "policy") == {
        "policy/acting": ([f"{policy}.1", f"{policy}.3"], [f"{policy}.3"]),
        "policy/value": ([f"{value}.1", f"{value}.3"], [f"{value}.3"]),
    }
    assert layers_of(small_agent("dqn"), "q") == {"q": (["q_net.1", "q_net.3"], ["q_net.3"])}
    sac = small_agent("sac")
    critics = ["qf0.1", "qf0.3", "qf1.1", "qf1.3"]
    assert layers_of(sac, "critic") == {"critic": (critics, ["qf0.3", "qf1.3"])}
    actor = ["latent_pi.1", "latent_pi.3"]
    assert layers_of(sac, "actor") == {"actor": (actor, ["latent_pi.3"])}
    assert network_parts(sac.host.phase_views["entropy"]) == []


def test_heads_of_several_tasks_and_a_clipped_output_change_nothing() -> None:
    assert layers_of(small_agent("dqn", multi_head=True), "q")["q"][1] == ["q_net.3"]
    several = layers_of(small_agent("sac", multi_head=True), "critic")
    assert several["critic"][1] == ["qf0.3", "qf1.3"]
    sde = small_agent("sac", use_sde=True)
    assert layers_of(sde, "actor")["actor"] == (["latent_pi.1", "latent_pi.3"], ["latent_pi.3"])


# ---- the monitor -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_it_changes_nothing(kind: str) -> None:
    class Asking(PlasticityMonitor):
        """Measures during training too, not only when the log asks."""

        def after_step(self, view: Any) -> None:
            self._measured_at = -1
            self.metrics()

    config = PlasticityMonitor.Config(interval_env_steps=1, probe_size=16)
    trained = []
    for components in ([Asking(config)], []):
        agent = small_agent(kind, *components)
        agent.start_task(0, "a")
        agent.learn(130)
        agent.end_task(0, "a")
        trained.append(agent)
    watched, alone = trained
    assert watched.host.metrics()
    assert same(watched, alone)


PARTS = {
    "ppo": ["policy/acting", "policy/value"],
    "ppo-box": ["policy/acting", "policy/value"],
    "dqn": ["q"],
    "sac": ["actor", "critic"],
}
MEASURES = {
    *("fau", "dormant_0", "dormant_0.025", "dormant_0.1", "effective_rank", "srank"),
    *("approximate_rank", "stable_rank", "rank_ceiling", "weight_mean", "weight_norm"),
    *("drift_initial_rms", "drift_period_rms"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_reports_every_measure_of_every_part(kind: str) -> None:
    component = monitor()
    agent = small_agent(kind, component)
    agent.start_task(0, "a")
    agent.learn(130)
    found = dict(component.metrics())
    assert set(found) == {f"{part}/{name}" for part in PARTS[kind] for name in MEASURES}
    for part in PARTS[kind]:
        assert 0 < found[f"{part}/fau"] <= 1
        assert 1 <= found[f"{part}/effective_rank"] <= found[f"{part}/rank_ceiling"] == 16
        assert 1 <= found[f"{part}/stable_rank"] <= found[f"{part}/srank"] <= 16
        assert found[f"{part}/drift_initial_rms"] == found[f"{part}/drift_period_rms"] > 0


def test_dead_units_of_an_agent_are_seen() -> None:
    component = monitor()
    agent = small_agent("dqn", component)
    agent.start_task(0, "a")
    agent.learn(64)
    with torch.no_grad():
        agent._phases["q"].parameters["q_net.2.bias"][:12] = -1e6
    found = component.metrics()
    assert found["q/dormant_0"] >= 12 / 32
    assert found["q/fau"] < 0.4
    assert found["q/effective_rank"] <= 4


@pytest.mark.parametrize(
    ("activation", "has_fau"), [(nn.ReLU, True), (nn.Tanh, True), (nn.GELU, False)]
)
def test_fau_is_left_out_where_the_activation_has_no_zero(activation: Any, has_fau: bool) -> None:
    component = monitor()
    policy = {"net_arch": [8], "activation_fn": activation}
    agent = small_agent("dqn", component, policy_kwargs=policy)
    agent.learn(40)
    assert ("q/fau" in component.metrics()) == has_fau
    assert "q/dormant_0.1" in component.metrics()


def test_drift_is_from_the_start_of_the_task_and_from_the_beginning() -> None:
    component = monitor()
    agent = small_agent("dqn", component)
    born = parameters_of(agent)
    agent.start_task(0, "a")
    agent.learn(100)
    agent.end_task(0, "a")
    agent.start_task(1, "b")
    between = parameters_of(agent)
    agent.learn(60, reset_num_timesteps=False)
    now, found = parameters_of(agent), component.metrics()
    assert found["q/drift_initial_rms"] == pytest.approx(measures.drift_rms(now, born))
    assert found["q/drift_period_rms"] == pytest.approx(measures.drift_rms(now, between))


def test_the_beginning_is_where_a_loaded_model_starts() -> None:
    component = monitor()
    agent = small_agent("dqn", component)
    with torch.no_grad():
        for parameter in agent.policy.parameters():
            parameter.add_(1.0)
    agent.learn(4)
    assert component.metrics()["q/drift_initial_rms"] == 0.0


class Switch(Component):
    """Puts other values in place once, as another expert's or as a reset."""

    def __init__(self, sets: tuple[int, int] | None) -> None:
        super().__init__()
        self.sets: tuple[int, int] | None = sets
        self.due = False

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        if not self.due:
            return None
        self.due = False
        values = {n: p.detach() + 1.0 for n, p in view.phases["q"].parameters.items()}
        return NetworkEdit("switch", {"q": values}, parameter_set=self.sets)


@pytest.mark.parametrize(("sets", "period"), [((0, 1), 0.0), (None, 1.0)])
def test_another_expert_starts_without_drift_and_a_reset_is_drift(
    sets: tuple[int, int] | None, period: float
) -> None:
    component, switch = monitor(), Switch(sets)
    agent = small_agent("dqn", component, switch)
    agent.start_task(0, "a")
    agent.learn(10)  # before `learning_starts`: nothing has moved yet
    switch.due = True
    agent.host.settle()
    found = component.metrics()
    assert found["q/drift_initial_rms"] == pytest.approx(1.0, rel=1e-4)
    assert found["q/drift_period_rms"] == pytest.approx(period, abs=1e-4)


def test_it_measures_once_in_an_interval_and_then_only_says_what_is_fresh() -> None:
    component = monitor(interval_env_steps=100)
    agent = small_agent("dqn", component)
    assert component.metrics() == {}, "there is nothing to measure on yet"
    answers = []
    for _ in range(10):
        agent.learn(30, reset_num_timesteps=False)
        answers.append(bool(component.metrics()))
        assert component.metrics() == component.metrics()
    assert answers == [True, False, False, True, False, False, True, False, False, True]


def test_layers_can_be_told_apart() -> None:
    component = monitor(per_layer=True)
    agent = small_agent("dqn", component)
    born = parameters_of(agent)
    agent.learn(64)
    with torch.no_grad():
        agent._phases["q"].parameters["q_net.2.bias"][:12] = -1e6
    found, now = component.metrics(), parameters_of(agent)
    assert found["q/layer/q_net.3/ever_active"] <= 0.25 < found["q/layer/q_net.1/ever_active"]
    layers = [found[f"q/layer/q_net.{i}/fau"] for i in (1, 3)]
    assert found["q/fau"] == pytest.approx(sum(layers) / 2)
    assert found["q/layer/q_net.3/dormant_0"] >= 0.75
    weight = "q/q_net.0.weight"
    drift = measures.drift_rms({weight: now[weight]}, born)
    assert found["q/layer/q_net.0/drift_initial_rms"] == pytest.approx(drift) != 0
    assert found["q/layer/q_net.0/weight_norm"] == pytest.approx(float(now[weight].norm()))


def test_an_encoder_of_pictures_is_told_apart_from_what_reads_it() -> None:
    component = monitor(probe_size=8)
    agent = picture_agent(LifelongDQN, component, net_arch=[6])
    agent.learn(8)
    with torch.no_grad():
        agent._phases["q"].parameters["q_net.0.bias"].fill_(-1e9)
    found = component.metrics()
    assert 0 < found["q/fau_encoder"] <= 1
    view, states = agent.host.phase_views["q"], component._probe.read("observations")
    outputs = view.activations(torch.as_tensor(states), None)
    flat = [(x > 0).double() for x in outputs.values() if x.dim() == 2]
    shares = sum(float(x.sum()) for x in flat) / sum(x.numel() for x in flat)
    assert found["q/fau_heads"] == pytest.approx(shares)
    assert found["q/fau_heads"] < found["q/fau_encoder"]


def test_it_works_with_everything_hidden_and_on_chosen_phases() -> None:
    component = monitor(phases=("critic",))
    agent = small_agent("sac", component, surroundings=Surroundings())
    agent.start_task(0, "a")
    agent.learn(60)
    assert {name.split("/")[0] for name in component.metrics()} == {"critic"}
    with pytest.raises(UserError, match="no phase 'policy'"):
        small_agent("sac", monitor(phases=("policy",)))


def test_a_probe_smaller_than_the_features_is_said_once() -> None:
    component = monitor(probe_size=8)
    agent = small_agent("dqn", component)
    for _ in range(3):
        agent.learn(30, reset_num_timesteps=False)
        found = component.metrics()
    assert found["q/rank_ceiling"] == 8
    said = [e.detail for e in agent.host.drain_events() if e.name == "probe_smaller_than_features"]
    assert [(d["probe_size"], d["width"]) for d in said] == [(8, 16)]


def test_its_state_goes_on_bit_for_bit() -> None:
    def begun() -> tuple[Any, PlasticityMonitor]:
        component = monitor(interval_env_steps=50)
        agent = small_agent("sac", component)
        agent.start_task(0, "a")
        agent.learn(60)
        return agent, component

    one, ours = begun()
    ours.metrics()
    one.start_task(1, "b")
    one.learn(30, reset_num_timesteps=False)
    other, theirs = begun()
    other.load_exact_state(decode(*encode(one.exact_state())))
    assert theirs.metrics() == ours.metrics() == {}
    for agent in (one, other):
        agent.num_timesteps += 50
    assert theirs.metrics() == ours.metrics() != {}
