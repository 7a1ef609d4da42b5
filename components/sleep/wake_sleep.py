"""Wake and sleep: in sleep blocks a second network is consolidated, then takes over.

The agent learns awake, and forgets. A *sleep network* of the same shape keeps what was known: in a
sleep block it is trained by distillation, without env steps, on three sources,

    replayed   states of the contexts lived since the last sleep; the network that is awake teaches
    generated  hidden features of earlier contexts, drawn from a generator and put in place of a
               layer's output; the sleep network as it was before this sleep teaches, through the
               layers above
    random     a few remembered states of every earlier context; the same teacher

and at the end of the block the awake network becomes (1 - transfer) * awake + transfer * sleep.
Before the first sleep the two are equal. The loss of a row is KL(teacher || sleep) by the kind of
head, half the squared difference for values (DQN's Q values included); a batch is divided between
the sources by their shares, and those that have nothing yet leave theirs to the others.

The generator is one low-rank Gaussian per context over the outputs of one layer in each branch of
the network (`feature_layer`), fitted in closed form when the context is consolidated; draws are
clipped to the range of the non-linearity. No observation of old contexts is needed for it. As the
layers below go on changing, each Gaussian's mean is moved in every later sleep by as much as the
mean feature of the context's few remembered states has moved.

Source: model-free generative replay with hidden features, arXiv 2208.05056: the sleep phase, the
three buffers and the features are its; the Gaussian in place of a variational auto-encoder, who
teaches what, the moved means and the transfer are our reconstruction.

A context is a task's label where the run shows labels, otherwise the context believed in. One that
is lived again is taught by the awake network in the next sleep and consolidated anew.

Parameters that decide actions sleep; those that only judge them stay as they are awake unless
`critic` is set. What the owner of WEIGHT_MASK froze stays. The transfer is an edit that goes on
from the old values, so anchors (`consolidation.ewc`) move along with their importance; optimiser
moments are cleared and targets copied.

Cost: nothing awake but the memory of states; 3-5 ms per step of sleep for a 64x64 network, 6-9 ms
for a 256x256 one (batches of 256, all three sources); 4 P (the sleep network, its teacher, Adam),
`memory_states` observations per context lived and `random_states` per context known.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch

from l2rl.capabilities import SLEEP, TASK_LABEL
from l2rl.component import Component, ComponentConfig
from l2rl.views import (
    AgentView,
    ComponentGenerators,
    EvaluationEvent,
    NetworkEdit,
    NetworkView,
    Role,
    SleepView,
    TaskEvent,
    TransitionBatch,
)

from ..distillation import Student
from ..recent_experience import RecentExperience, seen_by_networks
from .feature_layers import blank, feature_layers, split
from .generator import FeatureGaussian, clipped, drawn_features
from .lessons import Lessons
from .memory import OldContext, Rows
from .settings import WakeSleepConfig

Session = dict[str, Any]
"""A sleep in progress: `learned` and `old` contexts, the `teacher` row of each phase."""


class WakeSleep(Component):
    """Consolidates a second network in sleep blocks and hands it back to the learner."""

    needs = (SLEEP,)
    uses = (TASK_LABEL,)
    cost: ClassVar[str] = "0 awake; 3-9 ms per step of sleep, 4 P"
    stateful = ("label", "beliefs", "session", "distances", "sleeps", "put_away")
    Config: ClassVar[type[ComponentConfig]] = WakeSleepConfig
    config: WakeSleepConfig

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.roles: tuple[Role, ...] = ("acting", "value") if self.config.critic else ("acting",)
        self.names = {
            phase: names
            for phase, view in agent.phases.items()
            if (names := [n for n, role in view.roles.items() if role in self.roles])
        }
        self._lessons = Lessons(agent, self.roles)
        self._with_actions = "critic" in self.names
        self.layers = {phase: self._layers(phase) for phase in self.names}
        self.label: str | None = None
        self.beliefs: dict[str, int] = {}
        """Context since the last sleep -> the belief that it is stored under."""
        self.session: Session | None = None
        self.distances: dict[str, float] = {}
        self.sleeps = 0
        self.put_away: dict[str, Any] = {}
        """What other sets of parameters (experts) know."""
        self._forget_everything()
        self._due = False

    def _layers(self, phase: str) -> dict[str, int]:
        inputs = self._blank(1)
        view = self.agent.phases[phase]
        return feature_layers(view, self.config.feature_layer, self.roles, *inputs)

    def _blank(self, rows: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Observations and actions that say nothing, for passes whose lower layers do not count."""
        agent = self.agent
        actions = blank(agent.action_space, rows, agent.device)
        return blank(agent.observation_space, rows, agent.device), actions

    def _forget_everything(self) -> None:
        self.students: dict[str, Student] = {}
        self.recent: dict[str, RecentExperience] = {}
        self.old: dict[str, OldContext] = {}
        self._caches: dict[str, Rows | None] = {}

    # ---- awake ---------------------------------------------------------------------------

    def on_task_start(self, event: TaskEvent) -> None:
        self.label = event.label

    def on_transitions(self, batch: TransitionBatch) -> None:
        key = str(batch.belief) if self.label is None else self.label
        if key not in self.recent:
            self.recent[key] = self._empty_memory()
        self.beliefs[key] = batch.belief
        space = self.agent.action_space
        self.recent[key].add(seen_by_networks(batch, space, with_actions=self._with_actions))

    def _empty_memory(self) -> RecentExperience:
        config = self.config
        return RecentExperience(config.memory_states, config.memory_env_steps, self.rng.numpy)

    # ---- asleep --------------------------------------------------------------------------

    def sleep_step(self, view: SleepView) -> None:
        if view.step == 0:
            self._fall_asleep()
        if self.session is None:
            return
        for phase in self.names:
            self._practise(phase)
        if view.step == view.steps - 1:
            self._wake_up()

    def _fall_asleep(self) -> None:
        """Decide who teaches what, and measure how far apart the two networks are."""
        enough = min(self.config.minimum_states, self.config.memory_states)
        learned = [key for key, memory in self.recent.items() if len(memory) >= enough]
        if not learned:
            self.agent.emit("sleep_skipped", contexts=len(self.recent))
            return
        if not self.students:
            self.students = {p: self._student_of_the_awake(p) for p in self.names}
        self.session = {
            "learned": learned,
            "old": [key for key in self.old if key not in learned],
            "teacher": {p: s.row.detach().clone() for p, s in self.students.items()},
        }
        self._caches.clear()
        for phase, student in self.students.items():
            if self.config.start == "wake":
                student.put(self.agent.phases[phase].parameters)
            student.forget_moments()
        self.distances = self._measured("before")

    def _student_of_the_awake(self, phase: str) -> Student:
        parameters = self.agent.phases[phase].parameters
        rate = self.config.learning_rate
        return Student({name: parameters[name] for name in self.names[phase]}, rate)

    def _practise(self, phase: str) -> None:
        """One step of the sleep network on a batch of every source."""
        replayed, generated, remembered = self._rows_of_sources(phase)
        parts = []
        if replayed:
            rows = self._recent_rows().draw(replayed, self.rng.numpy)
            parts.append(self._lesson(phase, self._awake(phase), rows))
        if remembered:
            rows = self._old_rows().draw(remembered, self.rng.numpy)
            parts.append(self._lesson(phase, self._teacher(phase), rows))
        if generated:
            parts.append(self._generated_lesson(phase, generated))
        self.students[phase].step(torch.cat(parts).mean())

    def _rows_of_sources(self, phase: str) -> tuple[int, int, int]:
        """Rows of a batch (replayed, generated, random): rounded shares of what there is."""
        assert self.session is not None
        config, has_old = self.config, bool(self.session["old"])
        generated = config.generated_share if has_old and self.layers[phase] else 0.0
        remembered = config.random_share if has_old else 0.0
        total = config.replayed_share + generated + remembered
        drawn = int(config.batch_size * generated / total + 0.5)
        known = int(config.batch_size * remembered / total + 0.5)
        return config.batch_size - drawn - known, drawn, known

    def _lesson(
        self, phase: str, teacher: Mapping[str, torch.Tensor], rows: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        return self._lessons.lesson(phase, teacher, self._asleep(phase), rows)

    def _generated_lesson(self, phase: str, count: int) -> torch.Tensor:
        """Distance on generated features, seen by the layers above them alone, (n,)."""
        assert self.session is not None
        contexts = [self.old[key] for key in self.session["old"]]
        chosen = torch.as_tensor(self.rng.numpy.integers(0, len(contexts), count))
        gaussians = [context.gaussians[phase] for context in contexts]
        features = split(drawn_features(gaussians, chosen, self.rng.torch), self.layers[phase])
        view = self.agent.phases[phase]
        kinds = view.activation_kinds
        replaced = {n: clipped(values, kinds[n]) for n, values in features.items()}
        observations, actions = self._blank(count)
        beliefs = torch.tensor([context.belief for context in contexts])[chosen]
        rows = {"observations": observations, "beliefs": beliefs}
        rows |= {} if actions is None else {"actions": actions}
        with view.tap(replaced):
            return self._lesson(phase, self._teacher(phase), rows)

    # ---- the three networks --------------------------------------------------------------

    def _awake(self, phase: str) -> dict[str, torch.Tensor]:
        return {n: p.detach() for n, p in self.agent.phases[phase].parameters.items()}

    def _asleep(self, phase: str) -> dict[str, torch.Tensor]:
        """The sleep network; what does not sleep is as it is awake."""
        return self._awake(phase) | self.students[phase].named()

    def _teacher(self, phase: str) -> dict[str, torch.Tensor]:
        """The sleep network as it was when this sleep began."""
        assert self.session is not None
        row = self.session["teacher"][phase]
        return self._awake(phase) | self.students[phase].named(row)

    def _recent_rows(self) -> Rows:
        """The states of contexts that the awake network teaches."""
        assert self.session is not None
        if "recent" not in self._caches:
            learned = [(self.beliefs[k], self._remembered(k)) for k in self.session["learned"]]
            self._caches["recent"] = Rows.of(learned, self.agent.device)
        rows = self._caches["recent"]
        assert rows is not None
        return rows

    def _remembered(self, key: str) -> dict[str, np.ndarray]:
        fields = ("observations", "actions") if self._with_actions else ("observations",)
        return {name: self.recent[key].read(name) for name in fields}

    def _old_rows(self) -> Rows:
        """The few states of contexts that the former sleep network teaches."""
        assert self.session is not None
        if "old" not in self._caches:
            old = [(self.old[key].belief, self.old[key].rows) for key in self.session["old"]]
            self._caches["old"] = Rows.of(old, self.agent.device)
        rows = self._caches["old"]
        assert rows is not None
        return rows

    # ---- waking up -----------------------------------------------------------------------

    def _wake_up(self) -> None:
        assert self.session is not None
        self.distances |= self._measured("after")
        for key in self.session["old"]:
            self._move_generators(self.old[key])
        for key in self.session["learned"]:
            self._consolidate(key)
        learned, known = self.session["learned"], len(self.session["old"])
        self.session, self._due = None, self.config.transfer > 0
        self._caches.clear()
        self.sleeps += 1
        self.agent.emit("consolidated_in_sleep", learned=len(learned), known=known)

    def _consolidate(self, key: str) -> None:
        """What is kept of a context from now on: its generators and a few of its states."""
        rows, belief = self._remembered(key), self.beliefs.pop(key)
        size = len(rows["observations"])
        kept = self.rng.numpy.permutation(size)[: self.config.random_states]
        context = OldContext(belief, {name: values[kept].copy() for name, values in rows.items()})
        for phase in self.names:
            if self.layers[phase]:
                features = self._features(phase, self._asleep(phase), belief, rows)
                rank = self.config.generator_rank
                context.gaussians[phase] = FeatureGaussian.fitted(features, rank)
        self.old.pop(key, None)
        self.old[key] = context
        del self.recent[key]
        while len(self.old) > self.config.max_contexts:
            del self.old[next(iter(self.old))]
            self.agent.emit("context_given_up", contexts=len(self.old))

    def _move_generators(self, context: OldContext) -> None:
        """Follow what this sleep did to the layers below the features."""
        for phase, gaussian in context.gaussians.items():
            now, then = (
                self._features(phase, parameters, context.belief, context.rows).mean(0)
                for parameters in (self._asleep(phase), self._teacher(phase))
            )
            gaussian.mean = gaussian.mean + now - then

    def _features(
        self,
        phase: str,
        parameters: Mapping[str, torch.Tensor],
        belief: int,
        rows: Mapping[str, np.ndarray],
    ) -> torch.Tensor:
        """Outputs of the feature layers side by side, (n, units)."""
        states = Rows.of([(belief, rows)], self.agent.device)
        assert states is not None
        with torch.no_grad(), self.agent.phases[phase].tap({}) as outputs:
            self._lessons.say(phase, parameters, states.fields)
        return torch.cat([outputs[name] for name in self.layers[phase]], 1)

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        if not self._due:
            return None
        self._due = False
        weight = self.config.transfer
        values = {}
        for phase, student in self.students.items():
            awake = view.phases[phase].parameters
            values[phase] = {
                name: asleep if weight == 1 else torch.lerp(awake[name].detach(), asleep, weight)
                for name, asleep in student.values().items()
            }
        return NetworkEdit("sleep_transferred", values, continues=True)

    def on_network_edited(self, edit: NetworkEdit) -> None:
        """Another set of parameters has slept by itself."""
        if edit.parameter_set is None:
            return
        leaving, coming = (str(number) for number in edit.parameter_set)
        self.put_away[leaving] = {"beliefs": self.beliefs, **self._knowledge()}
        self._forget_everything()
        self.beliefs = {}
        back = self.put_away.pop(coming, None)
        if back is not None:
            self.beliefs = dict(back["beliefs"])
            self._recall(back)

    # ---- evaluation and books ------------------------------------------------------------

    def evaluation_context(self, event: EvaluationEvent) -> AbstractContextManager[None]:
        if self.config.evaluate == "wake" or not self.students:
            return nullcontext()
        return event.lend({phase: student.values() for phase, student in self.students.items()})

    def _measured(self, when: str) -> dict[str, float]:
        """Mean distances of the sleep network from its teachers, and of the awake network from
        what was known of earlier contexts."""
        assert self.session is not None
        gap = partial(self._lessons.gap, self.names)
        result = {f"distance_replayed_{when}": gap(self._awake, self._asleep, self._recent_rows())}
        if self.session["old"]:
            rows = self._old_rows()
            result[f"distance_random_{when}"] = gap(self._teacher, self._asleep, rows)
            if when == "before":
                result["distance_random_awake"] = gap(self._teacher, self._awake, rows)
        return result

    def metrics(self) -> Mapping[str, float]:
        """Sleeps so far, contexts known, and the distances of the latest sleep."""
        return {"sleeps": float(self.sleeps), "contexts": float(len(self.old)), **self.distances}

    def _knowledge(self) -> dict[str, Any]:
        return {
            "students": {phase: student.state_dict() for phase, student in self.students.items()},
            "recent": {key: memory.state_dict() for key, memory in self.recent.items()},
            "old": {key: context.state_dict() for key, context in self.old.items()},
        }

    def _recall(self, knowledge: Mapping[str, Any]) -> None:
        self._forget_everything()
        for phase, state in knowledge["students"].items():
            self.students[phase] = self._student_of_the_awake(phase)
            self.students[phase].load_state_dict(state)
        for key, state in knowledge["recent"].items():
            self.recent[key] = self._empty_memory()
            self.recent[key].load_state_dict(state)
        for key, state in knowledge["old"].items():
            self.old[key] = OldContext.of_state(state, self.agent.device)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), **self._knowledge()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._recall(state)
