"""What the contract promises beyond loss terms: each promise with the effect that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from l2rl.agents.surroundings import Surroundings
from l2rl.batches import joined
from l2rl.capabilities import MAIN_GRADIENT, MAIN_LOSS, NETWORK_BUILD, SAMPLE_ERRORS, WEIGHT_MASK
from l2rl.component import Component
from l2rl.engine.fresh import fresh_parameters
from l2rl.randomness import global_generator_states
from l2rl.views import (
    CollectionView,
    GradientView,
    LossView,
    NetworkBuildView,
    NetworkEdit,
    NetworkView,
    TaskEvent,
    TransitionBatch,
    UpdateView,
)
from tests.components.small_agents import parameters_of, same, small_agent

STEPS = {"ppo": 256, "ppo-box": 256, "dqn": 200, "sac": 60}
KINDS = tuple(STEPS)


class Pull(Component):
    """A penalty with a large gradient, so that main and whole gradient differ."""

    name = "pull"

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        return {"sum": 10.0 * sum((p**2).sum() for p in view.parameters.values())}  # type: ignore[dict-item]


class SeesMainGradient(Component):
    needs = (MAIN_GRADIENT,)
    name = "watcher"

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[tuple[str, float]] = []

    def transform_gradients(self, view: GradientView) -> None:
        assert view.main_gradients is not None
        for name, whole in view.gradients.items():
            penalty = 20.0 * view.parameters[name].detach()
            main = view.main_gradients.get(name, torch.zeros_like(whole))
            self.pairs.append((view.phase, float((whole - penalty - main).abs().max())))


@pytest.mark.parametrize("kind", KINDS)
def test_the_main_gradient_is_the_gradient_without_the_terms(kind: str) -> None:
    watcher = SeesMainGradient()
    agent = small_agent(kind, watcher, Pull())
    agent.learn(STEPS[kind])
    assert watcher.pairs
    assert max(distance for _, distance in watcher.pairs) < 1e-3


def test_the_main_gradient_without_terms_changes_no_bit() -> None:
    class Looks(Component):
        needs = (MAIN_GRADIENT,)

        def transform_gradients(self, view: GradientView) -> None:
            assert view.main_gradients is not None
            assert all(torch.equal(view.main_gradients[n], g) for n, g in view.gradients.items())

    assert same(small_agent("dqn").learn(200), small_agent("dqn", Looks()).learn(200))


class AsksForGradients(Component):
    """Asks for the gradient of the very batch of the step, which is the one there is."""

    needs = (MAIN_LOSS,)

    def __init__(self) -> None:
        super().__init__()
        self.distances: dict[str, list[float]] = {}

    def transform_gradients(self, view: GradientView) -> None:
        if view.gradients_on is None:
            return
        before = global_generator_states()
        again = view.gradients_on(view.batch)
        once_more = view.gradients_on(view.batch)
        assert all(torch.equal(again[n], once_more[n]) for n in again)
        assert torch.equal(before["torch"], torch.get_rng_state())
        distance = max(float((again[n] - g).abs().max()) for n, g in view.gradients.items())
        self.distances.setdefault(view.phase, []).append(distance)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_the_own_loss_can_be_had_on_any_batch_without_effect(kind: str) -> None:
    asking = AsksForGradients()
    plain = small_agent(kind).learn(STEPS[kind])
    assert same(plain, small_agent(kind, asking).learn(STEPS[kind]))
    phases = {"sac": {"critic", "actor"}, "dqn": {"q"}}.get(kind, {"policy"})
    assert set(asking.distances) == phases
    if kind != "sac":  # whose losses sample actions, here from another generator
        assert max(asking.distances[next(iter(phases))]) < 1e-6


class TellsErrors(Component):
    needs = (SAMPLE_ERRORS,)

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[tuple[str, int, torch.Tensor | None]] = []

    def after_step(self, view: UpdateView) -> None:
        self.errors.append((view.phase, len(view.batch["observations"]), view.errors))


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_td_errors_are_told_after_the_step(kind: str) -> None:
    component = TellsErrors()
    agent = small_agent(kind, component)
    agent.learn(STEPS[kind])
    told = [(phase, n, e) for phase, n, e in component.errors if e is not None]
    assert {phase for phase, _, _ in told} == {"q" if kind == "dqn" else "critic"}
    assert all(e.shape == (n,) and not e.requires_grad for _, n, e in told)
    assert all(float(e.abs().max()) > 0 for _, _, e in told)


class Freezes(Component):
    """Freezes every other entry from the first task's end on."""

    provides = (WEIGHT_MASK,)
    name = "freezes"

    def __init__(self) -> None:
        super().__init__()
        self.masks: dict[str, dict[str, torch.Tensor]] = {}

    def freeze(self) -> None:
        for phase, view in self.agent.phases.items():
            self.masks[phase] = {
                name: (torch.arange(p.numel()) % 2 == 0).reshape(p.shape)
                for name, p in view.parameters.items()
            }

    def weight_mask(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        return self.masks.get(phase)


class Redraws(Component):
    """Draws everything anew once."""

    name = "redraws"
    due = False

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        if not self.due:
            return None
        self.due = False
        values = {n: p.fresh_parameters(self.rng.torch) for n, p in view.phases.items()}
        return NetworkEdit("redrawn", {n: v for n, v in values.items() if v})


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_free_stays_through_momentum_decay_and_edits(kind: str) -> None:
    freezes, redraws = Freezes(), Redraws()
    kwargs = {
        "policy_kwargs": {
            "net_arch": [16, 16],
            "optimizer_class": torch.optim.AdamW,
            "optimizer_kwargs": {"weight_decay": 0.1},
        }
    }
    agent = small_agent(kind, freezes, redraws, **kwargs)
    agent.learn(STEPS[kind])
    freezes.freeze()
    before = parameters_of(agent)
    redraws.due = True
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    assert not redraws.due
    after = parameters_of(agent)
    for phase, masks in freezes.masks.items():
        optimizer = agent._phases[phase].optimizer
        for name, free in masks.items():
            old, new = before[f"{phase}/{name}"], after[f"{phase}/{name}"]
            assert torch.equal(old[~free], new[~free])
            moments = optimizer.state[agent._phases[phase].parameters[name]]
            assert float(moments["exp_avg"][~free].abs().sum()) == 0.0
        assert any(not torch.equal(before[f"{phase}/{n}"], after[f"{phase}/{n}"]) for n in masks)


class Widens(Component):
    """Puts a normalisation before the first layer of each network."""

    needs = (NETWORK_BUILD,)

    def modify_network(self, view: NetworkBuildView) -> None:
        for network in view.networks.values():
            for module in list(network.modules()):
                if not isinstance(module, nn.Sequential):
                    continue
                layers = [i for i, layer in enumerate(module) if isinstance(layer, nn.Linear)]
                if layers:
                    first = module[layers[0]]
                    module[layers[0]] = nn.Sequential(nn.LayerNorm(first.in_features), first)


@pytest.mark.parametrize("kind", KINDS)
def test_networks_can_be_changed_at_birth_and_the_new_parts_learn(kind: str) -> None:
    agent = small_agent(kind, Widens())
    state = torch.get_rng_state()
    new = [n for n in parameters_of(agent) if n.split("/")[0] != "entropy" and ".0.0.weight" in n]
    assert new
    before = parameters_of(agent)
    agent.learn(STEPS[kind])
    after = parameters_of(agent)
    assert any(not torch.equal(before[n], after[n]) for n in new)
    again = small_agent(kind, Widens())
    assert torch.equal(state, torch.get_rng_state())
    again.load_exact_state(agent.exact_state())
    assert same(agent, again)


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_targets_have_the_new_parts_too(kind: str) -> None:
    agent = small_agent(kind, Widens())
    for phase in agent._phases.values():
        for name, target in phase.targets.items():
            assert torch.equal(target, phase.parameters[name])


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_parameters_come_from_the_same_initialisers(kind: str) -> None:
    agent = small_agent(kind)
    for name, phase in agent._phases.items():
        if phase.network is None:
            continue
        state = torch.get_rng_state()
        drawn = phase.fresh_parameters(torch.Generator().manual_seed(1))
        again = fresh_parameters(
            phase.network, tuple(phase.parameters), torch.Generator().manual_seed(1)
        )
        assert torch.equal(state, torch.get_rng_state())
        assert drawn.keys() == phase.parameters.keys()
        for key, value in drawn.items():
            old = phase.parameters[key].detach()
            assert torch.equal(value, again[key])
            if value.dim() > 1:
                assert not torch.equal(value, old), (name, key)
                assert float(value.std()) == pytest.approx(float(old.std()), rel=0.35)


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_parameters_can_be_had_at_any_time(kind: str) -> None:
    agent = small_agent(kind)
    agent.learn(STEPS[kind])
    for phase in agent._phases.values():
        drawn = phase.fresh_parameters(torch.Generator().manual_seed(1))
        again = phase.fresh_parameters(torch.Generator().manual_seed(1))
        assert all(torch.equal(drawn[n], again[n]) for n in drawn)
    agent.learn(STEPS[kind], reset_num_timesteps=False)


class LendsOnce(Component):
    """Acts with other weights, and learns with its own."""

    def __init__(self, values: float) -> None:
        super().__init__()
        self.values = values
        self.seen: list[tuple[int, int]] = []

    def collection_context(self, view: CollectionView) -> AbstractContextManager[None]:
        self.seen.append((view.env_steps, view.belief))
        filled = {
            name: {n: torch.full_like(p, self.values) for n, p in phase.parameters.items()}
            for name, phase in view.phases.items()
        }
        return view.lend(filled)


def test_another_network_can_act_while_experience_is_collected() -> None:
    component = LendsOnce(0.0)
    agent = small_agent("dqn", component, exploration_fraction=1e-6, exploration_final_eps=0.0)
    before = parameters_of(agent)
    agent.learn(16)
    assert [step for step, _ in component.seen] == [0, 8]
    assert all(torch.equal(before[n], p) for n, p in parameters_of(agent).items())
    agent.learn(200, reset_num_timesteps=False)
    # A network of zeros thinks all actions equal and takes the first.
    assert set(agent.replay_buffer.actions[30:90].ravel().tolist()) == {0}


def test_nothing_is_lent_to_ppo() -> None:
    agent = small_agent("ppo", LendsOnce(0.0))
    with pytest.raises(LookupError, match="another network"):
        agent.learn(64)


def test_collection_contexts_are_a_stack() -> None:
    order: list[str] = []

    class Notes(Component):
        @contextmanager
        def _noting(self) -> Iterator[None]:
            order.append(f"+{self.name}")
            yield
            order.append(f"-{self.name}")

        def collection_context(self, view: CollectionView) -> AbstractContextManager[None]:
            return self._noting()

    first, second = Notes(), Notes()
    first.name, second.name = "a", "b"
    small_agent("ppo", second, first).learn(64)
    assert order[:4] == ["+a", "+b", "-b", "-a"]


class AtTheEnd(Component):
    """Trains on the replay buffer and on a loss of its own when a task ends."""

    needs = ("TASK_BOUNDARY",)

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_task_end(self, event: TaskEvent) -> None:
        if self.agent.train_on_replay is not None:
            self.agent.train_on_replay(5)
        phase = "actor" if self.agent.learner == "sac" else next(iter(self.agent.phases))
        for _ in range(20):
            weights = [p for p in self.agent.phases[phase].parameters.values() if p.dim() > 1]
            loss = sum((w**2).sum() for w in weights)
            assert isinstance(loss, torch.Tensor)
            self.losses.append(float(loss.detach()))
            self.agent.minimise(phase, loss)


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_can_train_when_a_task_ends(kind: str) -> None:
    component = AtTheEnd()
    agent = small_agent(kind, component)
    agent.start_task(0, "a")
    agent.learn(STEPS[kind])
    updates = agent._n_updates
    agent.end_task(0, "a")
    assert component.losses[-1] < component.losses[0]
    assert agent._n_updates == updates + (0 if kind.startswith("ppo") else 5)


def test_heads_answer_each_row_for_its_own_context_and_learn_from_it() -> None:
    class OldOutputs(Component):
        def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
            states = torch.ones(2, 4)
            beliefs = torch.tensor([0, 1])
            return {"old": view.heads(view.parameters, states, None, beliefs)["q"].values.sum()}

    agent = small_agent("dqn", OldOutputs(), multi_head=True)
    agent.start_task(0, "a")
    agent.host.belief = 1
    agent.start_task(1, "b")
    phase = agent._phases["q"]
    one = phase.heads(phase.parameters, torch.ones(2, 4), None, torch.tensor([0, 1]))["q"].values
    assert not torch.equal(one[0], one[1])
    before = parameters_of(agent)
    agent.learn(60)
    moved = {n for n, p in parameters_of(agent).items() if not torch.equal(p, before[n])}
    assert {n for n in moved if "heads.0" in n}
    assert {n for n in moved if "heads.1" in n}


def test_masks_of_actions_are_seen_by_listeners() -> None:
    seen: list[TransitionBatch] = []

    class Listens(Component):
        def on_transitions(self, batch: TransitionBatch) -> None:
            seen.append(batch)

    small_agent("ppo", Listens()).learn(64)
    assert seen[0].action_masks is None


def test_rows_are_joined_field_by_field() -> None:
    batch: dict[str, Any] = {
        "observations": torch.zeros(2, 3),
        "rewards": torch.ones(2, 1),
        "weights": torch.tensor([0.5, 2.0]),
        "index": torch.tensor([7, 8]),
    }
    rows = {
        "observations": torch.ones(1, 3),
        "rewards": torch.full((1, 1), 4.0),
        "discounts": torch.full((1, 1), 0.5),
        "belief": torch.tensor([3]),
        "memory/replayed": torch.ones(1),
    }
    whole = joined(batch, rows, belief=9, gamma=0.9)
    assert whole["rewards"].tolist() == [[1.0], [1.0], [4.0]]
    assert whole["weights"].tolist() == [0.5, 2.0, 1.0]
    assert whole["index"].tolist() == [7, 8, -1]
    assert np.allclose(whole["discounts"].ravel(), [0.9, 0.9, 0.5])
    assert whole["belief"].tolist() == [9, 9, 3]
    assert whole["memory/replayed"].tolist() == [0.0, 0.0, 1.0]
    with pytest.raises(KeyError, match="rewards"):
        joined(batch, {"observations": torch.ones(1, 3)}, belief=0, gamma=0.9)


def test_who_owns_what_may_move() -> None:
    from l2rl.composition import CompositionError

    first, second = Freezes(), Freezes()
    second.name = "other"
    with pytest.raises(CompositionError, match="both own WEIGHT_MASK"):
        small_agent("dqn", first, second, surroundings=Surroundings())


class TargetsToo(Component):
    """Explicit values for parameters and their targets, once."""

    name = "targets_too"
    due = False

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        if not self.due:
            return None
        self.due = False
        values = {n: torch.zeros_like(p) for n, p in view.phases["q"].parameters.items()}
        return NetworkEdit("zeroed", {"q": values}, {"q": values})


def test_a_frozen_entry_stays_in_explicit_targets_too() -> None:
    freezes, edits = Freezes(), TargetsToo()
    agent = small_agent("dqn", freezes, edits)
    agent.learn(STEPS["dqn"])
    freezes.freeze()
    targets = {n: t.clone() for n, t in agent._phases["q"].targets.items()}
    edits.due = True
    agent.host.settle()
    for name, free in freezes.masks["q"].items():
        now = agent._phases["q"].targets[name]
        assert torch.equal(now[~free], targets[name][~free])
        assert float(now[free].abs().sum()) == 0.0


class AddsStatistics(Component):
    """Batch normalisation before the first layer: its running statistics are buffers."""

    needs = (NETWORK_BUILD,)

    def modify_network(self, view: NetworkBuildView) -> None:
        for name, network in view.networks.items():
            if name.startswith(("q", "critic")):
                for module in network.modules():
                    if isinstance(module, nn.Sequential) and isinstance(module[0], nn.Linear):
                        module.insert(0, nn.BatchNorm1d(module[0].in_features))


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_targets_follow_running_statistics_that_were_added_at_birth(kind: str) -> None:
    settings = {"target_update_interval": 1} if kind == "dqn" else {}
    agent = small_agent(kind, AddsStatistics(), **settings)
    agent.learn(STEPS[kind])
    networks = agent.networks()
    name = "q" if kind == "dqn" else "critic"
    online, target = networks[name].state_dict(), networks[f"{name}_target"].state_dict()
    means = [n for n in online if n.endswith("running_mean")]
    assert means
    for statistic in means:
        assert float(target[statistic].abs().sum()) > 0
        assert kind == "dqn" or torch.equal(online[statistic], target[statistic])


def test_what_is_added_to_a_critic_is_trained() -> None:
    agent = small_agent("sac", Widens())
    new = [n for n in agent._phases["critic"].parameters if n.endswith("0.0.weight")]
    assert len(new) == 2
    agent.learn(STEPS["sac"])
    for name in new:
        gain = agent._phases["critic"].parameters[name].detach()
        assert not torch.equal(gain, torch.ones_like(gain))


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_heads_can_be_asked_from_a_hidden_layer_on(kind: str) -> None:
    agent = small_agent(kind)
    view = agent.host.phase_views["actor" if kind == "sac" else next(iter(agent._phases))]
    states = torch.randn(5, 4)
    with view.tap({}) as outputs:
        whole = view.heads(view.parameters, states)
    layer = next(iter(outputs))
    features = torch.zeros_like(outputs[layer]).requires_grad_()
    with view.tap({layer: features}):
        changed = next(iter(view.heads(view.parameters, states).values())).values
    assert not torch.equal(changed, next(iter(whole.values())).values)
    (gradient,) = torch.autograd.grad(changed.sum(), features)
    assert float(gradient.abs().sum()) > 0
    again = view.heads(view.parameters, states)
    assert all(torch.equal(again[n].values, head.values) for n, head in whole.items())


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_those_that_are_recorded_and_gradients_flow_through_them(kind: str) -> None:
    agent = small_agent(kind)
    for name, phase in agent._phases.items():
        view, states = phase.view(), torch.randn(5, 4)
        actions = torch.rand(5, 2) if name == "critic" else None
        seen = view.activations(states, actions)
        doubled = {n: (2.0 * p).detach().requires_grad_() for n, p in view.parameters.items()}
        features = view.features(view.parameters, states, actions)
        assert seen.keys() == features.keys()
        assert all(torch.allclose(features[n], seen[n], atol=1e-6) for n in seen)
        if not seen:
            continue
        others = view.features(doubled, states, actions)
        assert any(not torch.allclose(others[n], seen[n]) for n in seen)
        total = sum(f.sum() for f in others.values())
        assert isinstance(total, torch.Tensor)
        total.backward()
        reached = {n for n, p in doubled.items() if p.grad is not None}
        assert reached
        assert not reached & {n for n in view.output_layers if n != "log_std"}


def test_who_only_looks_at_an_old_head_does_not_wake_it() -> None:
    agent = small_agent("dqn", multi_head=True)
    agent.start_task(0, "a")
    phase = agent._phases["q"]
    old = {id(p) for n, p in phase.parameters.items() if "heads.1" in n}
    with torch.no_grad():
        phase.heads(phase.parameters, torch.ones(1, 4), None, torch.tensor([1]))
    assert old <= {id(p) for p in phase.idle()}
