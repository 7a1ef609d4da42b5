"""The explored map a row at a time: marking it, and asking for what is dark. Compiled.

As in `bits.py`, whole rows are handled by vector instructions, since what a marine uncovers has a
different outline in every step.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils as _untyped

from .compiling import intrinsic
from .state import EXPLORED

cgutils: Any = _untyped
CELL = 2.0
"""Width and height of a cell of the explored map, map units."""
SPAN = 16
"""Cells of a row that `uncover` handles: more than any unit sees across."""
_BYTE, _INT, _WORD = ir.IntType(8), ir.IntType(32), ir.IntType(64)


def _cells(builder: Any, game_type: Any, game: Any, row: Any, column: Any, count: int) -> Any:
    """A pointer to `count` cells of a row."""
    place = builder.add(builder.mul(row, row.type(EXPLORED)), column)
    offset = builder.add(place, place.type(game_type.offset("explored")))
    kind = ir.VectorType(_BYTE, count).as_pointer()
    return cgutils.pointer_add(builder, game, offset, kind)


def _spread(builder: Any, value: Any) -> Any:
    """One number in every lane of a span."""
    vector = ir.VectorType(value.type, SPAN)
    nothing = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(nothing, value, _INT(0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_INT, SPAN), [0] * SPAN))


@intrinsic
def dark_cells(context: Any, game: Any, row: Any) -> Any:
    """The cells of a row that have not been seen, bit c of an int64 for column c."""

    def codegen(_: Any, builder: Any, signature: Any, values: Any) -> Any:
        game, row = values
        pointer = _cells(builder, signature.args[0], game, row, row.type(0), EXPLORED)
        cells = builder.load(pointer, align=1)
        dark = builder.icmp_unsigned("==", cells, ir.Constant(cells.type, [0] * EXPLORED))
        return builder.zext(builder.bitcast(dark, ir.IntType(EXPLORED)), _WORD)

    return types.int64(game, types.int64), codegen


@intrinsic
def uncover(context: Any, game: Any, row: Any, first: Any, x: Any, rise: Any, square: Any) -> Any:
    """Mark those of `SPAN` cells of a row, from column `first`, whose centres are seen from x:
    squared distance along the row plus `rise`, the one across it, at most `square`; float64."""

    def codegen(builder_context: Any, builder: Any, signature: Any, values: Any) -> Any:
        game, row, first, x, rise, square = values
        pointer = _cells(builder, signature.args[0], game, row, first, SPAN)
        doubles = ir.VectorType(ir.DoubleType(), SPAN)
        from_first = ir.Constant(doubles, [(lane + 0.5) * CELL for lane in range(SPAN)])
        start = builder.fmul(builder.sitofp(first, ir.DoubleType()), ir.DoubleType()(CELL))
        across = builder.fsub(
            builder.fadd(from_first, _spread(builder, start)), _spread(builder, x)
        )
        squares = builder.fadd(builder.fmul(across, across), _spread(builder, rise))
        seen = builder.fcmp_ordered("<=", squares, _spread(builder, square))
        cells = builder.load(pointer, align=1)
        builder.store(builder.or_(cells, builder.zext(seen, cells.type)), pointer, align=1)
        return builder_context.get_dummy_value()

    numbers = (types.int64, types.int64, types.float64, types.float64, types.float64)
    return types.void(game, *numbers), codegen
