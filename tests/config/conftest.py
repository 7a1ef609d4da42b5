"""Files and installed distributions that exist only for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = """\
experiment: quickstart
seed: 0
agent:
  learner: dqn
  policy: MlpPolicy
  network: {layers: [64, 64], activation: relu}
  settings: {learning_rate: 1.0e-3, buffer_size: 50000}
  n_envs: 16
  components:
    ewc: {type: "config_fakes:Penalty", strength: 100}
    config_fakes:Detector: {}
curriculum:
  visibility: labels
  tasks:
    beacon: {env: minigames/MoveToBeacon, variant: default, parameters: {size: 32}}
    shards: minigames/CollectMineralShards
  blocks:
    - {learn: beacon, env_steps: 100_000}
    - {learn: shards, env_steps: 5e4}
    - evaluate: all
    - {evaluate: [beacon]}
    - {sleep: 500}
  repeat: 2
evaluation: {interval_env_steps: 20000, episodes: 20, tasks: all}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a file into a working directory of its own."""
    monkeypatch.chdir(tmp_path)

    def write_file(content: str | bytes, name: str = "exp.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a distribution that importlib.metadata finds: its entry points and its modules."""

    def install_distribution(name: str, entry_points: str, **modules: str) -> None:
        site = tmp_path / f"site-{name}"
        info = site / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(entry_points)
        for module, text in modules.items():
            (site / f"{module}.py").write_text(text)
        monkeypatch.syspath_prepend(str(site))

    return install_distribution
