"""Surfaces to descend: frozen values with gradients, starts, and all that is known about their critical points."""
