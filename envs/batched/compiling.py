"""How the simulation is compiled: numba, one thread, no fastmath, results cached on disk.

Only the entry points are cached, under a key of our own. numba's key has what a function closes
over, but among that other compiled functions are called something else in every process, so that
nothing would ever be found again; and it has nothing of the functions in other files that an entry
point calls, so that yesterday's code would go on being run. Ours has a digest of all sources in
this folder and in the suite's own, and what the entry point was made for.

Machine code that two processes have compiled for two games may meet in a third, where the linker
takes functions of one name for one function. So a function that closes over values has them in its
name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numba
from numba import types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic as _intrinsic

F = TypeVar("F", bound=Callable[..., Any])
_INNER: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
"""Without the wrappers that Python would call through: half of the compile time."""


def inner(function: F) -> F:
    """Compile a function that only compiled functions call."""
    values = [cell.cell_contents for cell in function.__closure__ or ()]
    return cast(F, _once(numba.njit(**_INNER)(_named(function, values))))


def _named(function: F, values: Iterable[object]) -> F:
    """The function with values in its name."""
    words = [str(value) for value in values if isinstance(value, int)]
    function.__qualname__ = "_".join([function.__qualname__, *words])
    return function


def hot(function: F) -> F:
    """The same for what runs for every unit in every loop: pasted into its callers, because a
    call costs as much as its work. Larger machine code, so for few functions."""
    return cast(F, _once(numba.njit(**_INNER, forceinline=True)(function)))


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of compiled code that is written in LLVM's own instructions."""
    return cast(Callable[..., Any], _intrinsic(function))


def _once(dispatcher: Any) -> Any:
    """Compile the function once for all whole numbers: numba would do it for each constant that it
    is called with, and for each width. Floats keep theirs, on which results depend."""
    template = dispatcher.get_call_template

    def widened(args: Any, kws: Any) -> Any:
        return template([_wide(arg) for arg in args], {k: _wide(v) for k, v in kws.items()})

    dispatcher.get_call_template = widened
    return dispatcher


def _wide(kind: Any) -> Any:
    """int64 for a signed whole number, and the type of a constant for the constant."""
    unliteral: Any = types.unliteral
    plain: Any = unliteral(kind)
    return types.int64 if plain in types.signed_domain else plain


class _Cache(FunctionCache):
    """numba's cache on disk, with `made_for` and the sources' digest as its key."""

    folder: Path
    made_for: tuple[Hashable, ...]

    @classmethod
    def of(
        cls, function: Callable[..., Any], folder: Path, made_for: tuple[Hashable, ...]
    ) -> _Cache:
        """The cache of one entry point of the suite in a folder."""
        one = cls(function)
        one.folder, one.made_for = folder, made_for
        return one

    def _index_key(self, signature: Any, codegen: Any) -> tuple[Hashable, ...]:
        sources = source_digest(Path(__file__).parent), source_digest(self.folder)
        return signature, codegen.magic_tuple(), *sources, self.made_for


class Entry(Protocol):
    """What a suite compiles its entry points with."""

    def __call__(self, *made_for: Hashable) -> Callable[[F], F]: ...


def entry_of(folder: Path) -> Entry:
    """`entry(*made_for)` for the suite whose sources are in a folder.

    It compiles a function that Python calls and keeps the machine code on disk. `made_for` is
    everything that the function closes over and that differs from one use to another.
    """

    def entry(*made_for: Hashable) -> Callable[[F], F]:
        def compiled(function: F) -> F:
            _named(function, made_for)
            dispatcher: Any = numba.njit(error_model="numpy")(function)
            dispatcher._cache = _Cache.of(function, folder, made_for)
            return cast(F, dispatcher)

        return compiled

    return entry


@cache
def source_digest(folder: Path) -> int:
    """A 60-bit digest of every source file and table in a folder."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.py"), *folder.glob("*.csv")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:8], "little") >> 4
