"""Machine code on disk is that of the sources as they are: the suite's own and the shared ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from l2rl.envs.arm.kernel import build as build_arm
from l2rl.envs.batched import compiling
from l2rl.envs.minigames.kernel import build as build_game


@pytest.mark.parametrize("name", ["kernel.py", "table.csv"])
def test_a_source_that_changes_changes_the_digest(name: str, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("x = 1\n")
    (tmp_path / name).write_text("y = 1\n")
    before = compiling.source_digest.__wrapped__(tmp_path)
    assert before == compiling.source_digest.__wrapped__(tmp_path)
    (tmp_path / name).write_text("y = 2\n")
    assert before != compiling.source_digest.__wrapped__(tmp_path)


def keys(monkeypatch: pytest.MonkeyPatch, changed: str) -> list[object]:
    """What the arm's and a game's machine code is found by, after a change in one folder."""

    def digest(folder: Path) -> int:
        return int(folder.name == changed)

    monkeypatch.setattr(compiling, "source_digest", digest)
    caches = [build_arm()._cache, build_game(0, False).compiled[0]._cache]  # type: ignore[attr-defined]

    class Codegen:
        def magic_tuple(self) -> tuple[()]:
            return ()

    return [cache._index_key((), Codegen()) for cache in caches]


def test_each_suite_is_compiled_anew_for_its_own_sources_and_for_the_shared_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arm, game = keys(monkeypatch, "nothing")
    for changed, whose in (("arm", (True, False)), ("minigames", (False, True))):
        now = keys(monkeypatch, changed)
        assert (now[0] != arm, now[1] != game) == whose
    now = keys(monkeypatch, "batched")
    assert now[0] != arm
    assert now[1] != game
