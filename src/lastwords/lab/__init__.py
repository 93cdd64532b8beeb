"""A kernel in a virtual machine: crash it and record what it says."""
