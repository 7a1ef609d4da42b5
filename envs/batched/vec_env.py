"""The Stable-Baselines3 face of a batch: the part of its contract that is about one object."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Wrapper
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices


class BatchedVecEnv(VecEnv):
    """A VecEnv whose environments are rows of one object, not objects of their own."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute once for each environment: all share this object."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of this object; environments have none of their own."""
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Call a method; an array with one row an environment is split into rows."""
        result = getattr(self, method_name)(*args, **kwargs)
        by_row = isinstance(result, np.ndarray) and len(result) == self.num_envs
        return [result[i] if by_row else result for i in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """None is wrapped."""
        return [False for _ in self._get_indices(indices)]


class DrawnVecEnv(BatchedVecEnv):
    """One that computes in this process and draws its own pictures."""

    render_size: tuple[int, int] | None = None
    """(width, height) in pixels; None: the suite's own."""

    def close(self) -> None:
        """Nothing to free."""

    def get_images(self) -> Sequence[np.ndarray | None]:
        """One picture an environment, (height, width, 3) uint8, of `render_size`."""
        return [self.picture(i, size=self.render_size) for i in range(self.num_envs)]

    @abstractmethod
    def picture(
        self, index: int, *, size: tuple[int, int] | None = None, panel: bool = True
    ) -> np.ndarray:
        """One environment as it is now (`FilmableVecEnv`)."""
