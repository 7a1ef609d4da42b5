"""Draws docs/minigames.png: every minigame and two variants, played by their scripted policies.

python docs/minigames_picture.py [FILE]
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.minigames.engine import Engine
from l2rl.envs.minigames.render import Film
from l2rl.envs.minigames.scripted import POLICIES

SHOWN = (
    # task, variant, env steps before the picture is taken
    ("MoveToBeacon", "default", 4),
    ("CollectMineralShards", "default", 12),
    ("DefeatRoaches", "default", 14),
    ("FindAndDefeatZerglings", "default", 60),
    ("DefeatZerglingsAndBanelings", "default", 8),
    ("DefeatZerglingsAndBanelings", "surrounded", 10),
    ("CollectMineralsAndGas", "default", 240),
    ("BuildMarines", "default", 700),
    ("CollectMineralShards", "wide_fog", 40),
)
COLUMNS, CELL, LABEL = 3, (396, 294), 24
GROUND, TEXT = (12, 13, 16), (232, 236, 240)


def moment(task: str, variant: str, steps: int) -> np.ndarray:
    """One game after so many steps of its scripted policy, (height, width, 3) uint8."""
    engine = Engine(task, GAMES[task].variants[variant], [3])
    film = Film(engine)
    seen = engine.observe()
    for _ in range(steps):
        actions = POLICIES[task](seen, engine.masks)
        for scene in film.scenes(0, actions[0], []):
            del scene  # the film must see the whole game to know who has just died
        seen = engine.step(actions)[0]
    return film.frames(0, POLICIES[task](seen, engine.masks)[0], [0.75], size=CELL, panel=False)[-1]


def sheet() -> Image.Image:
    """All of them with their names."""
    rows = -(-len(SHOWN) // COLUMNS)
    image = Image.new("RGB", (COLUMNS * CELL[0], rows * (CELL[1] + LABEL)), GROUND)
    pen = ImageDraw.Draw(image)
    for place, (task, variant, steps) in enumerate(SHOWN):
        left, top = place % COLUMNS * CELL[0], place // COLUMNS * (CELL[1] + LABEL)
        image.paste(Image.fromarray(moment(task, variant, steps)), (left, top + LABEL))
        name = task if variant == "default" else f"{task}, {variant}"
        font = ImageFont.load_default(14)
        pen.text((left + 10, top + LABEL / 2), name, TEXT, font, "lm")
    return image


def main() -> None:
    """Write the file with 256 colours, which halves it."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("minigames.png")
    buffer = io.BytesIO()
    few = sheet().quantize(256, Image.Quantize.MEDIANCUT, kmeans=4, dither=Image.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    path.write_bytes(buffer.getvalue())
    print(f"{path}: {len(buffer.getvalue()):,} bytes")


if __name__ == "__main__":
    main()
