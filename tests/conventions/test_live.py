"""Each convention in lock-step with the released rule, where that is installed: a run of random hyperparameters.

``python -m optimlab atlas`` makes more runs.
"""

import pytest

from optimlab.lab.atlas import PAIRS
from optimlab.lab.atlas.lockstep import lock_step


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "seed"), [("float64", 1), ("float32", 2)])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.filterwarnings("ignore")  # of the other system's
def test_lock_step(pair, dtype, seed):
    pytest.importorskip(pair.other.module, exc_type=ImportError)
    if dtype not in pair.dtypes:
        pytest.skip("schedules are numbers of float64")
    assert lock_step(pair, seed, dtype=dtype) <= pair.bar_in(dtype)
