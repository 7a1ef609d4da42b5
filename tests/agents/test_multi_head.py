"""One head a task: others stay still, replayed samples are answered by their own task's head."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stable_baselines3.common.env_util import make_vec_env
from torch import nn

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.agents.multi_head import HeadSelector, MultiHead
from l2rl.agents.ppo import LifelongPPO
from l2rl.agents.sac import LifelongSAC
from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.views import LossView

LABELS = Surroundings(visibility="labels", labels=("a", "b", "c"))


def agent(learner: str, *components: Component) -> Any:
    common: dict[str, Any] = {
        "surroundings": LABELS,
        "multi_head": True,
        "seed": 0,
        "device": "cpu",
        "components": components,
    }
    if learner == "ppo":
        return LifelongPPO(
            "MlpPolicy", make_vec_env("CartPole-v1", 2), n_steps=16, batch_size=16, **common
        )
    if learner == "dqn":
        return LifelongDQN(
            "MlpPolicy", make_vec_env("CartPole-v1", 1), learning_starts=10, **common
        )
    return LifelongSAC("MlpPolicy", make_vec_env("Pendulum-v1", 1), learning_starts=10, **common)


def heads(of: LifelongAlgorithm) -> dict[str, torch.Tensor]:
    """All heads of the online networks: averaging moves equal targets by a rounding error."""
    state = of.policy.state_dict().items()
    return {k: v.clone() for k, v in state if ".heads." in k and "target" not in k}


@pytest.mark.parametrize("learner", ["ppo", "dqn", "sac"])
def test_only_the_current_tasks_head_moves_even_with_momentum(learner: str) -> None:
    one = agent(learner)
    born = heads(one)
    one.start_task(0, "a")
    one.learn(80)
    one.end_task(0, "a")
    after_a = heads(one)
    moved = {k for k in born if not torch.equal(born[k], after_a[k])}
    assert moved
    assert all(".heads.0." in k for k in moved)
    one.start_task(1, "b")
    one.learn(80, reset_num_timesteps=False)
    after_b = heads(one)
    moved = {k for k in born if not torch.equal(after_a[k], after_b[k])}
    # Replayed experience of the first task goes on teaching its own head only where a buffer
    # remembers the task; here it does not, so what moves is the second head.
    assert moved
    assert all(".heads.1." in k for k in moved)


class PullEverything(Component):
    """A penalty on all parameters, heads of other tasks included."""

    def loss_terms(self, view: LossView) -> dict[str, torch.Tensor]:
        return {"pull": sum(((p - 1.0) ** 2).sum() for p in view.parameters.values())}  # type: ignore[dict-item]


def test_other_heads_stay_still_also_under_a_penalty() -> None:
    one = agent("ppo", PullEverything())
    for number, label in enumerate(["a", "b"]):
        before = heads(one)
        one.start_task(number, label)
        one.learn(80, reset_num_timesteps=number == 0)
        after = heads(one)
        moved = {k for k in before if not torch.equal(before[k], after[k])}
        assert {k.split(".heads.")[1][0] for k in moved} == {str(number)}


@pytest.mark.parametrize("learner", ["dqn", "sac"])
def test_targets_start_equal_with_all_heads(learner: str) -> None:
    state = agent(learner).policy.state_dict()
    for name in (n for n in state if "target" not in n):
        twin = name.replace("q_net.", "q_net_target.", 1).replace("critic.", "critic_target.", 1)
        if twin != name:
            assert torch.equal(state[name], state[twin]), name


def test_each_sample_is_answered_by_its_own_head() -> None:
    selector = HeadSelector()
    layer = MultiHead(nn.Linear(4, 2), 3, selector, seed=1)
    features = torch.randn(6, 4)
    chosen = torch.tensor([0, 2, 1, 1, 0, 2])
    selector.per_sample = chosen
    mixed = layer(features)
    selector.per_sample = None
    for i, head in enumerate(chosen.tolist()):
        selector.active = head
        assert torch.allclose(mixed[i], layer(features[i : i + 1])[0])
    selector.per_sample = torch.zeros(6, dtype=torch.long)
    layer(features).sum().backward()
    assert layer.heads[0].weight.grad is not None
    assert layer.heads[1].weight.grad is None


def test_evaluation_answers_with_the_tasks_head_and_goes_back() -> None:
    one = agent("ppo")
    one.start_task(0, "b")
    with one.evaluating(0, "c"):
        assert one.task_heads.selector.active == 2
    assert one.task_heads.selector.active == 1


def test_drawing_heads_leaves_the_global_generators_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    MultiHead(nn.Linear(4, 2), 3, HeadSelector(), seed=1).state_dict()
    # the first layer's own construction draws; the further heads must not
    torch.manual_seed(0)
    first = nn.Linear(4, 2)
    torch.manual_seed(0)
    MultiHead(first, 3, HeadSelector(), seed=1)
    assert torch.equal(torch.rand(1), expected)
