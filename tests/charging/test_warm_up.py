"""Nothing is compiled after the warm-up: a process of its own warms up, charges, and counts what it compiled."""

import subprocess
import sys

SCRIPT = """
from charging.warm_up import warm_up
from numba.core.dispatcher import Dispatcher
import gc

warm_up()
def compiled():
    # Compiled counts each signature once; those of kernels that only others call are inside their callers.
    return {d.py_func.__qualname__: len(d.signatures) for d in gc.get_objects() if isinstance(d, Dispatcher)}

before = compiled()
from tests.rating_kernels.sample_world import call, sample_world
world = sample_world()
world.charge(call(1, "a", 60))
world.cache.collect()
world.charge(call(2, "a", 60))
for name, signatures in compiled().items():
    if name in before and before[name]:
        assert signatures == before[name], (name, signatures)
"""


def test_charging_compiles_nothing_that_was_warm():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
