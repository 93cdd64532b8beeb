"""Pure decoders: a line or a value of a crash report in, what it means out."""
