"""Whatever is thrown at the loader, only `UserError` comes out."""

from __future__ import annotations

from typing import Any

import pytest
from config_fakes import GOOD
from hypothesis import given, settings
from hypothesis import strategies as st

from l2rl.config import dump, load_experiment, load_text
from l2rl.config.document import parse
from l2rl.errors import UserError

LINES = GOOD.splitlines(keepends=True)
KEYS = sorted({line.split(":")[0].strip() for line in LINES} | {"type", "start_from", "<<"})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["ppo", "dqn", "all", "ewc", "config_fakes:Penalty", "../x", "auto_"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def only_user_errors(text: str | bytes, overrides: tuple[str, ...] = ()) -> None:
    try:
        loaded = load_text(text, overrides)
    except UserError:
        return
    assert load_text(loaded.text).text == loaded.text


@settings(max_examples=200, deadline=None)
@given(st.text() | st.binary())
def test_garbage(text: str | bytes) -> None:
    only_user_errors(text)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab:-? {}[],&*!|>'\"%@\n\t#<0.~", max_size=40))
def test_yaml_like_garbage(text: str) -> None:
    only_user_errors(text)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_any_mapping(mapping: dict[str, Any]) -> None:
    only_user_errors(dump(mapping))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_good_experiment_with_one_value_replaced(data: st.DataObject) -> None:
    document = parse(GOOD, "f").plain()
    spot: Any = document
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        below = spot[key]
        if not isinstance(below, dict | list) or not below or data.draw(st.booleans()):
            break
        spot = below
    spot[key] = data.draw(VALUES)
    only_user_errors(dump(document))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(KEYS) | st.text(max_size=4), max_size=5), VALUES)
def test_any_override(keys: list[str], value: Any) -> None:
    only_user_errors(GOOD, (f"{'.'.join(keys)}={dump(value)}",))


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_dumped_values_are_read_back(value: Any) -> None:
    """Unless the parser refuses them: other readings than the writer's must not exist."""
    try:
        again = parse(dump({"value": value}), "f").plain()
    except UserError:
        return
    assert repr(again["value"]) == repr(value)


AWKWARD = [
    "x" * 5000,
    "/" + "x" * 5000 + ".yaml",
    "/",
    "~nobody/x",
    "a\0b",
    "a\0b.yaml",
    "",
    ".",
    "..",
]


@pytest.mark.parametrize("path", AWKWARD)
def test_paths_that_no_file_can_have(path: str) -> None:
    with pytest.raises(UserError):
        load_experiment(path)
    for key in ("agent.start_from", "curriculum"):
        with pytest.raises(UserError):
            load_text(GOOD, [f"{key}={dump(path)}"])
