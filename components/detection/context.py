"""One context of a detector: its memory, a test for each part of the error, its time of grace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch


class StreamTest(Protocol):
    """A one-sided test of a stream of errors, one value a chunk."""

    smoothed: float | None
    """The error as the test sees it, for the log."""

    def update(self, loss: float) -> bool:
        """Take one error; True on an alarm."""

    def absorb(self, loss: float) -> None:
        """Take one error as normal, whatever it is."""

    def forget_first_half(self) -> None:
        """Keep only the later half of what was normal."""

    def restart(self) -> None:
        """The context came back: what is normal stays, all suspicion goes."""

    @property
    def mean(self) -> float:
        """What is normal."""

    @property
    def rise(self) -> float:
        """How much above the mean is not normal any more."""

    @property
    def threshold(self) -> float:
        """The mean and the rise; infinite while nothing is known."""

    @property
    def is_suspicious(self) -> bool:
        """Whether the latest errors had better not be learned."""

    def state_dict(self) -> dict[str, Any]:
        """What has been seen, without the settings."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""


class ContextMemory(Protocol):
    """What a context knows of its experience."""

    def errors(self, rows: torch.Tensor) -> dict[str, float]:
        """Error of a chunk of rows by part, without learning."""

    def learn(self, rows: torch.Tensor, generator: torch.Generator) -> None:
        """Take a chunk of rows as this context's."""

    def state_dict(self) -> dict[str, Any]:
        """All of it, live."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read, as copies."""


class Context:
    """What a detector knows of one context. Untested while `exempt_chunks` lasts."""

    def __init__(
        self, model: ContextMemory, tests: Mapping[str, StreamTest], exempt_chunks: int
    ) -> None:
        self.model = model
        self.tests = tests
        self.exempt_chunks = exempt_chunks

    def excess(self, rows: torch.Tensor) -> float:
        """By how much the errors on rows exceed the usual, in thresholds, all parts together.

        Parts below the usual do not count: easier dynamics do not make up for stranger
        observations.
        """
        errors = self.model.errors(rows)
        return sum(max(0.0, errors[p] - t.mean) / t.rise for p, t in self.tests.items())

    def test(self, errors: Mapping[str, float]) -> bool:
        """Take the errors of a chunk to the tests; True on an alarm of any."""
        return any([test.update(errors[part]) for part, test in self.tests.items()])

    @property
    def is_suspicious(self) -> bool:
        """Whether any test has something against the latest chunks."""
        return any(test.is_suspicious for test in self.tests.values())

    def learn_untested(
        self, errors: Mapping[str, float], rows: torch.Tensor, generator: torch.Generator
    ) -> None:
        """Take a chunk of the time of grace as normal."""
        self.model.learn(rows, generator)
        self.exempt_chunks -= 1
        for part, test in self.tests.items():
            test.absorb(errors[part])
            if self.exempt_chunks == 0:
                # The first errors of a young model say nothing about those to come.
                test.forget_first_half()

    def come_back(self, exempt_chunks: int) -> None:
        """The context is in force again."""
        self.exempt_chunks = exempt_chunks
        for test in self.tests.values():
            test.restart()

    def state_dict(self) -> dict[str, Any]:
        """Model, tests and the rest of the time of grace."""
        return {
            "model": self.model.state_dict(),
            "tests": {part: test.state_dict() for part, test in self.tests.items()},
            "exempt_chunks": self.exempt_chunks,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.model.load_state_dict(state["model"])
        for part, test in self.tests.items():
            test.load_state_dict(state["tests"][part])
        self.exempt_chunks = state["exempt_chunks"]
