"""`l2rl replay`: a run's agent on each of its tasks, to files or in the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from l2rl.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from stable_baselines3.common.vec_env import VecEnv

    from l2rl.curriculum import Task
    from l2rl.evaluation import EvaluationResult
    from l2rl.film.camera import Camera
    from l2rl.film.filmed import Scene, Sink
    from l2rl.film.index_page import FilmOfTask
    from l2rl.film.live import LiveView
    from l2rl.replaying import RestoredAgent

FOLDER = "replay"
"""In the run's directory: where films go unless told otherwise."""


def replay(
    directory: Annotated[Path, typer.Argument(help="A run directory, finished or not.")],
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="A task of its curriculum; may be repeated. Default: all."),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(help="`last`, or the number at the end of a checkpoint's name.")
    ] = "last",
    episodes: Annotated[int, typer.Option(min=1, help="Of each task.")] = 1,
    gif_dir: Annotated[
        Path | None, typer.Option(help=f"Where films go. Default: {FOLDER}/ in the run.")
    ] = None,
    mp4: Annotated[
        bool, typer.Option("--mp4", help="Write MP4 instead of GIF (extra `video`).")
    ] = False,
    stochastic: Annotated[
        bool, typer.Option("--stochastic", help="Sample actions from the policy.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Show it in the terminal, write nothing.")
    ] = False,
    fps: Annotated[
        float | None, typer.Option(help="Pictures a second. Default: what suits the task.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Times faster than the tasks' world. Default: 1; 2 live and 4 in files for games "
            "whose steps are long."
        ),
    ] = None,
) -> None:
    """Show a run's agent on each of its tasks, as an evaluation would see it."""
    from l2rl.cli.watching import check_speed, has_terminal, without_windows
    from l2rl.film.recording import require_encoder
    from l2rl.replaying import restore, tasks_to_show

    check_speed(fps, speed)
    if live and (mp4 or gif_dir is not None):
        raise UserError("--live writes nothing: leave out --mp4 and --gif-dir, or --live")
    if live and not has_terminal():
        raise UserError("--live needs a terminal; without it films are written")
    if mp4:
        require_encoder()
    without_windows()
    restored = restore(directory, _checkpoint_number(checkpoint))
    wanted = tasks_to_show(restored.loaded, tasks or [])
    show = _Show(restored, episodes, stochastic, fps, speed)
    if live:
        show.live(wanted)
    else:
        show.write(wanted, gif_dir or directory / FOLDER, ".mp4" if mp4 else ".gif")


def _checkpoint_number(text: str) -> int | None:
    if text == "last":
        return None
    if not text.isdigit():
        raise UserError(f"--checkpoint {text} is neither `last` nor a number")
    return int(text)


@dataclass
class _Show:
    """One call of `l2rl replay`."""

    restored: RestoredAgent
    episodes: int
    stochastic: bool
    fps: float | None
    speed: float | None

    def write(self, tasks: list[Task], folder: Path, ending: str) -> None:
        """A film of each task, and the page with all of them."""
        from l2rl.film.index_page import write_index

        folder.mkdir(parents=True, exist_ok=True)
        films: list[FilmOfTask] = []
        for task in tasks:
            path = folder / f"{file_name(task.name, [film.path.stem for film in films])}{ending}"
            films.append(self._film(task, path))
            print(f"{task.name}: return {films[-1].returns}; {path}")
        config = self.restored.loaded.config
        title = f"{config.experiment}, seed {config.seed}"
        write_index(folder / "index.html", title, self._about, films)
        print(f"all of them: {folder / 'index.html'}")

    def _film(self, task: Task, path: Path) -> FilmOfTask:
        from l2rl.cli.watching import Reel
        from l2rl.film.camera import Camera, natural_fps, natural_speed
        from l2rl.film.index_page import FilmOfTask

        reels: dict[int, Reel] = {}

        def make_camera(env: VecEnv, index: int) -> Camera:
            fps = self.fps or natural_fps(env)
            reels[index] = Reel(fps)
            return Camera(env, index, fps=fps, speed=self.speed or natural_speed(env))

        def sink(index: int, pictures: list[np.ndarray], scene: Scene) -> None:
            words = f"{_described(task)}  after {self._steps}"
            reels[index].add(pictures, words, f"return {scene.total:g}")
            if scene.ended:
                reels[index].hold()

        result = self._result(task, make_camera, sink)
        first, *others = reels.values()
        for other in others:
            first.recording.extend(other.recording)
        first.recording.write(path)
        return FilmOfTask(task.name, _described(task), _returns(result), path)

    def live(self, tasks: list[Task]) -> None:
        """One task after the other in the terminal."""
        from rich.console import Console

        from l2rl.cli.watching import live_view

        lines: list[str] = []
        with live_view(Console()) as view:
            for task in tasks:
                result = self._watch(task, view)
                lines.append(f"{task.name}: return {_returns(result)}")
        for line in lines:
            print(line)

    def _watch(self, task: Task, view: LiveView) -> EvaluationResult:
        """One task; of several environments the first is shown."""
        from l2rl.film.camera import Camera, live_speed, natural_fps

        def make_camera(env: VecEnv, index: int) -> Camera:
            fps, speed = self.fps or natural_fps(env), self.speed or live_speed(env)
            camera = Camera(env, index, fps=fps, speed=speed, size=view.size, panel=False)
            if index == 0:
                view.pace = camera.pace
            return camera

        def sink(index: int, pictures: list[np.ndarray], scene: Scene) -> None:
            place = f"episode {scene.episode + 1}  return {scene.total:g}"
            lines = [f"{_described(task)}   {place}", scene.caption, self._about]
            for picture in pictures if index == 0 else []:
                view.show(picture, lines)

        return self._result(task, make_camera, sink)

    def _result(
        self, task: Task, make_camera: Callable[[VecEnv, int], Camera], sink: Sink
    ) -> EvaluationResult:
        from l2rl.replaying import show_task

        return show_task(
            self.restored,
            task,
            make_camera,
            sink,
            episodes=self.episodes,
            stochastic=self.stochastic,
        )

    @property
    def _steps(self) -> str:
        return f"{self.restored.checkpoint.env_steps:,} env steps"

    @property
    def _about(self) -> str:
        settings = self.restored.loaded.config.evaluation
        best = settings.deterministic and not self.stochastic
        how = "its best action each time" if best else "actions sampled from its policy"
        number = self.restored.checkpoint.number
        return f"The agent after {self._steps} (checkpoint {number}), {how}."


def _described(task: Task) -> str:
    variant = "" if task.variant == "default" else f", {task.variant}"
    same = task.name == task.env
    return f"{task.env}{variant}" if same else f"{task.name} ({task.env}{variant})"


def _returns(result: EvaluationResult) -> str:
    """`23`, or `21.5 (20, 23)` for several episodes."""
    each = ", ".join(f"{value:g}" for value in result.returns)
    return each if len(result.returns) == 1 else f"{result.returns.mean():g} ({each})"


def file_name(task: str, taken: list[str]) -> str:
    """A file's name from a task's, unlike those taken."""
    plain = re.sub(r"[^0-9A-Za-z_.+=-]+", "-", task).strip("-.") or "task"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name
