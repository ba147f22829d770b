"""A rule elsewhere: as text that stands alone, as a class of torch, as a transformation of optax; and its state."""

from __future__ import annotations

from optimlab.export.classes import optax, torch
from optimlab.export.state import load_optax_state, load_torch_state, optax_state, torch_state

__all__ = ["load_optax_state", "load_torch_state", "optax", "optax_state", "torch", "torch_state"]
