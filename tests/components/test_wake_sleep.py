"""`sleep.wake_sleep`: what a sleep does to the network, who teaches it, and what it remembers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.distillation import Student, distance, head_distance
from l2rl.components.experts.pool import ExpertPool
from l2rl.components.sleep.generator import FeatureGaussian, clipped, drawn_features
from l2rl.components.sleep.settings import WakeSleepConfig
from l2rl.components.sleep.wake_sleep import WakeSleep
from l2rl.randomness import global_generator_states, restore_global_generators
from l2rl.state_codec import decode, encode
from l2rl.views import Head
from tests.components.small_agents import parameters_of, same, small_agent

KINDS = ("ppo", "ppo-box", "dqn", "sac")
STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 100, "sac": 50}
ACTING = {"ppo": "policy", "ppo-box": "policy", "dqn": "q", "sac": "actor"}
SLEEPY = Surroundings(visibility="labels", labels=("a", "b", "c"), has_sleep=True)


def wake_sleep(**settings: Any) -> WakeSleep:
    defaults = {"minimum_states": 32, "batch_size": 64, "learning_rate": 3e-3}
    return WakeSleep(WakeSleepConfig(**{**defaults, **settings}))


def agent_of(kind: str, *components: Component, surroundings: Any = SLEEPY, **settings: Any) -> Any:
    return small_agent(kind, *components, surroundings=surroundings, **settings)


def learn(agent: Any, index: int, label: str, kind: str) -> None:
    agent.start_task(index, label)
    agent.learn(STEPS[kind], reset_num_timesteps=False)
    agent.end_task(index, label)


def sleep(agent: Any, steps: int = 60) -> None:
    assert list(agent.host.sleep(steps, steps)) == list(range(steps))


def drift(agent: Any, kind: str, amount: float = 0.3) -> None:
    """What forgetting does: the awake network is no longer what it was."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in agent._phases[ACTING[kind]].parameters.values():
            parameter.add_(amount * torch.randn(parameter.shape, generator=generator))


# ---- distances -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("means", "scales", "expected"),
    [((0.2, -0.1), (0.5, 0.8), 0.23563), ((1.0, 0.0), (1.0, 1.0), 0.5), ((3, 3), (2, 2), 0.0)],
)
def test_gaussians_differ_by_the_closed_form(means: Any, scales: Any, expected: float) -> None:
    one, other = (
        Head("gaussian", "acting", torch.tensor([[float(m)]]), torch.tensor([[float(s)]]))
        for m, s in zip(means, scales, strict=True)
    )
    assert float(head_distance(one, other)) == pytest.approx(expected, abs=1e-5)


def test_every_kind_of_head_has_its_divergence() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 5, 4, generator=generator)
    categorical = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=a), torch.distributions.Categorical(logits=b)
    )
    assert torch.allclose(
        head_distance(Head("categorical", "acting", a), Head("categorical", "acting", b)),
        categorical,
        atol=1e-6,
    )
    bernoulli = torch.distributions.kl_divergence(
        torch.distributions.Bernoulli(logits=a), torch.distributions.Bernoulli(logits=b)
    ).sum(1)
    assert torch.allclose(
        head_distance(Head("bernoulli", "acting", a), Head("bernoulli", "acting", b)),
        bernoulli,
        atol=1e-6,
    )
    heads = [Head("multi_categorical", "acting", x, sizes=(1, 3)) for x in (a, b)]
    alone = [Head("categorical", "acting", x[:, 1:]) for x in (a, b)]
    assert torch.allclose(head_distance(*heads), head_distance(*alone), atol=1e-6)
    scalars = [Head("scalar", "value", x) for x in (a, b)]
    assert torch.allclose(head_distance(*scalars), 0.5 * ((a - b) ** 2).sum(1))
    both = {"x": scalars[0], "y": heads[0]}, {"x": scalars[1], "y": heads[1]}
    assert torch.equal(distance(*both, ("acting",)), head_distance(*heads))


