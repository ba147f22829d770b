"""Settings of all tests, and of the examples in the library: those of packages that are not installed are left out."""

from importlib.util import find_spec

NEEDS = {"torch": ["torch_*", "to_torch", "classes", "state"], "optax": ["to_optax", "classes", "state"]}
collect_ignore_glob = [f"*/export/{name}.py" for peer in NEEDS if not find_spec(peer) for name in NEEDS[peer]]
