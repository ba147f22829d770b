"""The explorer: one HTML file, without network or library, that computes what Python computes, bit by bit."""

from optimlab.lab.explorer.build import build

__all__ = ["build"]
