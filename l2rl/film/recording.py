"""Pictures kept until they are written: to a GIF, an MP4, or a PNG of the last one.

They wait compressed, so that minutes of film fit into memory. The colours of a GIF are chosen once
for the whole film: what does not change keeps its colour, does not flicker, and costs nothing.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from l2rl.errors import UserError
from l2rl.runs.files import write_bytes_atomically

GIF_COLOURS = 255
"""One of a GIF's 256 stays free, for what has not changed since the picture before."""
_SAMPLED = 24
"""Pictures that are looked at to choose the colours."""
_NO_ENCODER = (
    "writing MP4 needs imageio-ffmpeg, which is not installed\n"
    "  pip install 'l2rl[video]', or write a GIF"
)


class Recording:
    """A film in memory. Pictures are (height, width, 3) uint8, all of the first one's size."""

    def __init__(self, fps: float) -> None:
        """`fps`: pictures a second when it is shown."""
        self.fps = fps
        self._shape: tuple[int, int, int] | None = None
        self._kept: list[bytes] = []

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, picture: np.ndarray) -> None:
        """Keep one more picture. Raises `UserError` for one of another size."""
        self._shape = self._shape or picture.shape
        if picture.shape != self._shape:
            raise UserError(
                f"a picture of {picture.shape[1]} x {picture.shape[0]} pixels does not fit into a "
                f"film of {self._shape[1]} x {self._shape[0]}"
            )
        self._kept.append(zlib.compress(np.ascontiguousarray(picture).tobytes(), 1))

    def extend(self, other: Recording) -> None:
        """Append another film's pictures."""
        for picture in other.pictures():
            self.add(picture)

    def pictures(self, indices: Iterator[int] | None = None) -> Iterator[np.ndarray]:
        """All pictures, or those asked for, in order."""
        for i in range(len(self)) if indices is None else indices:
            yield np.frombuffer(zlib.decompress(self._kept[i]), np.uint8).reshape(self._shape or ())

    def write(self, path: Path) -> None:
        """Write the film by the name's ending: `.gif`, `.mp4`, or `.png` (its last picture).

        Raises `UserError` for another ending, a film without pictures, or a missing encoder.
        """
        writers = {".gif": self.write_gif, ".mp4": self.write_mp4, ".png": self.write_png}
        if path.suffix.lower() not in writers:
            raise UserError(
                f"{path} is none of {', '.join(writers)}: its ending says what to write"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        writers[path.suffix.lower()](path)

    def write_png(self, path: Path) -> None:
        """The last picture."""
        self._require_pictures()
        buffer = io.BytesIO()
        last = next(self.pictures(iter([len(self) - 1])))
        Image.fromarray(last).save(buffer, "PNG", optimize=True)
        write_bytes_atomically(path, buffer.getvalue())

    def write_gif(self, path: Path) -> None:
        """An endless loop; its delays are whole hundredths of a second."""
        self._require_pictures()
        palette = self._palette()
        frames = (
            Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
            for picture in self.pictures()
        )
        first = next(frames)
        buffer = io.BytesIO()
        delay_ms = max(round(100 / self.fps), 2) * 10
        first.save(
            buffer, "GIF", save_all=True, append_images=frames, duration=delay_ms, loop=0
        )  # fmt: skip
        write_bytes_atomically(path, buffer.getvalue())

    def write_mp4(self, path: Path) -> None:
        """H.264, which every browser plays."""
        self._require_pictures()
        encoder = require_encoder()
        unfinished = path.with_name(f"{path.stem}.unfinished{path.suffix}")
        height, width = self._even_shape()
        writer = encoder.write_frames(
            str(unfinished),
            (width, height),
            fps=self.fps,
            macro_block_size=2,
            quality=8,
            ffmpeg_log_level="error",
        )
        try:
            writer.send(None)
            for picture in self.pictures():
                writer.send(_even(picture, height, width).tobytes())
            writer.close()
            os.replace(unfinished, path)
        except OSError as error:
            raise UserError(f"{path} could not be written: {error}") from error
        finally:
            writer.close()
            unfinished.unlink(missing_ok=True)

    def _require_pictures(self) -> None:
        if not self._kept:
            raise UserError("there is nothing to write: no picture was taken")

    def _even_shape(self) -> tuple[int, int]:
        """H.264 stores colour at half size, so height and width must be even."""
        assert self._shape is not None
        return self._shape[0] + self._shape[0] % 2, self._shape[1] + self._shape[1] % 2

    def _palette(self) -> Image.Image:
        """The colours of the whole film, rare ones nearly as likely as common ones: a thin bright
        line matters more than another shade of the ground."""
        counts = np.zeros(1 << 15)
        sums = np.zeros((1 << 15, 3))
        step = max(len(self) // _SAMPLED, 1)
        for picture in self.pictures(iter(range(len(self) - 1, -1, -step))):
            pixels = picture.reshape(-1, 3)
            red, green, blue = (pixels >> 3).astype(np.int64).T
            bins = (red << 10) + (green << 5) + blue
            counts += np.bincount(bins, minlength=1 << 15)
            for channel in range(3):
                weights = pixels[:, channel]
                sums[:, channel] += np.bincount(bins, weights, minlength=1 << 15)
        used = np.flatnonzero(counts)
        means = sums[used] / counts[used, None]
        repeats = np.ceil(np.log2(counts[used]) + 1).astype(int)
        colours = np.repeat(means, repeats, axis=0).round().astype(np.uint8)
        cut = Image.Quantize.MEDIANCUT
        return Image.fromarray(colours[None]).quantize(GIF_COLOURS, cut, kmeans=4)


def _even(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture with its last row and column repeated where they make the size even."""
    missing = ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0))
    return np.pad(picture, missing, mode="edge")


def require_encoder() -> Any:
    """imageio-ffmpeg, which brings ffmpeg along. Raises `UserError` where it is missing."""
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise UserError(_NO_ENCODER) from error
    return imageio_ffmpeg
