"""The parameters of the real game's tasks: what of the embedded games' works, and supervision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ..batched.parameters import Parameter, integer, nearest_name, number
from ..minigames.catalogue import find_game, task_values
from .supervision import Supervision

OURS = frozenset(
    {
        "actions",
        "screen_size",
        "hide_specific_actions",
        "observation",
        "plane_size",
        "step_mul",
        "limit_s",
        "reward_scale",
        "action_remap",
        "observation_rotation",
        "observation_angle",
        "observation_mirror",
        "fog",
        "camera",
        "drift",
    }
)
"""Parameters that are a matter of how the game is played and seen, not of the map."""
DRIFTS = frozenset({"over_env_steps", "reward_scale", "observation_angle"})
"""What may drift for the same reason."""

_PATIENCE = Supervision()
SUPERVISION: Mapping[str, Parameter] = {
    "call_timeout_s": Parameter(
        _PATIENCE.call_timeout_s, "seconds an answer may take: 0.1 to 3600", number(0.1, 3600)
    ),
    "launch_timeout_s": Parameter(
        _PATIENCE.launch_timeout_s,
        "seconds starting the game or a map may take: 1 to 3600",
        number(1, 3600),
    ),
    "recycle_after_episodes": Parameter(
        _PATIENCE.recycle_after_episodes,
        "episodes after which a process is replaced; 0: never",
        integer(0, 10**9),
    ),
    "attempts": Parameter(
        _PATIENCE.attempts, "how often one step or one launch is tried: 1 to 100", integer(1, 100)
    ),
    "restarts": Parameter(
        _PATIENCE.restarts, "failures before the run stops: 0 to 1000000", integer(0, 10**6)
    ),
}
"""What only the real game needs."""


def parameters_of(task: str) -> dict[str, Parameter]:
    """Every parameter that a task of the real game has."""
    game = find_game(task).parameters
    return {**{name: game[name] for name in game if name in OURS}, **SUPERVISION}


def variants_of(task: str) -> dict[str, Mapping[str, Any]]:
    """The embedded game's named variants that the real game can play."""
    possible = {}
    for name, parameters in find_game(task).variants.items():
        try:
            game_values(task, parameters)
        except ValueError:
            continue
        possible[name] = parameters
    return possible


def game_values(task: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the embedded game with its checked value.

    Raises `ValueError` for what the map fixes, besides what `task_values` raises.
    """
    given = {name: value for name, value in parameters.items() if name not in SUPERVISION}
    known = find_game(task).parameters
    for name in given:
        if name not in known:
            ours = parameters_of(task)
            raise ValueError(
                f"starcraft2/{task} has no parameter {name!r}{nearest_name(name, ours)}; it has "
                f"{', '.join(ours)}"
            )
    values = task_values(task, given)
    for refuse in (_fixed_by_the_map, _drifting, _not_in_pictures):
        reason = refuse(task, values)
        if reason is not None:
            raise ValueError(f"starcraft2/{task}: {reason}")
    return values


def _fixed_by_the_map(task: str, values: Mapping[str, Any]) -> str | None:
    known = find_game(task).parameters
    for name, value in values.items():
        default = known[name].default
        if name not in OURS and value != default:
            return (
                f"{name} = {value!r} is not possible, since the map fixes it ({default}); only "
                "the embedded game (backend: embedded) can change it"
            )
    limit, longest = values["limit_s"], known["limit_s"].default
    if limit > longest:
        return f"limit_s = {limit:g} is not possible, since the map ends after {longest:g} s"
    return None


def _drifting(task: str, values: Mapping[str, Any]) -> str | None:
    moving = sorted(set(values["drift"] or ()) - DRIFTS)
    if not moving:
        return None
    return (
        f"{', '.join(moving)} cannot drift, since the map fixes it; what can: "
        f"{', '.join(sorted(DRIFTS - {'over_env_steps'}))}"
    )


def _not_in_pictures(task: str, values: Mapping[str, Any]) -> str | None:
    """What cannot be done to pictures that the game itself has painted."""
    if values["observation"] != "features":
        return None
    if values["observation_angle"] or "observation_angle" in (values["drift"] or ()):
        return "observation_angle is not possible with features: pictures are turned by 90 degrees"
    if values["fog"] and not find_game(task).parameters["fog"].default:
        return "fog = True is not possible with features: the map is in plain sight"
    return None


def supervision_of(task: str, parameters: Mapping[str, Any]) -> Supervision:
    """How patient to be. Raises `ValueError` for a value out of range."""
    chosen = asdict(_PATIENCE)
    for field in fields(Supervision):
        if field.name in parameters:
            value = parameters[field.name]
            try:
                chosen[field.name] = SUPERVISION[field.name].check(value)
            except ValueError as error:
                raise ValueError(
                    f"starcraft2/{task}: {field.name} = {value!r} is not possible; it must be "
                    f"{error}"
                ) from None
    return Supervision(**chosen)
