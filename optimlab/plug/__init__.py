"""Plugs: rules and averages inside SciPy and scikit-learn."""
