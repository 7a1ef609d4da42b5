"""Looks over a component's shoulder: every hook call is compared with what it may do.

The hooks are replaced on the instance, so that the agent calls them as ever. What is seen goes to
`findings`, by the name of the check it belongs to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import torch

from l2rl.component import HOOKS, Component, overrides
from l2rl.testing.compare import changed_generators, copied, differences, generator_states, some
from l2rl.testing.providers import Scripted
from l2rl.testing.report import Finding
from l2rl.views import AgentView, LossView, NetworkEdit, UpdateView

_RNG_MEND: Final = (
    "draw from `self.rng.numpy` and `self.rng.torch` only, for example "
    "`torch.rand(n, generator=self.rng.torch)`; new layers draw from the default generator, so "
    "make them in `modify_network`"
)
_FREE_TO_DRAW: Final = frozenset({"modify_network"})
"""Hooks around which the core forks the global generators itself."""
_MOST_OWN_STEPS: Final = 500
_CONTEXTS: Final = ("evaluation_context", "collection_context")


class TooLong(Exception):
    """The component trains for longer than the kit's lives are meant for."""


@dataclass
class SeenTerm:
    """One call of `loss_terms`, to be repeated: all copies but `heads`."""

    phase: str
    parameters: dict[str, torch.Tensor]
    batch: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    heads: Any


@dataclass
class SeenEdit:
    """An edit of the component's and the optimiser around it."""

    edit: NetworkEdit
    before: Mapping[str, Any]
    parameters: Mapping[str, Mapping[str, torch.Tensor]]


