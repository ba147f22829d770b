"""The contenders of the benchmark of nets do the same work. No time is asserted."""

from __future__ import annotations

from tests.benchmarks.running import printed


def test_the_articles_program_and_ours_record_the_same_curves():
    differences = printed("nets", "print(json.dumps({name: nets.same_curves(name, 30) for name in nets.NETS}))")
    assert set(differences) == {"sigmoid", "relu"}
    assert max(differences.values()) < 1e-12


def test_every_contender_is_timed_and_every_target_has_its_pair():
    code = """
race = nets.step_race("relu", rounds=1, steps=16)
targets = list(nets.net_targets("relu", race))
print(json.dumps([list(race.seconds), [target.limit for target in targets]]))
"""
    contenders, limits = printed("nets", code)
    assert len(contenders) == 8
    assert limits == [1.6, 3.0, 1.2, 1.2]


def test_the_chain_has_the_edges_it_is_asked_for():
    edges, slope = printed("nets", "graph = nets.chain(40)\nprint(json.dumps([graph.edges, float(graph.gradient())]))")
    assert edges == 40
    assert abs(slope - 0.999**40) < 1e-12
