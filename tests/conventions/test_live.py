"""Each convention in lock-step with the released rule, where that is installed."""

import pytest

from optimlab.lab.atlas import PAIRS
from optimlab.lab.atlas.lockstep import worst


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.filterwarnings("ignore")  # of the other system's
def test_lock_step(pair, dtype):
    pytest.importorskip(pair.other.module, exc_type=ImportError)
    if dtype not in pair.dtypes:
        pytest.skip("schedules are numbers of float64")
    assert worst(pair, dtype=dtype) <= pair.bar_in(dtype)
