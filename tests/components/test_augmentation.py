"""`replay.augmentation`: what shifts is a translation, what is off is the very same."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env
from torch.nn import functional as F

from l2rl.agents.dqn import LifelongDQN
from l2rl.component import Component
from l2rl.components.replay.augmentation import Augmentation, shifted
from l2rl.components.replay.prioritised import Prioritised
from l2rl.composition import CompositionError
from l2rl.views import UpdateView
from tests.components.going_on import assert_goes_on
from tests.components.small_agents import same, small_agent
from tests.components.test_task_balanced import KINDS, STEPS, Looks

OFF = {"noise_std": 0.0}


def augmentation(**settings: Any) -> Augmentation:
    return Augmentation(Augmentation.Config(**settings))


def at_work(shape: tuple[int, ...], **settings: Any) -> Augmentation:
    component = augmentation(**settings)
    component._is_image = len(shape) == 3
    component.rng = type("Rng", (), {"torch": torch.Generator().manual_seed(1)})()  # type: ignore[assignment]
    return component


VIEW = UpdateView("q", {}, {}, {}, 0, 0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(("pad", "height", "width"), [(4, 12, 9), (1, 5, 5), (3, 4, 16)])
def test_a_shift_is_padding_with_the_border_and_cropping(
    pad: int, height: int, width: int, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 255, (20, 2, height, width), generator=generator).to(dtype)
    down, right = torch.randint(-pad, pad + 1, (2, 20), generator=generator)
    result = shifted(images, down, right)
    assert result.dtype == dtype
    padded = F.pad(images.float(), (pad, pad, pad, pad), mode="replicate").to(dtype)
    for image, expected, y, x in zip(result, padded, down.tolist(), right.tolist(), strict=True):
        crop = expected[:, pad - y : pad - y + height, pad - x : pad - x + width]
        assert torch.equal(image, crop)


def test_shifts_are_uniform_and_every_row_has_its_own() -> None:
    component = at_work((1, 9, 9), pad_pixels=2)
    images = torch.zeros(4000, 1, 9, 9)
    images[:, 0, 4, 4] = 1.0
    result = component.transform_batch({"observations": images}, VIEW)["observations"]
    places = result.flatten(1).argmax(dim=1)
    counts = torch.bincount(places, minlength=81).reshape(9, 9)
    assert int(counts[2:7, 2:7].sum()) == 4000, "by no more than two pixels"
    assert float((counts[2:7, 2:7] - 160).abs().max()) < 60


@pytest.mark.parametrize("sharing", ["independent", "shared"])
def test_next_observations_are_shifted_alike_only_if_asked_for(sharing: str) -> None:
    component = at_work((1, 9, 9), next_observations=sharing)
    images = torch.rand(16, 1, 9, 9)
    batch = {"observations": images, "next_observations": images, "rewards": torch.ones(16, 1)}
    result = component.transform_batch(batch, VIEW)
    alike = torch.equal(result["observations"], result["next_observations"])
    assert alike == (sharing == "shared")
    assert result["rewards"] is batch["rewards"]
    assert torch.equal(batch["observations"], images), "the batch itself is left alone"


def test_noise_has_the_standard_deviation_asked_for() -> None:
    component = at_work((5,), noise_std=0.3)
    states = torch.full((4000, 5), 2.0)
    moved = component.transform_batch({"observations": states}, VIEW)["observations"] - states
    assert float(moved.std()) == pytest.approx(0.3, rel=0.03)
    assert float(moved.mean()) == pytest.approx(0.0, abs=0.01)


def test_scaling_is_one_factor_a_row() -> None:
    component = at_work((3,), vector_kind="scale", scale_low=0.5, scale_high=1.5)
    states = torch.tensor([[1.0, -2.0, 4.0]]).repeat(3000, 1)
    factors = component.transform_batch({"observations": states}, VIEW)["observations"] / states
    assert torch.allclose(factors, factors[:, :1].expand(-1, 3))
    assert float(factors.min()) == pytest.approx(0.5, abs=0.01)
    assert float(factors.max()) == pytest.approx(1.5, abs=0.01)
    assert float(factors.mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((1, 6, 6), {"pad_pixels": 0}),
        ((4,), OFF),
        ((4,), {"vector_kind": "scale", "scale_low": 1.0, "scale_high": 1.0}),
    ],
)
def test_nothing_to_change_changes_nothing(shape: tuple[int, ...], settings: Any) -> None:
    batch = {"observations": torch.rand(4, *shape)}
    assert at_work(shape, **settings).transform_batch(batch, VIEW) is batch


# ---- on an agent -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_agents_learn_from_what_is_augmented_and_only_then_differ(kind: str) -> None:
    looks = Looks()
    plain = small_agent(kind, looks).learn(STEPS[kind])
    assert same(plain, small_agent(kind, augmentation(**OFF)).learn(STEPS[kind]))
    assert not same(plain, small_agent(kind, augmentation(noise_std=0.5)).learn(STEPS[kind]))


class Pictures(gym.Env[Any, Any]):
    observation_space = spaces.Box(0, 255, (3, 12, 12), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._seen(), 1.0, False, bool(self.np_random.random() < 0.1), {}

    def _seen(self) -> np.ndarray:
        return self.np_random.integers(0, 256, (3, 12, 12)).astype(np.uint8)


def test_images_of_a_running_agent_are_shifted() -> None:
    looks = Looks()
    LifelongDQN(
        "MlpPolicy",
        make_vec_env(Pictures, 2, seed=0),
        components=[augmentation(), looks, Prioritised(Prioritised.Config(capacity=100))],
        buffer_size=100,
        learning_starts=10,
        batch_size=8,
        seed=0,
        policy_kwargs={"net_arch": [8]},
        device="cpu",
    ).learn(40)
    images = looks.batches[-1]["observations"]
    assert images.dtype == torch.uint8
    # Noise has no equal neighbours but where the border was repeated.
    repeated = (images[:, :, 0] == images[:, :, 1]).flatten(1).all(dim=1)
    assert 0 < int(repeated.sum()) < 8


def test_mistakes_are_told() -> None:
    class Numbers(Pictures):
        observation_space = spaces.Discrete(3)  # type: ignore[assignment]

    with pytest.raises(CompositionError, match="images and vectors"):
        LifelongDQN("MlpPolicy", make_vec_env(Numbers, 1), components=[augmentation()])
    with pytest.raises(ValueError, match="scale_high"):
        augmentation(scale_low=2.0)


@pytest.mark.parametrize("kind", ["ppo", "dqn"])
def test_the_state_goes_on_bit_for_bit_in_mid_task(kind: str) -> None:
    make: Any = lambda: [augmentation(noise_std=0.1)]  # noqa: E731
    assert_goes_on(kind, make, STEPS[kind])
    assert issubclass(Augmentation, Component)
