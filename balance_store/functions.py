"""Pure. Names of the functions on the server: they carry the version, so that two can be there at once.

A daemon calls the functions of its own version; the next version is loaded beside them while daemons are
replaced one by one, and the last one is retired when nobody calls it any more (docs/STORE_MODES.md).
"""

# Raised with every change of lua/chargeline.lua, there too.
FUNCTIONS_VERSION = 5
LIBRARY_PREFIX = "chargeline"
LIBRARY = f"{LIBRARY_PREFIX}{FUNCTIONS_VERSION}"


def function_name(action: str, version: int = FUNCTIONS_VERSION) -> str:
    """What a function of a version is called: `cl5_commit`."""
    return f"cl{version}_{action}"


COMMIT, CLOSE, LOAD, CLAIM, CREATE, SWAP_DIRECTORY, VERSION = map(
    function_name, ("commit", "close", "load", "claim", "create", "swap_directory", "version")
)
