"""Plugs: the rules inside other systems, as ``method=`` of SciPy's minimize."""
