"""`l2rl play`: one task, by chance, by rules or by hand, in the terminal or to a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from l2rl.errors import UserError

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

    from l2rl.curriculum import Task
    from l2rl.environments import Controls
    from l2rl.film.live import LiveView
    from l2rl.playing import Act, Moment

POLICIES = ("random", "scripted", "keyboard")


def play(
    task: Annotated[str, typer.Argument(help="`minigames/DefeatRoaches`, or any Gymnasium id.")],
    variant: Annotated[str, typer.Option(help="A variant of the task.")] = "default",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter; may be repeated."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="random, scripted or keyboard. Default: keyboard in a terminal where there are "
            "keys, else scripted where there is one, else random."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the environment and of chance.")] = 0,
    episodes: Annotated[int, typer.Option(min=1, help="How many to play.")] = 1,
    steps: Annotated[int | None, typer.Option(min=1, help="Stop after so many env steps.")] = None,
    gif: Annotated[Path | None, typer.Option(help="Write a GIF.")] = None,
    mp4: Annotated[Path | None, typer.Option(help="Write an MP4 (extra `video`).")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the last picture.")] = None,
    fps: Annotated[
        float | None, typer.Option(help="Pictures a second. Default: what suits the task.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Times faster than its world. Default: 1; 2 live and 4 in files for games "
            "whose steps are long, unless played by hand."
        ),
    ] = None,
) -> None:
    """Play a task and look at it: live in the terminal, or to a GIF, MP4 or PNG."""
    from l2rl.cli.watching import check_endings, check_speed, has_terminal, without_windows
    from l2rl.curriculum import Task
    from l2rl.film.camera import live_speed, natural_fps, natural_speed
    from l2rl.film.recording import require_encoder
    from l2rl.playing import controls_of, visible_env

    check_endings((gif, ".gif"), (mp4, ".mp4"), (png, ".png"))
    check_speed(fps, speed)
    if mp4 is not None:
        require_encoder()
    files = [path for path in (gif, mp4, png) if path is not None]
    without_windows()
    terminal = has_terminal()
    if not files and not terminal:
        raise UserError(
            "there is no terminal to show it in\n"
            "  write a file: --gif FILE, --mp4 FILE (a film) or --png FILE (the last picture)"
        )
    wanted = Task("play", task, variant, parsed_settings(settings or []))
    env = visible_env(wanted, seed)
    try:
        controls = controls_of(wanted, env) if terminal else None
        chosen = _chosen_policy(policy, wanted, controls, terminal and not files)
        rate = fps or natural_fps(env)
        session = _Session(wanted, chosen, env, controls, seed, episodes, steps, rate, files)
        if chosen == "keyboard":
            session.live(speed or 1.0)
        elif not files:
            session.live(speed or live_speed(env))
        else:
            session.film(speed or natural_speed(env))
    finally:
        env.close()


def parsed_settings(settings: Iterable[str]) -> dict[str, Any]:
    """`["marines=12"]` -> `{"marines": 12}`; values are YAML. Raises `UserError`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    parsed = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not key or not equals:
            raise UserError(f"--set {setting} is not of the form key=value, such as marines=12")
        try:
            parsed[key.strip()] = YAML(typ="safe", pure=True).load(text)
        except YAMLError as error:
            raise UserError(f"--set {setting}: {text!r} is not YAML ({error})") from error
    return parsed


def _chosen_policy(policy: str | None, task: Task, controls: Controls | None, by_hand: bool) -> str:
    """The policy asked for, or the best there is. Raises `UserError`."""
    from l2rl.registry import did_you_mean
    from l2rl.task_environments import suite_of

    if policy is None:
        if by_hand and controls is not None:
            return "keyboard"
        suite, name = suite_of(task)
        return "scripted" if suite.scripted_policy(name) is not None else "random"
    if policy not in POLICIES:
        raise UserError(f"there is no policy `{policy}`\n  {did_you_mean(policy, POLICIES)}")
    if policy == "keyboard" and controls is None:
        from l2rl.cli.watching import has_terminal

        why = "has no keys" if has_terminal() else "needs a terminal"
        raise UserError(f"--policy keyboard: {task.env} {why}; use random or scripted")
    return policy