@dataclass
class Watch:
    """Findings of one life, and what later checks look at."""

    where: str
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    """How often each hook was called."""
    terms: dict[str, SeenTerm] = field(default_factory=dict)
    """The last call of `loss_terms` with an answer, by phase."""
    values: dict[str, list[float]] = field(default_factory=dict)
    """All values of each term, by `phase/term`."""
    masked: int = 0
    """Entries that were not free at the end, all phases."""
    stilled: int = 0
    """Entries whose gradient the component set to zero, all steps."""
    own_steps: int = 0
    """Gradient steps that the component asked the learner for."""
    pending: list[SeenEdit] = field(default_factory=list)
    _baseline: list[Any] = field(default_factory=list)

    def add(self, check: str, expected: str, seen: str, mend: str) -> None:
        """Note something, once."""
        found = self.findings.setdefault(check, [])
        finding = Finding(expected, seen, mend, self.where)
        if all((f.expected, f.mend) != (expected, mend) for f in found):
            found.append(finding)

    # ---- putting itself in between -------------------------------------------------------

    def watch(self, component: Component) -> None:
        """Replace the hooks of one component, before its agent is built."""
        special: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
            "on_transitions": self._on_transitions,
            "transform_batch": self._transform_batch,
            "loss_terms": self._loss_terms,
            "transform_gradients": self._transform_gradients,
            "after_step": self._after_step,
            "weight_mask": functools.partial(self._weight_mask, component),
            "propose_network_edit": self._propose_network_edit,
            "make_replay_buffer": self._make_replay_buffer,
        }
        for hook in (*HOOKS, "term_tensors", "state_dict"):
            if hook in ("term_tensors", "state_dict") or overrides(component, hook):
                original = getattr(component, hook)
                inner = special[hook](original) if hook in special else original
                if hook in _CONTEXTS:
                    inner = self._in_context(hook, inner)
                setattr(component, hook, self._counting(hook, inner))
        bind = component.bind
        object.__setattr__(component, "bind", self._binding(component, bind))

    def _counting(self, hook: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[hook] = self.calls.get(hook, 0) + 1
            with self._generators_alone(hook):
                return call(*args, **kwargs)

        return counted

    def _binding(
        self, component: Component, bind: Callable[..., None]
    ) -> Callable[[AgentView, Any], None]:
        """`bind`, with views through which the learner may rightly draw."""

        def bound(agent: AgentView, rng: Any) -> None:
            lent: dict[str, Any] = {
                name: self._learner_draws(name, call)
                for name in ("minimise", "train_on_replay")
                if (call := getattr(agent, name)) is not None
            }
            with self._generators_alone("bind"):
                bind(replace(agent, **lent), rng)
            if getattr(component, "agent", None) is None:
                self.add(
                    "declaration",
                    "`bind` keeps the agent's view and the generators",
                    "`self.agent` is not set after `bind`",
                    "call `super().bind(agent, rng)` first in your `bind`",
                )

        return bound

    @contextmanager
    def _generators_alone(self, hook: str) -> Iterator[None]:
        self._baseline.append(generator_states())
        try:
            yield
        finally:
            self._compare_generators(hook, self._baseline.pop())

    def _compare_generators(self, hook: str, before: Any) -> None:
        changed = changed_generators(before, generator_states())
        if changed and hook not in _FREE_TO_DRAW:
            self.add(
                "generators",
                "no hook draws from a global generator, which belong to the learner",
                f"`{hook}` moved {' and '.join(changed)}",
                _RNG_MEND,
            )

    def _learner_draws(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """What the component has the learner do may draw, as the learner always does."""

        def drawing(*args: Any, **kwargs: Any) -> Any:
            self.own_steps += args[0] if name == "train_on_replay" and args else 1
            if self.own_steps > _MOST_OWN_STEPS:
                raise TooLong(
                    f"more than {_MOST_OWN_STEPS} gradient steps of its own in a life of 192 env "
                    "steps; give settings for short lives: Conformance(active={...})"
                )
            if self._baseline:
                self._compare_generators("a hook", self._baseline[-1])
            try:
                return call(*args, **kwargs)
            finally:
                if self._baseline:
                    self._baseline[:] = [generator_states()] * len(self._baseline)

        return drawing

    def _in_context(self, hook: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def entered(context: AbstractContextManager[None]) -> Iterator[None]:
            with self._generators_alone(hook):
                context.__enter__()
            try:
                yield
            finally:
                with self._generators_alone(hook):
                    context.__exit__(None, None, None)

        return lambda *args: entered(call(*args))

    # ---- data ----------------------------------------------------------------------------

    def _unwritten(self, hook: str, before: Any, after: Any, mend: str) -> None:
        changed = differences(before, after)
        if changed:
            self.add(
                "read_only",
                f"`{hook}` leaves what it is shown as it is",
                f"it wrote to {some(changed)}",
                mend,
            )

    def _on_transitions(self, call: Callable[..., None]) -> Callable[..., None]:
        def watched(batch: Any) -> None:
            shown = {k: v for k, v in vars(batch).items() if isinstance(v, np.ndarray)}
            before = copied(shown)
            try:
                call(batch)
            except ValueError as error:
                if "read-only" not in str(error):
                    raise
                self.add(
                    "read_only",
                    "`on_transitions` leaves what it is shown as it is",
                    f"it tried to write: {error}",
                    "copy an array before you change it: `np.array(batch.rewards)`",
                )
            self._unwritten("on_transitions", before, shown, "copy an array before you change it")

        return watched

    def _make_replay_buffer(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(view: Any) -> Any:
            buffer = call(view)
            buffer.sample = self._counting("sample of the replay buffer", buffer.sample)
            return buffer

        return watched

    def _transform_batch(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(batch: dict[str, Any], view: Any) -> Any:
            before = copied(batch)
            parameters = copied(view.parameters)
            answer = call(batch, view)
            self._unwritten(
                "transform_batch",
                {"batch": before, "parameters": parameters},
                {"batch": batch, "parameters": view.parameters},
                "return a new dictionary: `{**batch, 'rewards': changed}`",
            )
            self._check_batch(before, answer)
            return answer

        return watched

    def _check_batch(self, before: Mapping[str, Any], answer: Any) -> None:
        mend = "return all fields with the same leading axis; `l2rl.batches.joined` adds rows"
        if not isinstance(answer, Mapping):
            got = type(answer).__name__
            self.add("works", "`transform_batch` returns a batch", f"it returned {got}", mend)
            return
        missing = [f for f in before if f not in answer]
        rows = {f: len(v) for f, v in answer.items() if isinstance(v, torch.Tensor) and v.dim()}
        if missing:
            self.add("works", "a batch keeps its fields", f"{some(missing)} are missing", mend)
        elif len(set(rows.values())) > 1:
            self.add("works", "all fields of a batch have as many rows", str(rows), mend)

    def _after_step(self, call: Callable[..., None]) -> Callable[..., None]:
        def watched(view: Any) -> None:
            shown = {"batch": view.batch, "activations": view.activations}
            before = copied(shown)
            call(view)
            self._unwritten("after_step", before, shown, "clone a tensor before you change it")

        return watched

    # ---- losses and gradients ------------------------------------------------------------

    def _loss_terms(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(view: LossView) -> Any:
            shown = {
                "parameters": view.parameters,
                "batch": view.batch,
                "tensors": view.tensors,
            }
            before = copied(shown)
            terms = call(view)
            again = call(view)
            self._unwritten("loss_terms", before, shown, "clone a tensor before you change it")
            self._check_terms(view.phase, terms, again)
            if terms and len(before["batch"].get("observations", ())):
                self.terms[view.phase] = SeenTerm(view.phase, **before, heads=view.heads)
            return terms

        return watched

    def _check_terms(self, phase: str, terms: Any, again: Any) -> None:
        for name, term in terms.items():
            if not isinstance(term, torch.Tensor) or term.dim() != 0:
                self.add(
                    "pure_loss",
                    "each loss term is one scalar tensor",
                    f"{name!r} is {_described(term)}",
                    "reduce it: `.sum()` or `.mean()`",
                )
                continue
            self.values.setdefault(f"{phase}/{name}", []).append(float(term.detach()))
            other = again.get(name)
            if other is None or not torch.equal(term.detach(), other.detach()):
                self.add(
                    "pure_loss",
                    "a loss term is a pure function of parameters, batch and tensors",
                    f"{name!r} was {float(term.detach()):.6g}, then {_described(other)}, asked "
                    "twice with the same view",
                    "keep no count and draw nothing in `loss_terms`; what changes from step to "
                    "step goes into `term_tensors`",
                )

    def _transform_gradients(self, call: Callable[..., None]) -> Callable[..., None]:
        def watched(view: Any) -> None:
            before = {n: g.clone() for n, g in view.gradients.items()}
            shown = {"batch": view.batch, "parameters": view.parameters}
            kept = copied(shown)
            call(view)
            self._unwritten("transform_gradients", kept, shown, "write to `view.gradients` only")
            for name, old in before.items():
                now, live = view.gradients.get(name), view.parameters[name].grad
                if now is not live:
                    self.add(
                        "works",
                        "gradients are rewritten in place",
                        f"the gradient of {name} was replaced by another tensor, which nobody uses",
                        "write `view.gradients[name].copy_(new)` or `.mul_(mask)`",
                    )
                elif not bool(torch.isfinite(live).all()):
                    self.add(
                        "works",
                        "gradients stay finite",
                        f"that of {name} is not",
                        "look for a division by a norm that can be zero",
                    )
                self.stilled += int(((old != 0) & (live == 0)).sum())

        return watched

    def _weight_mask(self, component: Component, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(phase: str) -> Any:
            masks = call(phase)
            live = component.agent.phases[phase].parameters
            for name, mask in (masks or {}).items():
                if name not in live or mask.shape != live[name].shape or mask.dtype != torch.bool:
                    self.add(
                        "masks",
                        "`weight_mask` gives bool tensors of the parameters' shapes by name",
                        f"{phase}/{name}: {_described(mask)}",
                        "make one mask a parameter, True where it may move",
                    )
                else:
                    self.masked += int((~mask).sum())
            return masks

        return watched

    # ---- edits ---------------------------------------------------------------------------

    def _propose_network_edit(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(view: Any) -> Any:
            edit = call(view)
            if edit is not None:
                optimizer = {n: p.read_optimizer() for n, p in view.phases.items()}
                parameters = {n: copied(p.parameters) for n, p in view.phases.items()}
                self.pending.append(SeenEdit(edit, optimizer, parameters))
            return edit

        return watched


class EditWitness(Scripted):
    """Sees the batches of steps, and what became of the moments of what edits changed."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch
        self.name = "zz_witness"
        self.edits = 0
        self.batches: dict[str, dict[str, Any]] = {}
        """The last batch of each phase that had rows, copied."""

    def after_step(self, view: UpdateView) -> None:
        if len(view.batch.get("observations", ())):
            self.batches[view.phase] = copied(view.batch)

    def on_network_edited(self, edit: NetworkEdit) -> None:
        if not self.watch.pending:
            return
        seen = self.watch.pending.pop()
        self.edits += 1
        if edit.parameter_set is not None:
            return
        for phase, values in edit.values.items():
            after = self.agent.phases[phase].read_optimizer()
            for name, value in values.items():
                changed = value != seen.parameters[phase][name]
                if bool(changed.any()) and not bool(changed.all()):
                    self._compare(phase, name, changed, seen.before[phase], after)

    def _compare(
        self, phase: str, name: str, changed: torch.Tensor, before: Any, after: Any
    ) -> None:
        for key, old in before.get(name, {}).items():
            if old.shape != changed.shape:
                continue
            new = after.get(name, {}).get(key, torch.zeros_like(old))
            if bool(new[changed].any()):
                self.watch.add(
                    "moments",
                    "the optimiser moments of entries that an edit draws anew are cleared",
                    f"{phase}/{name}: `{key}` of changed entries is not zero",
                    "give the edit an explicit `optimizer`, made from `view.read_optimizer()` with "
                    "the moments of what you reset set to zero",
                )
            if not torch.equal(new[~changed], old[~changed]):
                self.watch.add(
                    "moments",
                    "entries that an edit leaves alone keep their optimiser moments",
                    f"{phase}/{name}: `{key}` of unchanged entries changed, too",
                    "give the edit an explicit `optimizer`: `clear`, the default, forgets the "
                    "moments of the whole tensor",
                )


def _described(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        if value.dim() == 0:
            return f"{float(value.detach()):.6g}"
        return f"a {value.dtype} tensor of shape {tuple(value.shape)}"
    return f"{type(value).__name__} {value!r}"
