"""Settings of all tests, and of the examples in the library: those of packages that are not installed are left out."""

from importlib.util import find_spec

BOTH = ["export/classes", "export/state", "contestants/foreign", "contestants/reading"]
NEEDS = {
    "torch": ["export/torch_*", "export/to_torch", "contestants/with_torch", *BOTH],
    "distributed": ["series/cluster"],
    "optax": ["export/to_optax", "contestants/with_optax", *BOTH],
}
collect_ignore_glob = [f"*/{name}.py" for peer in NEEDS if not find_spec(peer) for name in NEEDS[peer]]
