"""What detectors share that score experience by context: chunks, the decision, the belief.

Experience is cut into chunks of `chunk_env_steps`. Each part of a chunk's error under the context
believed in, measured *before* that context learns the chunk, goes through a test of its own. Chunks
that look suspicious are held back from the context. On an alarm every known context scores the
chunks held back. If one explains them within its own limits, it has come back ("recurring");
otherwise the context is "new" and gets a memory of its own. Contexts that are not believed in
stand still. If the suspicion passes, the chunks go to the current context.

A subclass says how a context scores and learns (`context_memory`) and which test its errors take
(`fresh_test`).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from l2rl.capabilities import CHANGE_EVENTS, CONTEXT_ERRORS, TASK_BELIEF
from l2rl.component import Component, ComponentConfig
from l2rl.views import AgentView, ChangeEvent, ComponentGenerators, TransitionBatch

from .context import Context, ContextMemory, StreamTest
from .encoding import TransitionEncoder

Kind = Literal["new", "recurring", "unknown"]


class ContextDetectorConfig(ComponentConfig):
    """Settings of every detector that scores experience by context."""

    chunk_env_steps: int = Field(
        64, ge=1, description="Env steps whose mean error is one value of the tests."
    )
    relative_sigma: float = Field(0.12, ge=0, description="Smallest σ as a share of μ.")
    warmup_env_steps: int = Field(
        5000, ge=0, description="Env steps that a new context learns before it is tested."
    )
    dwell_env_steps: int = Field(
        1000, ge=0, description="Env steps without a test after the return of a known context."
    )
    recurrence_limit: float = Field(
        2.0, gt=0, description="Excess, in thresholds, up to which a context explains experience."
    )
    max_contexts: int = Field(
        16, ge=1, description="Most contexts; at the cap the nearest one is believed in."
    )
    most_features: int = Field(
        256, ge=1, description="Longer observations are projected at random to this length."
    )


class ContextDetector(Component):
    """Announces changes, keeps the belief, and scores experience under every known context."""

    provides: ClassVar[tuple[str, ...]] = (CHANGE_EVENTS, TASK_BELIEF, CONTEXT_ERRORS)
    Config: ClassVar[type[ComponentConfig]] = ContextDetectorConfig
    parts: ClassVar[tuple[str, ...]]
    """Names of the parts of a chunk's error."""
    evidence_chunks: int = 5
    """Chunks that a decision looks at; twice as many are held back at most."""

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.encoder = TransitionEncoder(
            agent.observation_space,
            agent.action_space,
            most_features=self.config.most_features,
            generator=rng.torch,
        )
        self.contexts = [self._fresh_context()]
        self.belief = 0
        self.errors = dict.fromkeys(self.parts, math.nan)
        self.pending = torch.zeros((0, self.encoder.layout.width))
        self.held: list[torch.Tensor] = []

    @abstractmethod
    def context_memory(self) -> ContextMemory:
        """What a new context scores and learns with."""

    @abstractmethod
    def fresh_test(self, part: str) -> StreamTest:
        """The test of one part of the error in a new context."""

    def _fresh_context(self) -> Context:
        memory = self.context_memory()
        tests = {part: self.fresh_test(part) for part in self.parts}
        return Context(memory, tests, self._chunks(self.config.warmup_env_steps))

    def _chunks(self, env_steps: int) -> int:
        return -(-env_steps // int(self.config.chunk_env_steps))

    # ---- the stream ----------------------------------------------------------------------

    def on_transitions(self, batch: TransitionBatch) -> None:
        rows = self.encoder.rows(
            batch.flat(batch.observations),
            batch.flat(batch.actions),
            batch.flat(batch.rewards),
            batch.flat(batch.next_observations),
        )
        length: int = self.config.chunk_env_steps
        chunks = torch.split(torch.cat([self.pending, rows]), length)
        rest = len(chunks[-1]) < length
        self.pending = chunks[-1].clone() if rest else self.pending[:0]
        for chunk in chunks[:-1] if rest else chunks:
            self._take(chunk, batch.env_steps)

    def _take(self, chunk: torch.Tensor, env_steps: int) -> None:
        """Score a chunk, test the score, and let the right model learn it."""
        context = self.contexts[self.belief]
        self.errors = context.model.errors(chunk)
        if context.exempt_chunks > 0:
            context.learn_untested(self.errors, chunk, self.rng.torch)
            return
        alarm = context.test(self.errors)
        self.held.append(chunk)
        if alarm:
            self._decide(env_steps)
        else:
            most = 2 * self.evidence_chunks if context.is_suspicious else 0
            self._release(context, keep=most)

    def _release(self, context: Context, *, keep: int) -> None:
        """Let a model learn what was held back, but for the last `keep` chunks."""
        while len(self.held) > keep:
            context.model.learn(self.held.pop(0), self.rng.torch)

    # ---- the decision --------------------------------------------------------------------

    def _decide(self, env_steps: int) -> None:
        """After an alarm: which context is this?"""
        recent = torch.cat(self.held[-self.evidence_chunks :])
        scores = {i: context.excess(recent) for i, context in enumerate(self.contexts)}
        kind, belief = self._verdict(scores)
        if kind == "new":
            self.contexts.append(self._fresh_context())
        else:
            self.contexts[belief].come_back(self._chunks(self.config.dwell_env_steps))
        self._release(self.contexts[belief], keep=0)
        previous, self.belief = self.belief, belief
        if belief != previous:
            self.agent.announce_change(
                ChangeEvent(
                    detector=self.name,
                    env_steps=env_steps,
                    kind=kind,
                    belief=belief,
                    previous_belief=previous,
                    confidence=_confidence(scores, belief),
                )
            )

    def _verdict(self, scores: Mapping[int, float]) -> tuple[Kind, int]:
        """The nearest other context if it explains the chunks held back, else a new one."""
        limit = self.config.recurrence_limit
        within = [i for i in scores if i != self.belief and scores[i] <= limit]
        if within:
            return "recurring", min(within, key=lambda i: scores[i])
        if len(self.contexts) < self.config.max_contexts:
            return "new", len(self.contexts)
        return "unknown", min(scores, key=lambda i: scores[i])

    # ---- the service ---------------------------------------------------------------------

    def context_errors(
        self,
        observations: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        next_observations: np.ndarray,
    ) -> dict[int, float]:
        """By how much (batch, ...) transitions exceed what is usual in each known context, in
        units of its thresholds: about 0 in its own context, above 1 in another. Meant for a
        chunk or more; a few transitions are noise."""
        rows = self.encoder.rows(observations, actions, rewards, next_observations)
        return {i: context.excess(rows) for i, context in enumerate(self.contexts)}

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> dict[str, float]:
        result: dict[str, float] = {"contexts": len(self.contexts)}
        for part, test in self.contexts[self.belief].tests.items():
            result[f"{part}_error"] = self.errors[part]
            result[f"{part}_smoothed"] = math.nan if test.smoothed is None else test.smoothed
            result[f"{part}_threshold"] = test.threshold
        return result

    def state_dict(self) -> dict[str, Any]:
        return {
            "contexts": [context.state_dict() for context in self.contexts],
            "projection": self.encoder.projection,
            "belief": self.belief,
            "errors": dict(self.errors),
            "pending": self.pending,
            "held": list(self.held),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.contexts = [self._fresh_context() for _ in state["contexts"]]
        for context, saved in zip(self.contexts, state["contexts"], strict=True):
            context.load_state_dict(saved)
        projection = state["projection"]
        self.encoder.projection = None if projection is None else projection.clone()
        self.belief, self.errors = state["belief"], dict(state["errors"])
        self.pending = state["pending"].clone()
        self.held = [chunk.clone() for chunk in state["held"]]


def _confidence(scores: Mapping[int, float], belief: int) -> float:
    """1 - own score / best other score; a new context stands for a score at the threshold."""
    rivals = [score for context, score in scores.items() if context != belief]
    return max(0.0, 1.0 - scores.get(belief, 1.0) / max(min(rivals), 1e-9))
