"""Conventions of other systems, by their own names: each function returns an Optimizer ready to step.

Arguments have the system's names, order and defaults; one of a wrong kind is a TypeError, one outside its range a
ValueError, and both say it by the system's name.
"""
