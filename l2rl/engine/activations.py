"""Reading what the non-linearities of a network put out, without changing what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

NON_LINEARITIES = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.ELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Softplus,
    nn.Mish,
    nn.Hardtanh,
    nn.ReLU6,
)


class ActivationRecorder:
    """Records the outputs of a network's non-linearities while `recording()` is entered.

    Hooks exist only inside the context, so a network that nobody records runs untouched. Where a
    layer runs several times in one recording, the first output counts.
    """

    def __init__(self, network: nn.Module) -> None:
        self.layers: dict[str, nn.Module] = {
            name: module
            for name, module in network.named_modules()
            if isinstance(module, NON_LINEARITIES)
        }

    @contextmanager
    def recording(self) -> Iterator[dict[str, torch.Tensor]]:
        """Layer name -> detached output (batch, units, ...)."""
        with self._hooked(_keep_first) as outputs:
            yield outputs

    @contextmanager
    def recording_graph(self) -> Iterator[dict[str, torch.Tensor]]:
        """The same, not detached: gradients flow through what was recorded."""
        with self._hooked(_keep_first_graph) as outputs:
            yield outputs

    @contextmanager
    def recording_latest(self) -> Iterator[dict[str, torch.Tensor]]:
        """The same of the latest forward pass that a backward may follow, for learners whose
        update is not ours."""
        with self._hooked(_keep_latest) as outputs:
            yield outputs

    @contextmanager
    def _hooked(
        self, keep: Callable[[dict[str, torch.Tensor], str], Callable[..., None]]
    ) -> Iterator[dict[str, torch.Tensor]]:
        outputs: dict[str, torch.Tensor] = {}
        handles = [
            layer.register_forward_hook(keep(outputs, name)) for name, layer in self.layers.items()
        ]
        try:
            yield outputs
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def tapped(self, replaced: Mapping[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
        """As `recording`, while these layers answer with the given outputs instead of their own."""
        with self.recording() as outputs:
            handles = [
                self.layers[name].register_forward_hook(_answering(output))
                for name, output in replaced.items()
            ]
            try:
                yield outputs
            finally:
                for handle in handles:
                    handle.remove()


def _answering(output: torch.Tensor) -> Callable[..., torch.Tensor]:
    return lambda module, inputs, own: output


def _keep_first(outputs: dict[str, torch.Tensor], name: str) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        if name not in outputs:
            outputs[name] = output.detach()

    return hook


def _keep_first_graph(outputs: dict[str, torch.Tensor], name: str) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        outputs.setdefault(name, output)

    return hook


def _keep_latest(outputs: dict[str, torch.Tensor], name: str) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        if torch.is_grad_enabled():
            outputs[name] = output.detach()

    return hook
