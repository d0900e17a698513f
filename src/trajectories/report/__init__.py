"""Tables as text, the coloured passage, and the few numbers that `make repro` prints."""
