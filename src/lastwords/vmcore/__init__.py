"""Memory dumps of a crashed kernel: formats, symbols, and the state read from them. drgn objects stay in here."""
