"""Closed forms that the studies stand beside."""
