"""Pure. Kernels compiled without Python's negative indexes: what counts from the end would be a fault here.

Numba makes each access ask whether its index is below zero, which was a third of an event. Indexes of kernels
are offsets, so they are handed to an access as unsigned; with NUMBA_BOUNDSCHECK a negative one is then
reported like one beyond the end. The way to add a pass is Numba's documented one for custom compilers.
"""

from typing import Any

from numba.core import ir, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.typed_passes import NoPythonSupportedFeatureValidation

ARRAY, INDEX = 0, 1


@register_pass(mutates_CFG=False, analysis_only=False)
class IndexesCountFromTheStart(FunctionPass):
    """After types are known: every access of an array by whole numbers takes them as unsigned."""

    _name = "indexes_count_from_the_start"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Lowering casts arguments to the types of the access's signature, so those are all that changes."""
        changed = False
        for access, signature in list(state.calltypes.items()):
            if not _is_access(access) or not isinstance(signature.args[ARRAY], types.Array):
                continue
            unsigned = _unsigned(signature.args[INDEX])
            if unsigned is not None:
                arguments = (signature.args[ARRAY], unsigned, *signature.args[INDEX + 1 :])
                del state.calltypes[access]  # it takes no second value
                state.calltypes[access] = signature.replace(args=arguments)
                changed = True
        return changed


class KernelCompiler(CompilerBase):
    """Numba's own compiler and the pass above."""

    def define_pipelines(self) -> list[Any]:
        """One pipeline: kernels fall back to nothing."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(IndexesCountFromTheStart, NoPythonSupportedFeatureValidation)
        passes.finalize()
        return [passes]


def _is_access(statement: Any) -> bool:
    return isinstance(statement, ir.SetItem) or (isinstance(statement, ir.Expr) and statement.op == "getitem")


def _unsigned(index: Any) -> Any:
    """The type of an index of one or more whole numbers, unsigned; None for slices and the like."""
    if isinstance(index, types.Integer):
        return types.uint64
    if isinstance(index, types.UniTuple | types.Tuple) and all(
        isinstance(one, types.Integer) for one in index.types
    ):
        return types.UniTuple(types.uint64, len(index.types))
    return None
