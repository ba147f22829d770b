"""Settings of all tests, and of the examples in the library: those of packages that are not installed are left out."""

from importlib.util import find_spec

NEEDS = {"torch": ["torch_calls", "to_torch", "classes", "state"], "optax": ["to_optax", "classes", "state"]}
collect_ignore = [
    f"optimlab/export/{name}.py" for peer, names in NEEDS.items() for name in names if not find_spec(peer)
]
