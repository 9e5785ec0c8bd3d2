"""Pure. How kernels are compiled, and what lets them look ahead.

Without counted references: a kernel allocates nothing, and counting every array that is passed on cost half
of an event. Into their caller: a call passes seven words for each array, more than most kernels work.
"""

from typing import Any

from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from rating_kernels.kernel_compilers import BatchCompiler, RareCompiler
from rating_kernels.plain_indexes import KernelCompiler
from rating_kernels.tariff_table import Ints

# A kernel that others call; one that is entered from Python or called from many places; one that few events
# need, which would stand in the way of the others; the one that decides a batch.
_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "_nrt": False,
    "pipeline_class": KernelCompiler,
}
kernel = njit(**_OPTIONS, forceinline=True)
# Said of each: what is not said is taken over from whichever kernel is the first to call it.
_APART = _OPTIONS | {"forceinline": False}
standing_kernel = njit(**_APART)
rare_kernel = njit(**_APART | {"pipeline_class": RareCompiler})
batch_kernel = njit(**_APART | {"pipeline_class": BatchCompiler})

# Into the second cache: far more lines can be on their way there than to the first, and from there it is near.
FOR_READING, KEEP_IN_SECOND_CACHE, DATA = 0, 2, 1


def _prefetch(_: Any, words: Any, at: Any) -> Any:
    """The compiled form of `prefetch`: LLVM's own instruction, which never faults, whatever the address."""
    signature = types.void(words, at)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        pointer = builder.bitcast(builder.gep(array.data, [arguments[1]]), cgutils.voidptr_t)
        flag = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, flag, flag, flag]),
            "llvm.prefetch.p0i8",
        )
        builder.call(function, [pointer, flag(FOR_READING), flag(KEEP_IN_SECOND_CACHE), flag(DATA)])
        return context.get_dummy_value()

    return signature, generate


def _looked_up(words: Ints, at: int) -> None:
    """Nothing: what is not compiled has no use for a cache line."""


def _seldom(_: Any, condition: Any) -> Any:
    """The compiled form of `seldom`: LLVM's own hint, so that what seldom happens stands out of the way."""
    signature = condition(condition)

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        bit = ir.IntType(1)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(bit, [bit, bit]), "llvm.expect.i1"
        )
        return builder.call(function, [arguments[0], bit(0)])

    return signature, generate


def _as_it_is(condition: Any) -> Any:
    """What is not compiled takes no hint."""
    return condition


seldom: Any = _as_it_is if getattr(config, "DISABLE_JIT", 0) else intrinsic(_seldom)
prefetch: Any = _looked_up if getattr(config, "DISABLE_JIT", 0) else intrinsic(_prefetch)
