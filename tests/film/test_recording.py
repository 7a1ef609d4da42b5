"""Films on disk: as many pictures as were taken, of their size, with their colours and times."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from l2rl.errors import UserError
from l2rl.film.recording import Recording
from l2rl.film.titled import HEIGHT, titled


def moving(count: int, size: tuple[int, int] = (60, 40)) -> Recording:
    """A bright dot that walks over a ground of two greys."""
    recording = Recording(fps=10)
    for i in range(count):
        picture = np.full((size[1], size[0], 3), 40, np.uint8)
        picture[:, ::8] = 50
        picture[10:14, 3 * i : 3 * i + 4] = (240, 80, 10)
        recording.add(picture)
    return recording


def test_a_gif_has_the_pictures_their_size_and_their_time(tmp_path: Path) -> None:
    recording = moving(12)
    recording.write(tmp_path / "new" / "film.gif")
    with Image.open(tmp_path / "new" / "film.gif") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (12, (60, 40), 0)
        for i, picture in enumerate(recording.pictures()):
            film.seek(i)
            assert film.info["duration"] == 100
            shown = np.asarray(film.convert("RGB")).astype(int)
            assert np.abs(shown - picture).max() <= 8, f"picture {i}"


def test_a_rare_colour_survives_among_many(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    recording = Recording(10)
    for _ in range(3):
        picture = rng.integers(0, 120, (80, 80, 3), dtype=np.uint8)
        picture[40, 40:44] = (250, 240, 60)
        recording.add(picture)
    recording.write(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        shown = np.asarray(film.convert("RGB"))[40, 40:44].astype(int)
    assert np.abs(shown - (250, 240, 60)).max() < 40


def test_a_png_is_the_last_picture(tmp_path: Path) -> None:
    recording = moving(5)
    recording.write(tmp_path / "last.png")
    *_, last = recording.pictures()
    with Image.open(tmp_path / "last.png") as image:
        assert np.array_equal(np.asarray(image), last)


def test_an_mp4_has_even_sides_and_all_pictures(tmp_path: Path) -> None:
    encoder = pytest.importorskip("imageio_ffmpeg")
    moving(12, (61, 41)).write(tmp_path / "film.mp4")
    frames, seconds = encoder.count_frames_and_secs(str(tmp_path / "film.mp4"))
    assert frames == 12
    assert seconds == pytest.approx(1.2, abs=0.1)
    reader = encoder.read_frames(str(tmp_path / "film.mp4"))
    assert next(reader)["size"] == (62, 42)
    assert list(tmp_path.iterdir()) == [tmp_path / "film.mp4"]


def test_a_missing_encoder_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "imageio_ffmpeg":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"l2rl\[video\]"):
        moving(2).write(tmp_path / "film.mp4")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.gif, \.mp4, \.png"):
        moving(2).write(tmp_path / "film.avi")
    with pytest.raises(UserError, match="nothing to write"):
        Recording(10).write(tmp_path / "film.gif")
    with pytest.raises(UserError, match="60 x 40"):
        moving(1).add(np.zeros((4, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_strip_says_both_things_below_the_picture() -> None:
    picture = np.full((50, 200, 3), 90, np.uint8)
    plain, told, other = (titled(picture, *words) for words in (("", ""), ("a", "b"), ("a", "c")))
    assert told.shape == (50 + HEIGHT, 200, 3)
    assert np.array_equal(told[:50], picture)
    assert (told[50:, :30] != plain[50:, :30]).any()
    columns = np.nonzero((told != other).any(axis=(0, 2)))[0]
    assert columns.min() > 170, "only the right side differs"
