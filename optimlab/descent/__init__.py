"""Descents: the one loop over a problem and an optimizer, what it records, and a check of gradients."""
