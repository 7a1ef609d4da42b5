"""The README's examples run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from l2rl import running
from l2rl.config import load_experiment

README = (Path(__file__).parents[1] / "README.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    return str(found)


def test_the_experiment_is_ten_lines_and_the_component_works_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(block("yaml").splitlines()) <= 11
    (tmp_path / "mine.yaml").write_text(block("yaml"))
    (tmp_path / "readme_component.py").write_text(block("python"))
    monkeypatch.syspath_prepend(str(tmp_path))
    shorter = [f"curriculum.blocks.{i}.env_steps=320" for i in range(2)]
    loaded = load_experiment(
        tmp_path / "mine.yaml",
        [
            *shorter,
            "agent.components.pull={type: 'readme_component:PullToStart'}",
            "evaluation.episodes=1",
            "logging.interval_env_steps=100",
        ],
    )
    run = running.start(loaded, root=tmp_path)
    from l2rl.runs.log_views import scalars
    from l2rl.runs.tidy_log import read_log

    pulled = scalars(read_log(run.log_path))["terms/pull/pull"].values
    assert pulled[-1] > 0, "the penalty must be felt once parameters have moved"
