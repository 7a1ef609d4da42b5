"""Draws docs/arm.png: every task of the arm in the middle of its expert's work.

python docs/arm_picture.py [FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from l2rl.envs.arm.catalogue import TASKS
from l2rl.envs.arm.scripted import expert
from l2rl.envs.arm.vec_env import ArmVecEnv

COLUMNS, CELL, LABEL, STEPS = 4, (300, 240), 24, 13
GROUND, TEXT = (12, 13, 16), (232, 236, 240)


def moment(task: str) -> np.ndarray:
    """One arm after some steps of its expert, (height, width, 3) uint8."""
    env, policy = ArmVecEnv(task, seed=3), expert(task)
    seen = env.reset()
    for _ in range(STEPS):
        seen, *_ = env.step(policy(seen, None))
    return env.picture(0, size=CELL, panel=False)


def main() -> None:
    """Write the sheet."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("arm.png"))
    rows = -(-len(TASKS) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL[0], rows * (CELL[1] + LABEL)), GROUND)
    pen = ImageDraw.Draw(sheet)
    for k, task in enumerate(TASKS):
        x, y = k % COLUMNS * CELL[0], k // COLUMNS * (CELL[1] + LABEL)
        pen.text((x + 8, y + 5), task, TEXT, ImageFont.load_default(13))
        sheet.paste(Image.fromarray(moment(task)), (x, y + LABEL))
    sheet.quantize(96).save(path, optimize=True)


if __name__ == "__main__":
    main()
