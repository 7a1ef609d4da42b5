"""What the author of a component may tell the conformance kit. Most components need none of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Conformance:
    """Hints, as the class attribute `conformance` of a component or an argument of its test."""

    active: Mapping[str, Any] = field(default_factory=dict)
    """Settings for every check under which the method shows within the kit's short lives (about a
    hundred env steps a task): short intervals, small memories, a large strength."""
    null: Mapping[str, Any] | None = None
    """Settings, on top of `active`, under which the component must change nothing, bit for bit.
    None: every setting named `strength` or `..._strength` that may be 0 is set to 0; without any,
    the check does not apply. `{}`: the component never changes anything (an observer)."""
    anchored: bool = False
    """The loss terms are penalties that vanish where parameters were anchored (at the start or the
    end of a task), and whose anchors follow the edits of others: the kit measures both."""
    needs_with: Mapping[str, Any] = field(default_factory=dict)
    """Capability -> component (class or name) that shall offer it in the checks, in place of the
    kit's own."""
    own_moments: str = ""
    """Why its edits rightly treat the optimiser's moments otherwise than the check `moments` asks;
    empty: they do not."""
    silent: str = ""
    """Why the method rightly changes no parameter within a short life; empty: it must."""
