"""What is told of an arm in words: beside the table, and in one line."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from ...batched import palette
from ...batched.canvas import font
from ..state import DRIFTING
from .scene import Scene

_DESIGN_HEIGHT = 360
"""Pixels at which the sizes below are meant."""
_STILL = {"action_gain": 1.0, "action_rotation": 0.0, "rotation": 0.0, "mass": 1.0, "response": 0.7}


def caption(scene: Scene) -> str:
    """`push  step 12/100  to go 0.104 m  return 3.2  success`."""
    arm = scene.arm
    words = [
        scene.task,
        f"step {arm['step']}/{scene.rule['limit']}",
        f"to go {scene.distance_to_go:.3f} m",
        f"return {arm['episode_return']:.1f}",
    ]
    return "  ".join([*words, *(["success"] if arm["success"] else [])])


def panel(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The panel beside the table."""
    image = Image.new("RGB", size, palette.PANEL)
    pen, unit = ImageDraw.Draw(image), size[1] / _DESIGN_HEIGHT
    row = 12.0
    for words, height, colour in _lines(scene):
        pen.text((10 * unit, row * unit), words, colour, font(height * unit))
        row += 1.5 * height
    share = int(scene.arm["step"]) / max(int(scene.rule["limit"]), 1)
    bottom, left, right = size[1] - 14 * unit, 10 * unit, size[0] - 10 * unit
    pen.rectangle((left, bottom, right, bottom + 4 * unit), palette.PANEL_LINE)
    pen.rectangle((left, bottom, left + share * (right - left), bottom + 4 * unit), palette.OWN)
    return image


def _lines(scene: Scene) -> list[tuple[str, int, palette.Colour]]:
    """(words, height, colour) from the top."""
    arm = scene.arm
    grip = "holding" if arm["holds"] else "open" if arm["opening"] >= 0.5 else "closed"
    lines: list[tuple[str, int, palette.Colour]] = [
        (scene.task.replace("_", " "), 17, palette.TEXT),
        (f"step {arm['step']} of {scene.rule['limit']}", 11, palette.TEXT_DIM),
        (f"to go {scene.distance_to_go:.3f} m", 12, palette.TEXT),
        (f"return {arm['episode_return']:.1f}", 12, palette.TEXT),
        (f"gripper {grip}", 12, palette.TEXT),
    ]
    if arm["success"]:
        lines.append(("SUCCESS", 14, palette.HEALTH))
    elif arm["succeeded"]:
        lines.append(("succeeded before", 11, palette.TEXT_DIM))
    return lines + [(words, 11, palette.WARNING) for words in twists(scene)]


def twists(scene: Scene) -> list[str]:
    """What sets this variant apart from the default, in words."""
    arm, rule = scene.arm, scene.rule
    found = ["mirrored"] if rule["mirror"] else []
    for name in DRIFTING:
        value = float(arm[name])
        if value != _STILL[name]:
            angle = name.endswith("rotation")
            told = f"{math.degrees(value):.0f}°" if angle else f"{value:.2g}"
            found.append(f"{name.replace('_', ' ')} {told}")
    if rule["joints"]:
        found.append("joint control")
    return found
