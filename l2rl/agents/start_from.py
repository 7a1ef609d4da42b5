"""Starting from a model that Stable-Baselines3 saved: its tensors, and nothing else.

SB3's zip holds pickled Python objects beside the tensors. They are never opened: only the tensor
files are read, with `weights_only=True`, so nothing in a file is executed.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.errors import UserError


def start_from(agent: LifelongAlgorithm, path: Path) -> None:
    """Give the agent the parameters of a saved SB3 model (`model.save(path)`).

    Optimisers start fresh. Raises `UserError` when the file is no such model or does not fit.
    """
    tensors = _read(path, "policy.pth")
    if not isinstance(tensors, dict):
        raise UserError(f"{path}: policy.pth does not hold parameters")
    ours = agent.policy.state_dict()
    _check_fit(path, tensors, ours)
    agent.policy.load_state_dict(tensors)


def _read(path: Path, name: str) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(archive.read(name))
        return torch.load(content, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"start_from: {path} does not exist") from error
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise UserError(
            f"start_from: {path} is not a model saved by Stable-Baselines3 ({error})"
        ) from error
    except Exception as error:  # torch raises several kinds for what it refuses to unpickle
        raise UserError(
            f"start_from: {path}: {name} holds more than tensors, or is damaged; it was not "
            f"opened ({type(error).__name__})"
        ) from error


def _check_fit(path: Path, theirs: dict[str, Any], ours: dict[str, torch.Tensor]) -> None:
    missing, surplus = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
    if missing or surplus:
        wrong = [*(f"-{name}" for name in missing[:3]), *(f"+{name}" for name in surplus[:3])]
        raise UserError(
            f"start_from: {path} is a model of another shape or learner ({', '.join(wrong)}); "
            "set the same learner, policy and network as it was saved with"
        )
    for name, value in ours.items():
        if theirs[name].shape != value.shape:
            raise UserError(
                f"start_from: {path}: {name} has shape {tuple(theirs[name].shape)}, the agent's "
                f"has {tuple(value.shape)}; set the same network, observations and actions"
            )
