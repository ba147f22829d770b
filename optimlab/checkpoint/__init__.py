"""Checkpoints of an optimizer: a header and arrays; taken, in one file, compared with an optimizer, put back."""
