"""Components see what they are entitled to, in order, and what they announce has its effect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3.common.env_util import make_vec_env

from l2rl import capabilities as cap
from l2rl.agents.host import ComponentHost
from l2rl.agents.ppo import LifelongPPO
from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.composition import CompositionError
from l2rl.curriculum import Visibility
from l2rl.errors import UserError
from l2rl.views import ChangeEvent, NetworkEdit, NetworkView, TaskEvent, TransitionBatch


class Witness(Component):
    """Writes down every boundary it hears of."""

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self.heard: list[tuple[str, int, str | None]] = []

    def on_task_start(self, event: TaskEvent) -> None:
        self.heard.append(("start", event.index, event.label))

    def on_task_end(self, event: TaskEvent) -> None:
        self.heard.append(("end", event.index, event.label))


class BoundaryWitness(Witness):
    needs = (cap.TASK_BOUNDARY,)


class LabelWitness(Witness):
    needs = (cap.TASK_LABEL,)


def agent(*components: Component, visibility: Visibility = "labels") -> LifelongPPO:
    return LifelongPPO(
        "MlpPolicy",
        make_vec_env("CartPole-v1", 2, seed=0),
        n_steps=16,
        batch_size=16,
        seed=0,
        device="cpu",
        components=components,
        surroundings=Surroundings(visibility=visibility, labels=("a", "b")),
    )


def live(one: LifelongPPO) -> None:
    for i, label in enumerate(["a", "b"]):
        one.start_task(i, label)
        one.learn(32, reset_num_timesteps=i == 0)
        one.end_task(i, label)


def test_labels_and_boundaries_are_told_only_to_who_needs_them() -> None:
    deaf, boundary, label = Witness(), BoundaryWitness(), LabelWitness()
    live(agent(deaf, boundary, label))
    assert deaf.heard == []
    assert boundary.heard[:2] == [("start", 0, None), ("end", 0, None)]
    assert label.heard == [("start", 0, "a"), ("end", 0, "a"), ("start", 1, "b"), ("end", 1, "b")]
    assert boundary.agent.labels is None
    assert label.agent.labels == ("a", "b")


def test_a_hidden_curriculum_tells_nobody() -> None:
    deaf = Witness()
    live(agent(deaf, visibility="hidden"))
    assert deaf.heard == []
    with pytest.raises(CompositionError, match="TASK_BOUNDARY"):
        agent(BoundaryWitness(), visibility="hidden")
    with pytest.raises(CompositionError, match="TASK_LABEL"):
        agent(LabelWitness(), visibility="boundaries")


class Detector(Component):
    """Announces a change in its second collection."""

    provides = (cap.CHANGE_EVENTS, cap.TASK_BELIEF)
    calls = 0

    def on_transitions(self, batch: TransitionBatch) -> None:
        self.calls += 1
        if self.calls == 2:
            event = ChangeEvent(self.name, self.agent.env_steps(), "new", 1, 0, 0.9)
            self.agent.announce_change(event)


class Reacting(Component):
    """Notes the belief of its batches and the network it saw in the event; then edits."""

    needs = (cap.CHANGE_EVENTS,)

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self.beliefs: list[int] = []
        self.seen: torch.Tensor | None = None
        self.edits: list[str] = []
        self.wish = False

    def _weight(self) -> torch.Tensor:
        return self.agent.phases["policy"].parameters["value_net.weight"].detach()

    def on_transitions(self, batch: TransitionBatch) -> None:
        self.beliefs.append(batch.belief)

    def on_change_detected(self, event: ChangeEvent) -> None:
        self.seen, self.wish = self._weight().clone(), True

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        if not self.wish:
            return None
        self.wish = False
        zeros = torch.zeros_like(self._weight())
        return NetworkEdit("zeroed", {"policy": {"value_net.weight": zeros}})

    def on_network_edited(self, edit: NetworkEdit) -> None:
        self.edits.append(edit.reason)


def test_a_detected_change_moves_the_belief_and_edits_come_after_the_event() -> None:
    reacting = Reacting()
    one = agent(reacting, Detector(), visibility="hidden")
    one.learn(96)
    assert reacting.beliefs == [0, 0, 1]
    assert one.host.belief == 1
    assert reacting.seen is not None
    assert reacting.seen.abs().sum() > 0, "the event must show the network as it was"
    assert reacting.edits == ["zeroed"]
    (event,) = [e for e in one.host.drain_events() if e.name == "change_detected"]
    assert (event.env_steps, event.detail["belief"], event.detail["kind"]) == (64, 1, "new")


class Swapping(Reacting):
    """Brings another set of parameters when a change is detected, as an expert pool does."""

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        edit = super().propose_network_edit(view)
        return None if edit is None else replace(edit, parameter_set=(0, 1))


def test_ppo_learns_nothing_from_another_experts_rollout() -> None:
    reset, swap = Reacting(), Swapping()
    ordinary = agent(reset, Detector(), visibility="hidden").learn(96)
    swapped = agent(swap, Detector(), visibility="hidden").learn(96)
    # three rollouts of ten epochs; the second was collected by the expert that left
    assert (ordinary._n_updates, swapped._n_updates) == (30, 20)
    assert swapped.host.sets_exchanged == 1


class Impostor(Component):
    def on_transitions(self, batch: TransitionBatch) -> None:
        self.agent.announce_change(ChangeEvent(self.name, 0, "new", 1, 0))


class Trespasser(Component):
    def bind(self, agent: Any, rng: Any) -> None:
        super().bind(agent, rng)
        agent.service(cap.CHANGE_EVENTS)


def test_nobody_does_what_they_did_not_declare() -> None:
    with pytest.raises(LookupError, match="without providing CHANGE_EVENTS"):
        agent(Impostor()).learn(32)
    with pytest.raises(LookupError, match="list it in `needs` or `uses`"):
        agent(Trespasser(), Detector())


class Objecting(Component):
    def bind(self, agent: Any, rng: Any) -> None:
        raise UserError("no layer to look at\n  choose another activation")


def test_an_objection_at_bind_time_names_its_component() -> None:
    with pytest.raises(CompositionError) as caught:
        agent(Objecting())
    (problem,) = caught.value.problems
    assert (problem.component, problem.way_out) == ("objecting", "choose another activation")


class Drawing(Component):
    """Draws from its own generators at every collection."""

    stateful = ("drawn",)

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self.drawn: list[float] = []

    def on_transitions(self, batch: TransitionBatch) -> None:
        self.drawn.append(float(self.rng.numpy.random()))
        self.drawn.append(float(torch.rand(1, generator=self.rng.torch)))


def test_each_component_has_generators_of_its_own() -> None:
    one, other, alone = Drawing(), Drawing(), Drawing()
    one.name, other.name, alone.name = "one", "other", "one"
    agent(one, other).learn(64)
    agent(alone).learn(64)
    assert one.drawn == alone.drawn
    assert one.drawn != other.drawn


def test_drawing_components_do_not_shift_the_learner() -> None:
    with_it, without = agent(Drawing()).learn(64), agent().learn(64)
    ours, plain = with_it.policy.state_dict(), without.policy.state_dict()
    assert all(torch.equal(ours[k], plain[k]) for k in plain)


def test_component_state_and_generators_round_trip_in_mid_task() -> None:
    first, second = Drawing(), Drawing()
    one, other = agent(first), agent(second)
    one.learn(32)
    other.load_exact_state(one.exact_state())
    for component in (first, second):
        component.on_transitions(None)  # type: ignore[arg-type]
    assert first.drawn == second.drawn
    assert first.drawn is not second.drawn


def test_two_components_of_one_name_are_refused() -> None:
    with pytest.raises(CompositionError, match="2 components are called 'drawing'"):
        ComponentHost("ppo", [Drawing(), Drawing()])


LABELLED = """
experiment: shuffled
agent:
  learner: dqn
  n_envs: 2
  settings: {learning_starts: 50, buffer_size: 300}
  components: {replay.reservoir: {}, plasticity.monitor: {}}
curriculum:
  visibility: labels
  tasks: {first: minigames/MoveToBeacon, second: minigames/DefeatRoaches}
  blocks:
    - {learn: NAMES0, env_steps: 200}
    - {learn: NAMES1, env_steps: 200}
    - {learn: NAMES0, env_steps: 100}
evaluation: {interval_env_steps: 100, episodes: 1, n_envs: 1}
"""


def test_shuffled_labels_change_nothing_without_the_need(tmp_path: Path) -> None:
    """The same worlds under other names: what is learned is the same, bit for bit."""
    from tests.support.runs import differences, final_state, run_whole

    states = []
    for names in (("first", "second"), ("second", "first")):
        text = LABELLED.replace("NAMES0", names[0]).replace("NAMES1", names[1])
        if names[0] == "second":
            text = text.replace(
                "first: minigames/MoveToBeacon, second: minigames/DefeatRoaches",
                "second: minigames/MoveToBeacon, first: minigames/DefeatRoaches",
            )
        yaml = tmp_path / "experiment.yaml"
        yaml.write_text(text)
        states.append(final_state(run_whole(yaml, tmp_path / names[0]).path)["agent"])
    assert differences(states[0], states[1]) == []
