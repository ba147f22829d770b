"""Small faults put into the code one at a time, to see whether a test notices: ``python tests/mutation.py optimlab/hooks``.

A fault is another comparison or operation, ``and`` for ``or``, a ``not`` or minus too few, another number; each lives in
a process of its own. Prints what survived. Options that it does not know go to pytest.
"""  # noqa: E501

import argparse
import ast
import os
import random
import signal
import sys
import tempfile
from importlib import machinery, util
from multiprocessing import get_context
from pathlib import Path

import pytest

WHOLE = ["tests/test_optimizer.py", "tests/test_replicas.py", "tests/checkpoint", "tests/hooks"]
MORE = {"engine": WHOLE, "rules": ["tests/engine", *WHOLE[:1]], "hooks": WHOLE[:2], "recurrence": ["tests/series"]}
PAIRS = "Lt LtE, Gt GtE, Eq NotEq, Is IsNot, In NotIn, Add Sub, Mult Div, BitAnd BitOr, And Or"
SWAPS = {getattr(ast, a): getattr(ast, b) for pair in PAIRS.split(", ") for a, b in (pair.split(), pair.split()[::-1])}
SWAPS |= {ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult}


class Faults(ast.NodeVisitor):
    """List the places of all faults, and make the one of a number."""

    def __init__(self, tree, number=-1):
        self.number, self.found = number, []
        self.visit(tree)

    def here(self, node, what):
        self.found.append(f"{node.lineno}:{node.col_offset} {what}")
        return len(self.found) - 1 == self.number

    def visit(self, node):
        swapped = node.ops if isinstance(node, ast.Compare) else [getattr(node, "op", None)]
        number = isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float))
        if type(swapped[0]) in SWAPS and self.here(node, type(swapped[0]).__name__):
            node.op = SWAPS[type(swapped[0])]()
            node.ops = [node.op, *swapped[1:]]
        elif isinstance(node, ast.UnaryOp) and self.here(node, type(node.op).__name__):  # twice is not at all
            node.operand = ast.UnaryOp(node.op, node.operand)
        elif number and self.here(node, repr(node.value)):
            node.value = not node.value if isinstance(node.value, bool) else node.value + 1
        for name, held in ast.iter_fields(node):
            for part in held if isinstance(held, list) else [held]:
                seen = isinstance(part, ast.AST) and name not in ("annotation", "returns")
                if seen and not isinstance(part, (ast.JoinedStr, ast.Raise)) and getattr(part, "arg", "") != "strict":
                    self.visit(part)  # messages are for people, and zip is strict to be safe


class Faulty(machinery.SourceFileLoader):
    """Find one module before anybody else does, and load it with a fault."""

    def find_spec(self, name, path=None, target=None):
        return util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, name):
        tree = ast.parse(Path(self.path).read_bytes())
        Faults(tree, self.number)
        return compile(ast.fix_missing_locations(tree), self.path, "exec")


def tests_of(file):
    """Return the tests of a file: those named after it, then those of its room, then more."""
    room = file.parts[1].removesuffix(".py")
    own = Path("tests", room) if Path("tests", room).is_dir() else Path("tests", f"test_{room}.py")
    more = map(Path, MORE.get(room, [] if own.is_dir() else WHOLE))  # pytest sorts the files of a folder
    found = dict.fromkeys([own / f"test_{file.stem}.py", *(sorted(own.rglob("test_*.py")) or [own]), *more])
    return [str(path) for path in found if path.exists()]


def survives(job):
    """Whether all tests pass with a fault, in a process of its own."""
    file, number, _, options = job
    if (child := os.fork()) == 0:
        signal.alarm(600)  # what hangs is noticed
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os.environ |= {"NUMBA_CACHE_DIR": tempfile.mkdtemp()} if file.stem in ("step", "compiled") else {}
        sys.meta_path.insert(0, Faulty(".".join(file.with_suffix("").parts).removesuffix(".__init__"), str(file)))
        sys.meta_path[0].number = number
        try:
            status = pytest.main(["-xq", "-o", "addopts=--import-mode=importlib", *options, *tests_of(file)])
        finally:
            os._exit(int(status))
    return job, os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="files or folders of optimlab")
    parser.add_argument("--sample", type=int, default=10**9, help="how many faults, drawn at random (default: all)")
    arguments, options = parser.parse_known_args()
    sys.path.insert(0, os.getcwd())
    files = sorted(file for path in arguments.paths for file in ([path] if path.is_file() else path.rglob("*.py")))
    jobs = [(f, *fault, options) for f in files for fault in enumerate(Faults(ast.parse(f.read_bytes())).found)]
    jobs = random.Random(0).sample(jobs, min(arguments.sample, len(jobs)))
    if not survives((files[0], -1, "no fault", options))[1]:
        raise SystemExit("the tests must pass without a fault first")
    with get_context("fork").Pool() as pool:
        alive = [job for job, lives in pool.imap_unordered(survives, jobs) if lives and not print(job[0], job[2])]
    print(f"{len(jobs) - len(alive)} of {len(jobs)} died")
