"""Shell. Integer arithmetic on arrays; says to Numba who keeps the compiled code, before any kernel is made."""

from numba import config

if not vars(config)["CACHE_LOCATOR_CLASSES"]:
    vars(config)["CACHE_LOCATOR_CLASSES"] = ",".join(
        ("rating_kernels.compiled_code.CodeLocator", "UserProvidedCacheLocator", "UserWideCacheLocator")
    )
