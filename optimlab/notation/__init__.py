"""Notation: formulas as symbols, and as mathematics."""
