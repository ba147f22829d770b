"""Small faults put into the code one at a time, to see whether a test notices: ``python tests/mutation.py optimlab/hooks``.

A fault is another comparison, another operation, ``and`` for ``or``, a lost ``not`` or minus, another number. No file
is changed: each fault lives in a process of its own. Prints what survived, and how many of how many died.
"""

import argparse
import ast
import importlib.machinery
import multiprocessing
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy  # noqa: F401  what each child needs, imported once
import pytest

ROOT = Path(__file__).parents[1]
SECONDS = 600  # a run that takes longer hangs: noticed
TESTS = {  # what is run for a file: that of the longest path that it lies in
    "optimlab": ["tests/test_optimizer.py", "tests/test_checkpoint.py", "tests/test_replicas.py", "tests/hooks"],
    "optimlab/checkpoint.py": ["tests/test_checkpoint.py"],
    "optimlab/descent": ["tests/descent"],
    "optimlab/engine": ["tests/engine", "tests/test_optimizer.py", "tests/test_replicas.py"],
    "optimlab/hooks": ["tests/hooks", "tests/test_replicas.py"],
    "optimlab/recurrence": ["tests/recurrence", "tests/series"],
    "optimlab/rules": ["tests/rules", "tests/engine", "tests/test_optimizer.py"],
    "optimlab/schedules": ["tests/schedules"],
    "optimlab/series": ["tests/series"],
}
PAIRS = "Lt LtE, Gt GtE, Eq NotEq, Is IsNot, In NotIn, Add Sub, Mult Div, BitAnd BitOr, And Or"
SWAPS = {getattr(ast, a): getattr(ast, b) for pair in PAIRS.split(", ") for a, b in (pair.split(), pair.split()[::-1])}
SWAPS |= {ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult}
SKIPPED = (ast.JoinedStr, ast.Raise)  # messages are for people


class Faults(ast.NodeVisitor):
    """Find the places of all faults, and make that of a number."""

    def __init__(self, number=-1):
        self.number, self.found = number, []

    def here(self, node, what):
        self.found.append(f"{node.lineno}:{node.col_offset} {what}")
        return len(self.found) - 1 == self.number

    def visit(self, node):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            if self.here(node, type(node.ops[0]).__name__):
                node.ops[0] = SWAPS[type(node.ops[0])]()
        elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in SWAPS:
            if self.here(node, type(node.op).__name__):
                node.op = SWAPS[type(node.op)]()
        elif isinstance(node, ast.UnaryOp) and self.here(node, type(node.op).__name__):  # twice is not at all
            node.operand = ast.UnaryOp(node.op, node.operand)
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            if self.here(node, repr(node.value)):
                node.value = not node.value if isinstance(node.value, bool) else node.value + 1
        for name, held in ast.iter_fields(node):
            for part in held if isinstance(held, list) else [held]:
                if isinstance(part, ast.AST) and not isinstance(part, SKIPPED) and name not in ("annotation", "returns"):
                    self.visit(part)


class Faulty(importlib.machinery.SourceFileLoader):
    """Load a module with one fault; find it before anybody else does."""

    def __init__(self, path, number):
        super().__init__(".".join(Path(path).with_suffix("").parts).removesuffix(".__init__"), str(ROOT / path))
        self.number = number

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.PathFinder.find_spec(name, path) and self.spec() if name == self.name else None

    def spec(self):
        return importlib.util.spec_from_file_location(self.name, self.path, loader=self)

    def get_code(self, name):
        tree = ast.parse(Path(self.path).read_text(encoding="utf-8"))
        Faults(self.number).visit(tree)
        return compile(ast.fix_missing_locations(tree), self.path, "exec")


def survives(job):
    """Run the tests on a fault, in a process of its own; whether none of them failed."""
    path, number, tests, options = job
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.alarm(SECONDS)
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp()
        sys.meta_path.insert(0, Faulty(path, number))
        status = 1
        try:
            status = int(pytest.main(["-x", "-q", "-o", "addopts=--import-mode=importlib", *options, *tests]))
        finally:
            os._exit(status)
    return path, number, os.waitpid(child, 0)[1] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", help="files or folders of optimlab")
    parser.add_argument("--sample", type=int, help="as many faults, drawn with seed 0 (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments, options = parser.parse_known_args()
    files = sorted(p for path in arguments.paths for p in ([Path(path)] if path.endswith(".py") else Path(path).rglob("*.py")))
    places, jobs = {}, []
    for file in files:
        faults = Faults()
        faults.visit(ast.parse(file.read_text(encoding="utf-8")))
        tests = TESTS[max((key for key in TESTS if str(file).startswith(key)), key=len)]
        jobs += [(str(file), number, tests, options) for number in range(len(faults.found))]
        places |= {(str(file), number): place for number, place in enumerate(faults.found)}
    jobs = random.Random(0).sample(jobs, min(arguments.sample or len(jobs), len(jobs)))
    counts = Counter()
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
        for path, number, alive in pool.imap_unordered(survives, jobs):
            counts[alive] += 1
            if alive:
                print(f"{path}:{places[path, number]}", flush=True)
    print(f"{counts[False]} of {len(jobs)} died")


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    main()
