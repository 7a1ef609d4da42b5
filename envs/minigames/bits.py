"""Questions put to all units of a side at once, answered as bits. Compiled to vector instructions.

Which units live, move or are near changes from loop to loop and from game to game, so a branch for
every unit is guessed wrong time and again, and that costs more than the answer. Here sixteen
units are asked in one go: bit j of an int64 is the answer of unit j, and only those whose bit is
set are visited, in the order of their places. LLVM has to be told so: it makes no such code
of a loop by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils as _untyped

from .compiling import hot, intrinsic
from .state import IDLE, NO_TARGET, Record
from .units import ROACH

cgutils: Any = _untyped
LANES = 16
"""Units asked at once."""
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTS = ir.VectorType(ir.IntType(32), LANES)
_ANSWER, _WORD = ir.IntType(LANES), ir.IntType(64)
_INFINITY_BITS = 0x7F800000


class _Ask:
    """What the intrinsics below are written with: a builder of LLVM's instructions."""

    def __init__(self, builder: Any, signature: Any, values: Any) -> None:
        self.builder = builder
        self.record_type, self.values = signature.args[0], values

    def row(self, name: str) -> Any:
        """`LANES` numbers of a field of units, (2, CAPACITY) or (CAPACITY,) of the one side that
        has it, from place `first` of a side."""
        record, side, first = self.values[:3]
        field = self.record_type.typeof(name)
        size = field.dtype.bitwidth // 8
        kind: Any = ir.FloatType() if field.dtype == types.float32 else ir.IntType(8 * size)
        build = self.builder
        place = first
        if len(field.shape) == 2:
            place = build.add(build.mul(side, side.type(field.shape[1])), first)
        offset = build.add(
            build.mul(place, place.type(size)), place.type(self.record_type.offset(name))
        )
        vector = ir.VectorType(kind, LANES)
        pointer = cgutils.pointer_add(build, record, offset, vector.as_pointer())
        return build.load(pointer, align=size)

    def spread(self, value: Any) -> Any:
        """One number in every lane."""
        vector = ir.VectorType(value.type, LANES)
        one = self.builder.insert_element(
            ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0)
        )
        mask = ir.Constant(_INTS, [0] * LANES)
        return self.builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)

    def positive(self, name: str) -> Any:
        """Whether a field is above 0, a bit a lane."""
        return self.builder.fcmp_ordered(">", self.row(name), ir.Constant(_FLOATS, [0.0] * LANES))

    def differs(self, name: str, value: int) -> Any:
        """Whether a field of whole numbers has another value."""
        row = self.row(name)
        return self.builder.icmp_signed("!=", row, ir.Constant(row.type, [value] * LANES))

    def squares(self, x: Any, y: Any) -> Any:
        """Squared distances from a point, float32 throughout."""
        build = self.builder
        dx = build.fsub(self.row("x"), self.spread(x))
        dy = build.fsub(self.row("y"), self.spread(y))
        return build.fadd(build.fmul(dx, dx), build.fmul(dy, dy))

    def absolute(self, row: Any) -> Any:
        """Numbers without their sign."""
        positive = self.builder.fcmp_ordered(">=", row, ir.Constant(_FLOATS, [0.0] * LANES))
        return self.builder.select(positive, row, self.builder.fneg(row))

    def bits(self, answer: Any) -> Any:
        """The answers as an int64."""
        return self.builder.zext(self.builder.bitcast(answer, _ANSWER), _WORD)


_PLACE = (types.int64, types.int64)
_POINT = (types.float32, types.float32)


def _asks(ask: Callable[[_Ask], Any], *more: Any) -> Any:
    """An intrinsic (game, side, first, *more) -> int64 from what it builds."""

    def typed(context: Any, game: Any, side: Any, first: Any, *rest: Any) -> Any:
        def codegen(_: Any, builder: Any, signature: Any, values: Any) -> Any:
            return ask(_Ask(builder, signature, values))

        return types.int64(game, *_PLACE, *more), codegen

    return typed


