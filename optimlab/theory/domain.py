"""Checks of what closed forms are given."""

from __future__ import annotations

__all__ = []
