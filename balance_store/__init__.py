"""Pure. State in, versioned commits, answers out: one function changes a shard, and nothing else does."""