@intrinsic
def alive_block(context: Any, game: Any, side: Any, first: Any) -> Any:
    """Units with health left."""
    return _asks(lambda ask: ask.bits(ask.positive("health")))(context, game, side, first)


@intrinsic
def moved_block(context: Any, game: Any, side: Any, first: Any) -> Any:
    """Units that have moved, and live."""

    def moved(ask: _Ask) -> Any:
        both = ask.builder.and_(ask.differs("moved", 0), ask.positive("health"))
        return ask.bits(both)

    return _asks(moved)(context, game, side, first)


@intrinsic
def busy_block(context: Any, game: Any, side: Any, first: Any) -> Any:
    """Units that have an order, or a target, or are not ready to shoot."""

    def busy(ask: _Ask) -> Any:
        engaged = ask.builder.or_(ask.differs("order", IDLE), ask.differs("target", NO_TARGET))
        return ask.bits(ask.builder.or_(engaged, ask.positive("cooldown")))

    return _asks(busy)(context, game, side, first)


@intrinsic
def near_block(
    context: Any, game: Any, side: Any, first: Any, x: Any, y: Any, small: Any, large: Any
) -> Any:
    """Living units whose squared distance from (x, y) is below `small`, or for roaches, the only
    large units, `large`; all in float32."""

    def near(ask: _Ask) -> Any:
        x, y, small, large = ask.values[3:]
        roach = ask.builder.not_(ask.differs("kind", ROACH))
        reach = ask.builder.select(roach, ask.spread(large), ask.spread(small))
        close = ask.builder.fcmp_ordered("<", ask.squares(x, y), reach)
        return ask.bits(ask.builder.and_(close, ask.positive("health")))

    return _asks(near, *_POINT, *_POINT)(context, game, side, first)


@intrinsic
def sees_block(context: Any, game: Any, side: Any, first: Any, x: Any, y: Any, square: Any) -> Any:
    """Units whose squared distance from (x, y) is `square` at most, in float32."""

    def sees(ask: _Ask) -> Any:
        x, y, square = ask.values[3:]
        return ask.bits(ask.builder.fcmp_ordered("<=", ask.squares(x, y), ask.spread(square)))

    return _asks(sees, *_POINT, types.float32)(context, game, side, first)


@intrinsic
def inside_block(context: Any, game: Any, side: Any, first: Any, x: Any, y: Any, reach: Any) -> Any:
    """Units at most `reach` from (x, y) along either axis, in float32."""

    def inside(ask: _Ask) -> Any:
        x, y, reach = ask.values[3:]
        build = ask.builder
        across = build.fsub(ask.row("x"), ask.spread(x))
        along = build.fsub(ask.row("y"), ask.spread(y))
        wide = build.fcmp_ordered("<=", ask.absolute(across), ask.spread(reach))
        high = build.fcmp_ordered("<=", ask.absolute(along), ask.spread(reach))
        return ask.bits(build.and_(wide, high))

    return _asks(inside, *_POINT, types.float32)(context, game, side, first)


@intrinsic
def visible_block(context: Any, game: Any, side: Any, first: Any) -> Any:
    """Hostile units that were seen when the own side last looked around."""
    return _asks(lambda ask: ask.bits(ask.differs("visible", 0)))(context, game, side, first)


@intrinsic
def nearest_block(context: Any, game: Any, side: Any, first: Any, x: Any, y: Any, bits: Any) -> Any:
    """Of the units in `bits` the nearest to (x, y): its squared distance's own 32 bits above its
    place. Whole numbers of that kind are in the order of the distances, then of the places."""

    def nearest(ask: _Ask) -> Any:
        build = ask.builder
        x, y, bits = ask.values[3:]
        asked = build.bitcast(build.trunc(bits, _ANSWER), ir.VectorType(ir.IntType(1), LANES))
        far = ir.Constant(_INTS, [_INFINITY_BITS] * LANES)
        squares = build.select(asked, build.bitcast(ask.squares(x, y), _INTS), far)
        reduce = cgutils.get_or_insert_function(
            build.module,
            ir.FunctionType(ir.IntType(32), [_INTS]),
            f"llvm.vector.reduce.smin.v{LANES}i32",
        )
        least = build.call(reduce, [squares])
        at = build.cttz(
            ask.bits(build.icmp_signed("==", squares, ask.spread(least))), ir.IntType(1)(0)
        )
        high = build.shl(build.zext(least, _WORD), _WORD(32))
        return build.or_(high, build.add(at, ask.values[2]))

    return _asks(nearest, *_POINT, types.int64)(context, game, side, first)


