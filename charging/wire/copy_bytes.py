"""Pure. Bytes from one array to another, by the machine's own copy: a loop over them was two fifths of a record."""

from typing import Any

from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from rating_kernels.kernel import standing_kernel
from rating_kernels.tariff_table import Bytes


def _copy(_: Any, out: Any, at: Any, source: Any, first: Any, length: Any) -> Any:
    """The compiled form: a call of memcpy; the arrays are two."""
    signature = types.void(out, at, source, first, length)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, origin = (
            context.make_array(signature.args[place])(context, builder, arguments[place]).data
            for place in (0, 2)
        )
        to, of = builder.gep(target, [arguments[1]]), builder.gep(origin, [arguments[3]])
        copy: Any = cgutils.raw_memcpy
        copy(builder, to, of, arguments[4], 1)
        return context.get_dummy_value()

    return signature, generate


def _copied(out: Bytes, at: int, source: Bytes, first: int, length: int) -> None:
    """The same, where nothing is compiled."""
    out[at : at + length] = source[first : first + length]


_copy_bytes: Any = _copied if getattr(config, "DISABLE_JIT", 0) else intrinsic(_copy)


@standing_kernel
def put_bytes(out: Bytes, at: int, source: Bytes, first: int, length: int) -> int:
    """Copy bytes from one array to another; returns the next place."""
    if length > 0:
        # An access that NUMBA_BOUNDSCHECK sees; the copy itself asks nobody.
        out[at + length - 1] = source[first + length - 1]
        _copy_bytes(out, at, source, first, length)
    return at + length
