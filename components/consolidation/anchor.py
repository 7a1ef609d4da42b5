"""An importance-weighted anchor for some parameters of one phase, kept as flat rows (P,).

What it holds is one quadratic, `1/2 sum_i F_i (theta_i - anchor_i)^2`, and what happens to it:
a finished task joins it, another expert's takes its place, a reset entry is let go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch


class Anchor:
    """Importance F and anchored values, both (P,) float32, in the order of `parameters`."""

    def __init__(self, parameters: Mapping[str, torch.Tensor]) -> None:
        """`parameters`: the live ones, at least one."""
        self._parameters = parameters
        self._where: dict[str, slice] = {}
        end = 0
        for name, parameter in parameters.items():
            start, end = end, end + parameter.numel()
            self._where[name] = slice(start, end)
        self.importance = torch.zeros_like(self.live())
        self.values = torch.zeros_like(self.importance)
        self.put_away: dict[str, dict[str, dict[str, torch.Tensor]]] = {}
        """Anchors of other experts: number of the set -> parameter -> importance and values."""

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._where)

    def flat(self, by_name: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """A new row (P,) of the parameters' values among `by_name`."""
        return torch.cat([by_name[name].reshape(-1) for name in self._where])

    def live(self) -> torch.Tensor:
        """The values that the parameters have now, copied."""
        return self.flat({name: p.detach() for name, p in self._parameters.items()})

    # ---- a task ended --------------------------------------------------------------------

    def replace(self, importance: torch.Tensor, decay: float) -> None:
        """Online: old importance fades, the anchor is where the parameters are now."""
        self.importance = decay * self.importance + importance
        self.values = self.live()

    def add(self, importance: torch.Tensor) -> None:
        """Sum with the quadratic around where the parameters are now, up to its constant."""
        total = self.importance + importance
        # Where nothing matters yet, the newest value is as good an anchor as any.
        share = torch.where(total > 0, importance / total, torch.ones_like(total))
        self.values = self.values + share * (self.live() - self.values)
        self.importance = total

    # ---- the network was edited ----------------------------------------------------------

    def exchange(self, name: str, leaving: int, coming: int) -> None:
        """Put one parameter's anchor away for the set that leaves, bring out the other's; a set
        that was never consolidated comes without importance."""
        importance, values = self._of(name)
        away = self.put_away.setdefault(str(leaving), {})
        away[name] = {"importance": importance.clone(), "values": values.clone()}
        back = self.put_away.get(str(coming), {}).pop(name, None)
        if back is None:
            importance.zero_()
        else:
            importance.copy_(back["importance"])
            values.copy_(back["values"])

    def follow(self, name: str, value: torch.Tensor) -> None:
        """What the parameter knows goes on from this value: importance stays, the anchor moves."""
        _, values = self._of(name)
        values.copy_(value.reshape(-1))

    def let_go(self, name: str, value: torch.Tensor, before: torch.Tensor | None) -> None:
        """Entries that changed lose their importance and are anchored at their new value; all
        entries where `before` is unknown."""
        importance, values = self._of(name)
        changed = torch.ones_like(values, dtype=torch.bool)
        if before is not None:
            changed = (before != value).reshape(-1)
        importance[changed] = 0.0
        values[changed] = value.reshape(-1)[changed].to(values)

    def _of(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Importance and values of one parameter, to be written in place."""
        return self.importance[self._where[name]], self.values[self._where[name]]

    # ---- books ---------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        return {
            "importance": self.importance,
            "values": self.values,
            "put_away": self.put_away,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        device = self.importance.device
        self.importance = state["importance"].to(device, copy=True)
        self.values = state["values"].to(device, copy=True)
        self.put_away = {
            number: {
                name: {key: row.to(device, copy=True) for key, row in rows.items()}
                for name, rows in by_name.items()
            }
            for number, by_name in state["put_away"].items()
        }
