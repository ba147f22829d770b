"""Conventions of other systems, by their own names: each function returns an Optimizer ready to step."""
