"""Which layer feeds which, on every topology that the learners have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.component import Component
from l2rl.components.plasticity.layer_graph import HiddenLayer, hidden_layers
from l2rl.components.plasticity.surgery import Surgery
from tests.components.small_agents import Pictures, picture_agent, small_agent


def graph(agent: Any) -> dict[str, list[HiddenLayer]]:
    view = agent.host._agent_view(Component())
    return {n: hidden_layers(view, phase) for n, phase in view.phases.items()}


def edges(layers: list[HiddenLayer]) -> dict[str, tuple[str, list[str]]]:
    return {x.name: (x.weight, [e.weight for e in x.outgoing]) for x in layers}


def test_plain_networks() -> None:
    assert edges(graph(small_agent("dqn"))["q"]) == {
        "q_net.1": ("q_net.0.weight", ["q_net.2.weight"]),
        "q_net.3": ("q_net.2.weight", ["q_net.4.weight"]),
    }
    sac = graph(small_agent("sac"))
    assert sac["entropy"] == []
    assert edges(sac["critic"])["qf1.3"] == ("qf1.2.weight", ["qf1.4.weight"])
    assert edges(sac["actor"])["latent_pi.3"][1] == ["mu.weight", "log_std.weight"]
    ppo = graph(small_agent("ppo"))["policy"]
    assert [x.role for x in ppo] == ["acting", "acting", "value", "value"]
    assert edges(ppo)["mlp_extractor.value_net.3"][1] == ["value_net.weight"]


@pytest.mark.parametrize(
    ("learner", "counts"),
    [
        ("td3", {"critic": 4, "actor": 2}),
        ("tqc", {"critic": 4, "actor": 2}),
        ("qrdqn", {"q": 2}),
        ("crossq", {"critic": 4, "actor": 2}),
    ],
)
def test_networks_of_the_other_learners_are_read_too(learner: str, counts: Any) -> None:
    found = {phase: len(layers) for phase, layers in graph(small_agent(learner)).items() if layers}
    assert found == counts


def test_heads_of_several_tasks_are_several_readers() -> None:
    dqn = edges(graph(small_agent("dqn", multi_head=True))["q"])
    assert dqn["q_net.3"][1] == ["q_net.4.heads.0.weight", "q_net.4.heads.1.weight"]
    sac = graph(small_agent("sac", multi_head=True))
    assert edges(sac["critic"])["qf0.3"][1] == ["qf0.4.heads.0.weight", "qf0.4.heads.1.weight"]
    assert len(edges(sac["actor"])["latent_pi.3"][1]) == 4
    ppo = edges(graph(small_agent("ppo", multi_head=True))["policy"])
    assert len(ppo["mlp_extractor.policy_net.3"][1]) == 2


def test_convolutions_feed_blocks_of_columns_and_a_shared_trunk_feeds_both() -> None:
    ppo = graph(picture_agent(LifelongPPO, net_arch=[6]))["policy"]
    by_name = {x.name: x for x in ppo}
    assert by_name["features_extractor.cnn.1"].units == 32
    (flat,) = by_name["features_extractor.cnn.5"].outgoing
    assert flat.weight == "features_extractor.linear.0.weight"
    assert flat.columns(torch.tensor([1])).tolist() == list(range(flat.block, 2 * flat.block))
    readers = [e.weight for e in by_name["features_extractor.linear.1"].outgoing]
    assert readers == ["mlp_extractor.policy_net.0.weight", "mlp_extractor.value_net.0.weight"]
    bare = graph(picture_agent(LifelongPPO, net_arch=[]))["policy"]
    assert [e.weight for e in bare[-1].outgoing] == ["action_net.weight", "value_net.weight"]
    separate = graph(picture_agent(LifelongPPO, net_arch=[6], share_features_extractor=False))
    ends = {x.name: x for x in separate["policy"]}
    assert len(ends["features_extractor.linear.1"].outgoing) == 1
    assert ends["vf_features_extractor.linear.1"].role == "value"
    dqn = graph(picture_agent(LifelongDQN, net_arch=[6]))["q"]
    assert [e.weight for x in dqn for e in x.outgoing][-2:] == ["q_net.0.weight", "q_net.2.weight"]


def test_features_that_actor_and_critic_share_are_nobodys_to_reset() -> None:
    from l2rl.agents.sac import LifelongSAC

    class Numbers(Pictures):
        action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    env = make_vec_env(Numbers, 1, seed=0)
    found = {}
    for shared in (False, True):
        kwargs: dict[str, Any] = {"share_features_extractor": shared, "net_arch": [6]}
        kwargs["features_extractor_kwargs"] = {"features_dim": 8}
        agent = LifelongSAC("CnnPolicy", env, seed=0, policy_kwargs=kwargs, buffer_size=10)
        found[shared] = {phase: [x.name for x in layers] for phase, layers in graph(agent).items()}
    assert [len(found[False][phase]) for phase in ("critic", "actor")] == [6, 5]
    assert found[True]["actor"] == ["latent_pi.1"]
    assert found[True]["critic"] == ["qf0.1", "qf1.1"]


def test_a_layer_with_a_shortcut_around_it_is_left_out() -> None:
    class Shortcut(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self[1](self[0](x))
            return self[4](self[3](self[2](hidden)) + hidden)  # type: ignore[no-any-return]

    class Rewires(Component):
        needs = ("NETWORK_BUILD",)

        def modify_network(self, view: Any) -> None:
            for network in view.networks.values():
                network.q_net = Shortcut(*network.q_net)

    assert list(edges(graph(small_agent("dqn", Rewires()))["q"])) == ["q_net.3"]


@pytest.mark.parametrize("make", [lambda: picture_agent(LifelongDQN, net_arch=[6])])
def test_a_silenced_unit_of_any_layer_does_not_speak(make: Any) -> None:
    agent = make()
    view = agent.host.phase_views["q"]
    states = torch.randint(0, 255, (5, 1, 36, 36), dtype=torch.uint8)
    for layer in graph(agent)["q"]:
        units = torch.tensor([0, 3, 5])
        surgery = Surgery({"q": view})
        surgery.redraw(layer, units, {n: p.detach() for n, p in view.parameters.items()})
        edit = surgery.edit("silenced")
        assert edit is not None
        live = {n: p.detach() for n, p in view.parameters.items()}
        silent = {**live, **edit.values["q"]}
        other = dict(silent)
        for name in layer.incoming:
            other[name] = silent[name].clone()
            other[name][units] += 10.0
        said = [view.heads(p, states)["q"].values for p in (live, silent, other)]
        assert not torch.equal(said[0], said[1])
        assert torch.equal(said[1], said[2]), layer.name
