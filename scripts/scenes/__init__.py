"""Road scenes whose truth is known: moving boxes as a detector would report them. For tests and scripts/bench only."""
