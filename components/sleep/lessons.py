"""What one network says to states, and how far another is from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch

from l2rl.views import AgentView, Head, Role

from ..distillation import distance
from .memory import Rows

Parameters = Mapping[str, torch.Tensor]
_MEASURED_STATES = 512


class Lessons:
    """Distances of a student from a teacher, by the heads of an agent's phases."""

    def __init__(self, agent: AgentView, roles: Sequence[Role]) -> None:
        self._agent = agent
        self._roles = tuple(roles)

    def say(
        self, phase: str, parameters: Parameters, rows: Mapping[str, torch.Tensor]
    ) -> dict[str, Head]:
        """The heads of a phase for `rows`: `observations`, `beliefs` and maybe `actions`."""
        heads = self._agent.phases[phase].heads
        return heads(parameters, rows["observations"], rows.get("actions"), rows["beliefs"])

    def lesson(
        self,
        phase: str,
        teacher: Parameters,
        student: Parameters,
        rows: Mapping[str, torch.Tensor],
    ) -> torch.Tensor:
        """Distance of the student from the teacher in each state, (n,); its gradient is the
        student's alone."""
        with torch.no_grad():
            wanted = self.say(phase, teacher, rows)
        return distance(wanted, self.say(phase, student, rows), self._roles)

    def gap(
        self,
        phases: Iterable[str],
        teacher: Callable[[str], Parameters],
        student: Callable[[str], Parameters],
        rows: Rows,
    ) -> float:
        """Sum over phases of the mean distance on up to 512 of these states, evenly spaced."""
        count = len(rows.fields["observations"])
        chosen = rows.at(torch.arange(0, count, max(1, count // _MEASURED_STATES)))
        with torch.no_grad():
            return sum(
                float(self.lesson(phase, teacher(phase), student(phase), chosen).mean())
                for phase in phases
            )
