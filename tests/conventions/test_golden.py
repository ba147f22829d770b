"""Each convention has the defaults of the released rule and goes its way, as written down in ``tests/golden``."""

import inspect

import numpy as np
import pytest

from optimlab.lab.atlas import PAIRS, difference
from optimlab.lab.atlas.lockstep import ours
from tests.golden.trajectories import SEEDS, STEPS, given, held


def exact(value):
    """What JSON has made of an argument: tuples are lists there."""
    return tuple(map(exact, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_way_of_the_released_rule(pair, seed):
    run = held(pair)["runs"][seed]
    options, stream = {name: exact(value) for name, value in run["options"].items()}, given(pair, seed)
    (path,) = ours(pair, options, stream)
    mine, theirs = path[np.array(STEPS) - 1], np.reshape(run["values"], (len(STEPS), *path.shape[1:]))
    assert difference((mine,), (theirs,), stream.start or (np.zeros(()),)) <= pair.bar


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_the_arguments_and_defaults_of_the_released_rule(pair):
    theirs = {name: exact(default) for name, default in held(pair)["parameters"].items()}
    unlisted = {"cautious"} if theirs.pop("kwargs", None) is not None else set()
    own = inspect.signature(pair.convention).parameters.values()
    mine = {p.name: () if p.default is inspect.Parameter.empty else (p.default,) for p in own}
    assert {name: default for name, default in mine.items() if name in theirs} == theirs
    assert set(mine) - set(theirs) <= {pair.other.rate, *unlisted}
