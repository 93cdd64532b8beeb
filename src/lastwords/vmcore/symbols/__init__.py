"""Where a dump's symbols and types come from: debuginfo where there is some, else the dump's own memory."""
