"""The table of rules in the benchmark of steps: which rules, and what their traffic is. No time is asserted."""

from __future__ import annotations

import pytest

from optimlab.rules import basic, family
from tests.benchmarks.running import printed

pytest.importorskip("numba")


def test_every_named_rule_is_in_the_table():
    rules = printed("traffic", "print(json.dumps(list(traffic.RULES)))")
    named = {name for rule in rules for name in [*basic.__all__, *family.__all__] if f"{name}(" in f"{rule}("}
    assert named == {*basic.__all__, *family.__all__}


def test_traffic_reads_the_gradient_and_replaces_the_other_arrays():
    code = "move = traffic.traffic(5, 2); before = [x.copy() for x in move.args]; move()"
    found = printed(
        "traffic", f"{code}; print(json.dumps([[x.tolist(), y.tolist()] for x, y in zip(before, move.args)]))"
    )
    (g, same), *others = found
    assert len(others) == 3
    assert same == g
    for x, y in others:
        assert y == pytest.approx([a - b for a, b in zip(g, x, strict=True)], rel=1e-6)
