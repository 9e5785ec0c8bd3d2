"""Pure. Compilers for two special kinds of kernel: the one that is given a batch, and those that few events need."""

from typing import Any

from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import BaseNativeLowering, NativeLowering

from rating_kernels.plain_indexes import KernelCompiler


class BatchCompiler(KernelCompiler):
    """Arguments that never overlap: what was read of one need not be read again once another was written."""

    def define_pipelines(self) -> list[Any]:
        """The same passes, with a flag that Numba has but does not offer as an option."""
        self.state.flags.noalias = True
        return super().define_pipelines()


class RareLowering(Lower):
    """Marks the function for LLVM: never part of its caller, and in no way of what happens often."""

    def setup_function(self, fndesc: Any) -> None:
        """As Numba's own, and two attributes."""
        super().setup_function(fndesc)  # type: ignore[no-untyped-call]  # numba ships no types
        marks = self.function.attributes
        # Numba compiles its own functions, like `max`, as their first caller is compiled, and keeps them for all.
        if not fndesc.modname.startswith("numba."):
            marks.add("noinline")
            marks.add("cold")


@register_pass(mutates_CFG=True, analysis_only=False)  # type: ignore[no-untyped-call]
class LowerRareKernel(BaseNativeLowering):
    """Numba's lowering by the class above."""

    _name: str = "lower_rare_kernel"  # type: ignore[assignment]

    @property
    def lowering_class(self) -> type[Lower]:
        """What makes the LLVM function."""
        return RareLowering


class RareCompiler(KernelCompiler):
    """A kernel of its own, however small and however few call it."""

    def define_pipelines(self) -> list[Any]:
        """The same passes but for the one that makes the function."""
        (passes,) = super().define_pipelines()
        number = [one for one, _ in passes.passes].index(NativeLowering)
        passes.passes[number] = (LowerRareKernel, passes.passes[number][1])
        passes._finalized = False
        passes.finalize()
        return [passes]
