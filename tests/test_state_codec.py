"""State comes back exactly, and nothing else is ever loaded."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from l2rl.checkpoint import CheckpointStore, damage
from l2rl.state_codec import StateError, decode, encode, read_state, write_state
from tests.support.runs import differences

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text().filter(lambda k: k[:1] != "$"), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back_exactly(value: Any) -> None:
    tree, tensors = encode(value)
    assert differences(value, decode(tree, tensors)) == []


def test_arrays_and_tensors_of_every_type_come_back(tmp_path: Path) -> None:
    state = {
        "arrays": {
            name: np.arange(6).reshape(2, 3).astype(name)
            for name in ("bool", "uint8", "int8", "uint16", "int32", "uint32", "int64", "uint64",
                         "float16", "float32", "float64")
        },
        "edge": np.array([0, 2**64 - 1], dtype=np.uint64),
        "nan": np.array([np.nan, -0.0, np.inf]),
        "empty": np.zeros((0, 4), np.float32),
        "scalar": np.array(3.5),
        "strided": np.arange(10)[::2],
        "tensors": [torch.randn(3, 2), torch.tensor(4.0), torch.arange(3) > 1],
        "optimizer": {0: {"step": torch.tensor(1.0)}, 1: {}},
        "generator": np.random.default_rng(0).bit_generator.state,
    }  # fmt: skip
    write_state(state, tmp_path)
    assert differences(state, read_state(tmp_path)) == []


def test_a_view_does_not_drag_its_storage_along(tmp_path: Path) -> None:
    write_state({"x": torch.zeros(1_000_000)[:10]}, tmp_path)
    assert (tmp_path / "tensors.pt").stat().st_size < 10_000


@pytest.mark.parametrize("value", [object(), {1: 2, "a": 3}, np.array(["text"]), {"$array": 1}])
def test_what_cannot_be_stored_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(StateError, match=r"state\.deep"):
        encode({"deep": value})


class Malicious:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("/tmp/l2rl-was-executed"),))


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    write_state({"x": torch.zeros(1)}, tmp_path)
    (tmp_path / "tensors.pt").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(StateError):
        read_state(tmp_path)
    assert not Path("/tmp/l2rl-was-executed").exists()


# ---- checkpoints ---------------------------------------------------------------------------


def test_checkpoints_are_thinned_but_every_nth_stays(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep_last=2, keep_every=3)
    for i in range(8):
        store.write({"i": i}, env_steps=i * 10)
    assert [c.number for c in store.all()] == [0, 3, 6, 7]
    state, checkpoint = store.newest(lambda path, why: None)  # type: ignore[misc]
    assert state == {"i": 7}
    assert checkpoint.env_steps == 70


@pytest.mark.parametrize("name", ["state.json", "tensors.pt", "manifest.json"])
@pytest.mark.parametrize("harm", ["truncate", "flip", "remove"])
def test_every_kind_of_damage_is_noticed(name: str, harm: str, tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.write({"x": torch.arange(100), "y": 1}, 1)
    store.write({"x": torch.arange(100), "y": 2}, 2)
    file = store.all()[-1].path / name
    content = bytearray(file.read_bytes())
    if harm == "remove":
        file.unlink()
    elif harm == "truncate":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    passed_over: list[Path] = []
    found = store.newest(lambda path, why: passed_over.append(path))
    if name == "manifest.json" and harm == "flip" and not passed_over:
        pytest.fail("a changed manifest must not be believed")
    assert found is not None
    assert found[0]["y"] == 1
    assert damage(store.all()[-1].path) is not None


def test_an_interrupted_write_leaves_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CheckpointStore(tmp_path)
    store.write({"x": 1}, 1)

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        store.write({"x": 2}, 2)
    assert [c.number for c in store.all()] == [0]
    assert list(tmp_path.glob("*.unfinished")) == []
