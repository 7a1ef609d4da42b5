"""An importance-weighted anchor for some parameters of one phase, kept as flat rows (P,).

What it holds is one quadratic, `sum_i F_i (theta_i - anchor_i)^2`, and what happens to it:
a finished task joins it, another expert's takes its place, a reset entry is let go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch


class Anchor:
    """Importance F and anchored values, both (P,) float32, in the order of `parameters`."""

    rows: ClassVar[tuple[str, ...]] = ("importance", "values")
    """Attributes of shape (P,) that belong to a set of parameters."""

    def __init__(self, parameters: Mapping[str, torch.Tensor]) -> None:
        """`parameters`: the live ones, at least one."""
        self._parameters = parameters
        self._where: dict[str, slice] = {}
        end = 0
        for name, parameter in parameters.items():
            start, end = end, end + parameter.numel()
            self._where[name] = slice(start, end)
        for row in self.rows:
            setattr(self, row, torch.zeros_like(self.live()))
        self.put_away: dict[str, dict[str, dict[str, torch.Tensor]]] = {}
        """Rows of other experts: number of the set -> parameter -> row -> values."""

    importance: torch.Tensor
    values: torch.Tensor

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._where)

    def flat(self, by_name: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """A new row (P,) of the parameters' values among `by_name`."""
        return torch.cat([by_name[name].reshape(-1) for name in self._where])

    def by_name(self, row: torch.Tensor) -> dict[str, torch.Tensor]:
        """A row (P,) cut up into the parameters' shapes; views."""
        return {
            name: row[self._where[name]].reshape(p.shape) for name, p in self._parameters.items()
        }

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

    def exchange(self, name: str, leaving: int, coming: int, value: torch.Tensor) -> None:
        """Put one parameter's rows away for the set that leaves, bring out the other's; `value`
        is what the parameter is in the set that comes."""
        rows = self._of(name)
        away = self.put_away.setdefault(str(leaving), {})
        away[name] = {row: values.clone() for row, values in rows.items()}
        back = self.put_away.get(str(coming), {}).pop(name, None)
        if back is None:
            self._begin(rows, value.reshape(-1))
        else:
            for row, values in rows.items():
                values.copy_(back[row])

    def _begin(self, rows: Mapping[str, torch.Tensor], value: torch.Tensor) -> None:
        """A set that was never here comes without importance."""
        rows["importance"].zero_()

    def follow(self, name: str, value: torch.Tensor, before: torch.Tensor | None) -> None:
        """What the parameter knows goes on from this value (it was `before`): importance stays,
        the anchor moves."""
        self._of(name)["values"].copy_(value.reshape(-1))

    def let_go(self, name: str, value: torch.Tensor, before: torch.Tensor | None) -> None:
        """Entries that changed are no longer what they were; all entries where `before` is
        unknown."""
        changed = torch.ones(value.numel(), dtype=torch.bool, device=value.device)
        if before is not None:
            changed = (before != value).reshape(-1)
        self._redrawn(self._of(name), changed, value.reshape(-1)[changed].to(self.values))

    def _redrawn(
        self, rows: Mapping[str, torch.Tensor], changed: torch.Tensor, values: torch.Tensor
    ) -> None:
        """They lose their importance and are anchored at their new value."""
        rows["importance"][changed] = 0.0
        rows["values"][changed] = values

    def _of(self, name: str) -> dict[str, torch.Tensor]:
        """The rows of one parameter, to be written in place."""
        return {row: getattr(self, row)[self._where[name]] for row in self.rows}

    # ---- books ---------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        rows = {row: getattr(self, row) for row in self.rows}
        return {**rows, "put_away": self.put_away}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        device = self.importance.device
        for row in self.rows:
            setattr(self, row, state[row].to(device, copy=True))
        self.put_away = {
            number: {
                name: {key: row.to(device, copy=True) for key, row in rows.items()}
                for name, rows in by_name.items()
            }
            for number, by_name in state["put_away"].items()
        }