def test_the_student_steps_as_adam_does() -> None:
    start = {"w": torch.tensor([[1.0, -2.0]]), "b": torch.tensor([0.5])}
    student = Student(start, 0.01)
    theirs = {n: torch.nn.Parameter(v.clone()) for n, v in start.items()}
    adam = torch.optim.Adam(theirs.values(), 0.01)
    for step in range(20):
        goal = 0.1 * step
        mine = student.named()
        student.step(((mine["w"] - goal) ** 2).sum() + (mine["b"] * mine["w"]).sum())
        adam.zero_grad()
        loss = ((theirs["w"] - goal) ** 2).sum() + (theirs["b"] * theirs["w"]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    for name, value in student.values().items():
        assert torch.allclose(value, theirs[name], atol=1e-6)


# ---- the generator ---------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [0, 2, 8])
def test_generated_features_have_the_mean_and_variance_of_the_real_ones(rank: int) -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(3, 6, generator=generator)
    real = torch.randn(4000, 3, generator=generator) @ mixing + 2.0
    fitted = FeatureGaussian.fitted(real, rank)
    drawn = drawn_features([fitted], torch.zeros(40_000, dtype=torch.long), generator)
    assert torch.allclose(drawn.mean(0), real.mean(0), atol=0.06)
    assert torch.allclose(drawn.var(0), real.var(0), rtol=0.06)
    if rank > 2:  # as many axes as the features have: their covariance, too
        assert torch.allclose(drawn.T.cov(), real.T.cov(), atol=0.35)
        assert float(fitted.noise.abs().max()) < 1e-2


def test_features_stay_within_what_a_layer_can_say() -> None:
    features = torch.tensor([-3.0, 0.5, 7.0])
    assert clipped(features, "ReLU").tolist() == [0.0, 0.5, 7.0]
    assert clipped(features, "Tanh").tolist() == [-1.0, 0.5, 1.0]
    assert clipped(features, "SiLU") is features


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["first", "last"])
def test_the_upper_layers_decode_features_as_the_whole_network_does(kind: str, which: Any) -> None:
    component = wake_sleep(feature_layer=which, critic=True)
    agent = agent_of(kind, component)
    for phase, layers in component.layers.items():
        view = agent.host.phase_views[phase]
        rows = torch.randn(7, 4), torch.rand(7, 2)
        with torch.no_grad():
            with view.tap({}) as outputs:
                whole = view.heads(view.parameters, *rows)
            chosen = {name: outputs[name] for name in layers}
            blank = torch.zeros(7, 4), torch.zeros(7, 2)
            with view.tap(chosen):
                upper = view.heads(view.parameters, *blank)
            again = view.heads(view.parameters, *rows)
        assert len(layers) == (2 if phase in ("policy", "critic") else 1)
        for name, head in whole.items():
            assert torch.equal(upper[name].values, head.values)
            assert torch.equal(again[name].values, head.values)


def test_only_branches_that_act_are_generated_unless_critics_sleep() -> None:
    component = wake_sleep()
    agent_of("ppo", component)
    assert component.layers == {"policy": {"mlp_extractor.policy_net.1": 16}}


# ---- a sleep ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_sleep_brings_back_what_the_awake_network_forgot_and_keeps_the_new(kind: str) -> None:
    component = wake_sleep()
    agent = agent_of(kind, component)
    learn(agent, 0, "a", kind)
    sleep(agent, 5)
    drift(agent, kind)
    learn(agent, 1, "b", kind)
    before = parameters_of(agent)
    sleep(agent, 150)
    after = parameters_of(agent)
    gaps = component.distances
    assert gaps["distance_replayed_after"] < 0.5 * gaps["distance_replayed_before"]
    assert gaps["distance_random_before"] == 0.0
    assert gaps["distance_random_after"] < 0.7 * gaps["distance_random_awake"]
    for name, value in component.students[ACTING[kind]].values().items():
        assert torch.equal(after[f"{ACTING[kind]}/{name}"], value)
    free = {n for n in before if torch.equal(before[n], after[n])}
    acting = {f"{p}/{n}" for p, names in component.names.items() for n in names}
    assert free == set(before) - acting
    assert list(component.old) == ["a", "b"]
    assert component.recent == {}


@pytest.mark.parametrize("kind", ["ppo", "sac"])
def test_critics_sleep_where_wanted(kind: str) -> None:
    component = wake_sleep(critic=True)
    agent = agent_of(kind, component)
    learn(agent, 0, "a", kind)
    sleep(agent, 5)
    drift(agent, kind)
    learn(agent, 1, "b", kind)
    phase = "critic" if kind == "sac" else "policy"
    name = "qf0.0.weight" if kind == "sac" else "value_net.weight"
    before = parameters_of(agent)[f"{phase}/{name}"]
    sleep(agent, 20)
    assert not torch.equal(before, parameters_of(agent)[f"{phase}/{name}"])
    if kind == "sac":
        targets = agent._phases["critic"].targets
        assert torch.equal(targets[name], agent._phases["critic"].parameters[name])