@dataclass
class _Session:
    """One call of `l2rl play`."""

    task: Task
    policy: str
    env: VecEnv
    controls: Controls | None
    seed: int
    episodes: int
    steps: int | None
    fps: float
    files: list[Path]

    def film(self, speed: float) -> None:
        """Play as fast as possible and write the files."""
        from l2rl.cli.watching import Reel
        from l2rl.film.camera import Camera
        from l2rl.playing import play as play_moments

        reel, told = Reel(self.fps), _Told()
        camera = Camera(self.env, fps=self.fps, speed=speed)
        act = self._act(None)
        for moment in play_moments(self.env, act, camera, episodes=self.episodes, steps=self.steps):
            reel.add(moment.pictures, self._name, _place(moment))
            if moment.ended:
                reel.hold()
            told.hear(moment)
        for path in self.files:
            reel.recording.write(path)
        self._tell(told)

    def live(self, speed: float) -> None:
        """Play before a person's eyes; files get the same pictures as the person."""
        from rich.console import Console

        from l2rl.cli.watching import Reel, live_view
        from l2rl.film.camera import Camera
        from l2rl.playing import play as play_moments

        reel, told = Reel(self.fps), _Told()
        with live_view(Console(), self.controls) as view:
            camera = Camera(self.env, fps=self.fps, speed=speed, size=view.size, panel=False)
            if self.files:
                camera.size, camera.panel = None, True
            view.pace = camera.pace
            act = self._act(view)
            for moment in play_moments(
                self.env, act, camera, episodes=self.episodes, steps=self.steps
            ):
                if moment.refused:
                    view.flash(f"{self._action_name(moment)}: not possible now")
                for picture in moment.pictures:
                    view.show(picture, self._lines(moment))
                if not self.files:
                    camera.size = view.size
                reel.add(moment.pictures if self.files else [], self._name, _place(moment))
                told.hear(moment)
        for path in self.files:
            reel.recording.write(path)
        self._tell(told)

    def _act(self, view: LiveView | None) -> Act:
        from l2rl.playing import keyboard_policy, random_policy, scripted_policy

        if self.policy == "keyboard":
            assert view is not None
            assert self.controls is not None
            return keyboard_policy(self.controls, view.take_action)
        if self.policy == "scripted":
            return scripted_policy(self.task, self.env)
        return random_policy(self.env, self.seed)

    @property
    def _name(self) -> str:
        variant = "" if self.task.variant == "default" else f"  {self.task.variant}"
        return f"{self.task.env}{variant}  {self.policy}"

    def _lines(self, moment: Moment) -> list[str]:
        return [f"{self._name}   {_place(moment)}", moment.caption, self._action_name(moment)]

    def _action_name(self, moment: Moment) -> str:
        import numpy as np

        if moment.action is None:
            return ""
        if self.controls is not None and np.ndim(moment.action) == 0:
            return self.controls.names[int(moment.action)]
        return f"action {np.round(moment.action, 2)}"

    def _tell(self, told: _Told) -> None:
        """What came of it, for whoever reads the terminal afterwards."""
        for line in told.lines:
            print(line)
        for path in self.files:
            print(f"written: {path}")


class _Told:
    """One line for each episode, the unfinished one too."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def hear(self, moment: Moment) -> None:
        """Take note of what happened."""
        if moment.ended is not None:
            success = moment.ended.get("success")
            also = "" if success is None else f", success {success:g}"
            line = f"return {moment.ended['r']:g}, {moment.ended['l']} env steps{also}"
        else:
            line = f"return {moment.total:g} after {moment.length} env steps, not finished"
        del self.lines[moment.episode :]
        self.lines.append(f"episode {moment.episode + 1}: {line}")


def _place(moment: Moment) -> str:
    return f"episode {moment.episode + 1}  return {moment.total:g}"
