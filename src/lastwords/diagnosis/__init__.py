"""Facts of a crash -> what happened: one rule, one function."""