def test_without_old_contexts_every_row_is_replayed_and_later_the_shares_hold() -> None:
    component = wake_sleep(batch_size=100, replayed_share=0.6, generated_share=0.3)
    agent = agent_of("dqn", component)
    component.session = {"old": []}
    assert component._rows_of_sources("q") == (100, 0, 0)
    component.session = {"old": ["a"]}
    assert component._rows_of_sources("q") == (52, 26, 22)
    component.layers["q"] = {}
    assert component._rows_of_sources("q") == (71, 0, 29)
    assert agent is not None


def _gap_of_old(shares: dict[str, float], *, features: bool) -> float:
    """How far a sleep has moved the sleep network on an earlier context: on its states, or, of the
    upper layers alone, on the features that they had."""
    component = wake_sleep(**{"generated_share": 0.0, "random_share": 0.0, **shares})
    agent = agent_of("dqn", component)
    learn(agent, 0, "a", "dqn")
    sleep(agent, 5)
    drift(agent, "dqn")
    learn(agent, 1, "b", "dqn")
    view, old = agent.host.phase_views["q"], component.students["q"].values()
    states = torch.as_tensor(component.old["a"].rows["observations"])
    with torch.no_grad(), view.tap({}) as outputs:
        then = view.heads(old, states)
    sleep(agent, 150)
    kept = {name: outputs[name] for name in component.layers["q"]} if features else {}
    with torch.no_grad(), view.tap(kept):
        now = view.heads(component.students["q"].values(), states)
    return float(distance(then, now, ("acting",)).mean())


@pytest.mark.parametrize("source", ["generated", "random"])
def test_each_source_alone_protects_what_was_known(source: str) -> None:
    features = source == "generated"
    unprotected = _gap_of_old({}, features=features)
    assert _gap_of_old({f"{source}_share": 0.5}, features=features) < 0.5 * unprotected


def test_the_generators_follow_the_layers_below_them() -> None:
    component = wake_sleep()
    agent = agent_of("dqn", component)
    learn(agent, 0, "a", "dqn")
    sleep(agent, 5)
    context = component.old["a"]
    before = context.gaussians["q"].mean.clone()
    then = component._features("q", component._asleep("q"), 0, context.rows).mean(0)
    learn(agent, 1, "b", "dqn")
    sleep(agent, 50)
    now = component._features("q", component._asleep("q"), 0, context.rows).mean(0)
    assert float((now - then).abs().max()) > 1e-3
    assert torch.allclose(context.gaussians["q"].mean, before + now - then, atol=1e-5)


@pytest.mark.parametrize("weight", [0.25, 1.0])
def test_the_transfer_is_an_interpolation(weight: float) -> None:
    component = wake_sleep(transfer=weight)
    agent = agent_of("dqn", component)
    learn(agent, 0, "a", "dqn")
    sleep(agent, 5)
    drift(agent, "dqn")
    learn(agent, 1, "b", "dqn")
    awake = agent._phases["q"].flat_row()
    sleep(agent, 5)
    asleep = component.students["q"].row.detach()
    expected = (1 - weight) * awake + weight * asleep
    assert torch.allclose(agent._phases["q"].flat_row(), expected, atol=1e-6)
    assert agent._phases["q"].optimizer.state == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_transfer_of_nothing_leaves_the_run_as_it_is_without(kind: str) -> None:
    def lived(*components: Component) -> Any:
        agent = agent_of(kind, *components)
        learn(agent, 0, "a", kind)
        sleep(agent, 5)
        learn(agent, 1, "b", kind)
        sleep(agent, 5)
        return agent

    assert same(lived(), lived(wake_sleep(transfer=0.0)))


def test_a_context_too_short_to_learn_from_waits() -> None:
    component = wake_sleep(minimum_states=150)
    agent = agent_of("dqn", component)
    learn(agent, 0, "a", "dqn")
    before = parameters_of(agent)
    sleep(agent, 3)
    assert component.sleeps == 0
    assert all(torch.equal(before[n], p) for n, p in parameters_of(agent).items())
    learn(agent, 1, "a", "dqn")
    sleep(agent, 3)
    assert list(component.old) == ["a"]