@intrinsic
def lowest(context: Any, bits: Any) -> Any:
    """Place of the lowest bit set."""

    def codegen(_: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.IntType(1)(0))

    return types.int64(types.int64), codegen


@intrinsic
def highest(context: Any, bits: Any) -> Any:
    """Place of the highest bit set, of a number above 0."""

    def codegen(_: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.sub(_WORD(63), builder.ctlz(values[0], ir.IntType(1)(0)))

    return types.int64(types.int64), codegen


@intrinsic
def count_bits(context: Any, bits: Any) -> Any:
    """How many bits are set."""

    def codegen(_: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ctpop(values[0])

    return types.int64(types.int64), codegen


@hot
def below(places: int) -> int:
    """The first `places` bits."""
    return -1 if places >= 64 else (1 << places) - 1


@hot
def above(j: int) -> int:
    """All bits after bit j."""
    return -(2 << j)


@hot
def living(game: Record, side: int) -> int:
    """The units of a side with health left."""
    bits = 0
    for first in range(0, game.places[side], LANES):
        bits |= alive_block(game, side, first) << first
    return bits & below(game.places[side])


@hot
def in_motion(game: Record, side: int) -> int:
    """The living units of a side that have moved since units were last kept apart."""
    bits = 0
    for first in range(0, game.places[side], LANES):
        bits |= moved_block(game, side, first) << first
    return bits & below(game.places[side])


@hot
def busy(game: Record, side: int) -> int:
    """The units of a side that have an order or a target, or are not ready to shoot."""
    bits = 0
    for first in range(0, game.places[side], LANES):
        bits |= busy_block(game, side, first) << first
    return bits & below(game.places[side])


@hot
def near(
    game: Record, side: int, x: np.float32, y: np.float32, small: np.float32, large: np.float32
) -> int:
    """The living units of a side whose squared distance from (x, y) is below `small`, for roaches
    below `large`."""
    bits = 0
    for first in range(0, game.places[side], LANES):
        bits |= near_block(game, side, first, x, y, small, large) << first
    return bits & below(game.places[side])


@hot
def nearest(game: Record, side: int, x: np.float32, y: np.float32, bits: int) -> int:
    """Of the units in `bits`, not none, the place of the nearest to (x, y); of two the first."""
    best = nearest_block(game, side, 0, x, y, bits)
    for first in range(LANES, game.places[side], LANES):
        best = min(best, nearest_block(game, side, first, x, y, bits >> first))
    place: int = best & 63
    return place


@hot
def sees(game: Record, side: int, x: np.float32, y: np.float32, reach: np.float32) -> int:
    """The units of a side no further than `reach` from (x, y)."""
    bits = 0
    for first in range(0, game.places[side], LANES):
        bits |= sees_block(game, side, first, x, y, reach * reach) << first
    return bits


@hot
def inside(game: Record, side: int, x: np.float32, y: np.float32, reach: np.float32) -> int:
    """The units of a side in the square around (x, y) that reaches so far along either axis."""
    bits = 0
    for first in range(0, game.places[side], LANES):
        bits |= inside_block(game, side, first, x, y, reach) << first
    return bits


@hot
def visible(game: Record, side: int) -> int:
    """The units of the hostile side that were seen when the own side last looked around."""
    bits = 0
    for first in range(0, game.places[side], LANES):
        bits |= visible_block(game, side, first) << first
    return bits
