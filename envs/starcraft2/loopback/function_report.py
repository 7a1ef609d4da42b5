"""The embedded games' features as the game's interface has them: images, panels, abilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from s2clientprotocol import common_pb2 as sc_common
from s2clientprotocol import sc2api_pb2 as sc_pb
from s2clientprotocol import ui_pb2 as sc_ui

from ...minigames.features import MINIMAP_LAYERS, PLAYER, SCREEN_LAYERS
from ...minigames.functions import function_table

_DEPTHS = {8: np.uint8, 32: np.int32}
Features = Mapping[str, np.ndarray]


def write_features(features: Features, observation: sc_pb.Observation) -> None:
    """Write one game's features, as `minigames.features` has them."""
    layers = observation.feature_layer_data
    for i, (name, values) in enumerate(SCREEN_LAYERS.items()):
        _write_layer(features["feature_screen"][i], values, getattr(layers.renders, name))
    for i, (name, values) in enumerate(MINIMAP_LAYERS.items()):
        image = getattr(layers.minimap_renders, name)
        _write_layer(features["feature_minimap"][i], values, image)
    for name, number in zip(PLAYER, features["player"], strict=True):
        setattr(observation.player_common, name, int(number))
    _write_panels(features, observation.ui_data)
    _write_abilities(features["available_actions"], observation)


def _write_layer(layer: np.ndarray, values: int, image: sc_common.ImageData) -> None:
    """One picture, a byte a pixel where that is enough."""
    bits = 8 if values <= 256 else 32
    image.bits_per_pixel = bits
    image.size.y, image.size.x = layer.shape
    image.data = np.ascontiguousarray(layer, _DEPTHS[bits]).tobytes()


def _write_panels(features: Features, panels: sc_ui.ObservationUI) -> None:
    """Control groups, and what is selected."""
    for number, (leader, count) in enumerate(features["control_groups"]):
        if count:
            panels.groups.add(
                control_group_index=number, leader_unit_type=int(leader), count=int(count)
            )
    single, queue = list(_rows(features["single_select"])), list(_rows(features["build_queue"]))
    if single and queue:
        _write_unit(single[0], panels.production.unit)
        for row in queue:
            _write_unit(row, panels.production.build_queue.add())
        for row in _rows(features["production_queue"]):
            item = panels.production.production_queue.add(ability_id=int(row[0]))
            item.build_progress = _share(row[1])
    elif single:
        _write_unit(single[0], panels.single.unit)
    for row in _rows(features["multi_select"]):
        _write_unit(row, panels.multi.units.add())


def _rows(table: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of a list that are in use."""
    return (row for row in table if row[0] != 0)


def _write_unit(row: np.ndarray, unit: sc_ui.UnitInfo) -> None:
    unit.unit_type, unit.player_relative = int(row[0]), int(row[1])
    unit.health, unit.shields, unit.energy = int(row[2]), int(row[3]), int(row[4])
    unit.transport_slots_taken = int(row[5])
    unit.build_progress = _share(row[6])


def _share(per_cent: int) -> float:
    """A share that comes out as the same number of whole per cent, whatever is rounded."""
    return (int(per_cent) + 0.5) / 100 if per_cent else 0.0


def _write_abilities(available: np.ndarray, observation: sc_pb.Observation) -> None:
    """The abilities behind the functions that are available, each once."""
    table = function_table()
    pairs = set()
    for number in np.flatnonzero(available):
        function = table[number]
        if function.ability_id:
            aimed = "screen" in function.arguments or "minimap" in function.arguments
            pairs.add((function.ability_id, aimed))
    for ability, aimed in sorted(pairs):
        observation.abilities.add(ability_id=ability, requires_point=aimed)