def test_a_context_that_returns_is_taught_by_the_awake_network_again() -> None:
    component = wake_sleep(max_contexts=2)
    agent = agent_of("dqn", component)
    for index, label in enumerate("aba"):
        learn(agent, index, label, "dqn")
        sleep(agent, 3)
    assert list(component.old) == ["b", "a"]
    assert component.old["a"].belief == 2
    learn(agent, 3, "c", "dqn")
    sleep(agent, 3)
    assert list(component.old) == ["a", "c"]


def test_contexts_are_beliefs_where_labels_are_hidden() -> None:
    component = wake_sleep()
    seen = Surroundings(visibility="boundaries", labels=("a", "b"), has_sleep=True)
    agent = agent_of("dqn", component, surroundings=seen)
    for index, label in enumerate("ab"):
        learn(agent, index, label, "dqn")
    sleep(agent, 3)
    assert list(component.old) == ["0", "1"]


def test_evaluation_can_look_at_the_sleep_network() -> None:
    component = wake_sleep(evaluate="sleep", transfer=0.0)
    agent = agent_of("dqn", component)
    learn(agent, 0, "a", "dqn")
    sleep(agent, 5)
    drift(agent, "dqn")
    awake = parameters_of(agent)
    with agent.evaluating(0, "a"):
        assert torch.equal(agent._phases["q"].flat_row(), component.students["q"].row.detach())
    assert all(torch.equal(awake[n], p) for n, p in parameters_of(agent).items())


# ---- composition and state -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ppo", "dqn", "sac"])
def test_state_round_trip_in_mid_sleep(kind: str) -> None:
    agent = agent_of(kind, wake_sleep())
    learn(agent, 0, "a", kind)
    sleep(agent, 3)
    learn(agent, 1, "b", kind)
    asleep = agent.host.sleep(6, 6)
    for _ in range(3):
        next(asleep)
    state = decode(*encode(copy.deepcopy(agent.exact_state())))
    generators = global_generator_states()
    assert list(asleep) == [3, 4, 5]
    again = agent_of(kind, wake_sleep())
    again.load_exact_state(state)
    restore_global_generators(generators)
    assert list(again.host.sleep(3, 6)) == [3, 4, 5]
    assert same(agent, again)
    one, other = (a.host.composition.components[0] for a in (agent, again))
    assert one.metrics() == other.metrics()
    ours, theirs = (encode(c.state_dict()) for c in (one, other))
    assert ours[0] == theirs[0]
    assert all(torch.equal(ours[1][key], theirs[1][key]) for key in ours[1])


def test_anchors_of_ewc_move_along_and_keep_their_importance() -> None:
    ewc = ElasticWeightConsolidation(ElasticWeightConsolidation.Config(fisher_samples=32))
    agent = agent_of("dqn", wake_sleep(), ewc)
    learn(agent, 0, "a", "dqn")
    sleep(agent, 3)
    learn(agent, 1, "b", "dqn")
    importance = ewc._anchors["q"].importance.clone()
    before = ewc._anchors["q"].values.clone()
    sleep(agent, 20)
    anchor = ewc._anchors["q"]
    assert torch.equal(anchor.importance, importance)
    assert bool((importance > 0).any())
    assert not torch.equal(anchor.values, before)
    assert torch.equal(anchor.values, anchor.live())


def test_experts_sleep_each_by_itself() -> None:
    component = wake_sleep()
    agent = agent_of("dqn", component, ExpertPool())
    learn(agent, 0, "a", "dqn")
    sleep(agent, 3)
    row = component.students["q"].row.detach().clone()
    learn(agent, 1, "b", "dqn")
    assert component.students == {}
    sleep(agent, 3)
    assert list(component.old) == ["b"]
    agent.start_task(2, "a")
    assert list(component.old) == ["a"]
    assert torch.equal(component.students["q"].row.detach(), row)


def test_heads_of_earlier_tasks_answer_for_their_own_states() -> None:
    component = wake_sleep()
    agent = agent_of("dqn", component, multi_head=True)
    learn(agent, 0, "a", "dqn")
    sleep(agent, 3)
    learn(agent, 1, "b", "dqn")
    name = next(n for n in parameters_of(agent) if "heads.0.weight" in n)
    before = parameters_of(agent)[name]
    sleep(agent, 5)
    assert not torch.equal(before, parameters_of(agent)[name])
    assert component.old["a"].belief == 0
    assert component.old["b"].belief == 1
