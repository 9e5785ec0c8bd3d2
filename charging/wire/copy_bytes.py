"""Pure. Bytes from one array to another, a fixed width at a time: most of what a record consists of is shorter.

A loop over bytes was two fifths of a record, and asking the machine's own copy for a dozen of them a third of it.
"""

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes

# Copied at once: two registers' worth of the smaller machines, one of the others.
WIDE = 32


def _pointers(context: Any, builder: Any, signature: Any, arguments: Any) -> tuple[Any, Any]:
    """Where to copy to and from: arrays and places are the first four arguments."""
    target, origin = (
        context.make_array(signature.args[place])(context, builder, arguments[place]).data for place in (0, 2)
    )
    return builder.gep(target, [arguments[1]]), builder.gep(origin, [arguments[3]])


def _copy(_: Any, out: Any, at: Any, source: Any, first: Any, length: Any) -> Any:
    """The compiled form: a call of memcpy; the arrays are two."""
    signature = types.void(out, at, source, first, length)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, of = _pointers(context, builder, signature, arguments)
        copy: Any = cgutils.raw_memcpy
        copy(builder, to, of, arguments[4], 1)
        return context.get_dummy_value()

    return signature, generate


def _copy_a_width(_: Any, out: Any, at: Any, source: Any, first: Any) -> Any:
    """The compiled form: one load and one store."""
    signature = types.void(out, at, source, first)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.VectorType(ir.IntType(8), WIDE).as_pointer()  # type: ignore[no-untyped-call]
        to, of = _pointers(context, builder, signature, arguments)
        value = builder.load(builder.bitcast(of, wide), align=1)
        builder.store(value, builder.bitcast(to, wide), align=1)
        return context.get_dummy_value()

    return signature, generate


def _copied(out: Bytes, at: int, source: Bytes, first: int, length: int = WIDE) -> None:
    """The same, where nothing is compiled."""
    out[at : at + length] = source[first : first + length]


_copy_bytes: Any = _copied if getattr(config, "DISABLE_JIT", 0) else intrinsic(_copy)
_copy_wide: Any = _copied if getattr(config, "DISABLE_JIT", 0) else intrinsic(_copy_a_width)


@kernel
def put_bytes(out: Bytes, at: int, source: Bytes, first: int, length: int) -> int:
    """Copy bytes from one array to another; returns the next place.

    What stands in `out` behind them may be overwritten: it is written from the front to the back.
    """
    if length > 0:
        # An access that NUMBA_BOUNDSCHECK sees; the copy itself asks nobody.
        out[at + length - 1] = source[first + length - 1]
        if at + length + WIDE <= len(out) and first + length + WIDE <= len(source):
            for done in range(0, length, WIDE):
                _copy_wide(out, at + done, source, first + done)
        else:
            _copy_bytes(out, at, source, first, length)
    return at + length
