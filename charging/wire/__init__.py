"""Pure. Kernels between the broker's bytes and columns: no event and no record is an object on the way."""
