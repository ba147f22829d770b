"""The chance of noise: exactly SciPy's for one attempt, never too small when nothing is there, and with what power."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from optimlab.lab.frame import wilson_interval
from optimlab.lab.statistics.chance import flips, seeds_needed, settled_chance, stopped_chances

LEVEL = 0.05


def one(d):
    return np.asarray(d, dtype=np.float64)[..., None, None]


@pytest.mark.parametrize("n", [3, 6, 12])
def test_one_attempt_each_is_wilcoxon_s_test(n):
    rng = np.random.default_rng(n)
    for d in rng.normal(0.4, 1.0, (20, n)):
        assert settled_chance(one(d), (1, 1), flips(n)) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)
    for d in rng.integers(-2, 4, (20, n) if n < 9 else (0, n)):  # ties and zeros
        if d.any():
            expected = stats.wilcoxon(d, method=stats.PermutationMethod(n_resamples=np.inf)).pvalue
            assert settled_chance(one(d), (1, 1), flips(n)) == pytest.approx(expected)


def test_many_seeds_are_flipped_at_random():
    d = np.random.default_rng(0).normal(0.35, 1.0, 40)
    expected = stats.wilcoxon(d, method="exact").pvalue
    found = settled_chance(one(d), (1, 1), flips(40, 0))
    assert found == pytest.approx(expected, abs=4 * 2 * np.sqrt(expected / 2 / 20_000))
    assert settled_chance(one(np.ones(40)), (1, 1), flips(40, 0)) == pytest.approx(2 / 20_000)  # never 0


def test_flips_are_all_ways_or_drawn_with_the_one_without():
    assert flips(3).shape == (8, 3)
    assert len(np.unique(flips(14), axis=0)) == 2**14
    drawn = flips(15, 0)
    assert drawn.shape == (20_000, 15)
    assert (drawn[0] == 1).all()
    assert set(drawn.ravel()) == {-1.0, 1.0}
    assert abs(drawn[1:].mean()) < 0.01
    assert flips(1000, 0).shape == (4000, 1000)


def test_attempts_that_only_their_number_tells_of_cost_the_union_bound():
    d = one(np.random.default_rng(1).normal(1.0, 1.0, 12))
    alone = settled_chance(d, (1, 1), flips(12))
    assert settled_chance(d, (7, 1), flips(12)) == pytest.approx(7 * alone)
    assert settled_chance(d, (1, 7), flips(12)) == pytest.approx(alone)  # the winner pays
    assert settled_chance(-d, (1, 7), flips(12)) == pytest.approx(7 * alone)


def test_attempts_in_the_file_are_flipped_together():
    """By brute force: the largest sum of signed ranks over the attempts, over all flips of whole seeds."""
    n, a = 8, 3
    d = np.random.default_rng(2).normal(0.8, 1.0, (n, a, 1))
    ranks = np.sign(d[:, :, 0]) * stats.rankdata(np.abs(d[:, :, 0]), axis=0)
    null = [max(np.array(s) @ ranks) for s in product([1, -1], repeat=n)]
    expected = 2 * np.mean(np.array(null) >= max(ranks.sum(axis=0)))
    assert settled_chance(d, (a, 1), flips(n)) == pytest.approx(min(1.0, expected))
    assert settled_chance(np.repeat(d[:, :1], 5, axis=1), (5, 1), flips(n)) == settled_chance(
        d[:, :1], (1, 1), flips(n)
    )


def test_the_winner_must_beat_each_attempt_of_the_other():
    d = np.random.default_rng(3).normal([[[2.0, 0.6]]], 0.5, (10, 1, 2))
    both, weak = (settled_chance(part, (1, 2), flips(10)) for part in (d, d[:, :, 1:]))
    assert both == pytest.approx(weak)
    assert stopped_chances(d, (1, 2))[-1] == pytest.approx(stopped_chances(d[:, :, 1:], (1, 2))[-1])


@pytest.mark.parametrize("work", [
    lambda d: settled_chance(d, (2, 1), flips(9)), lambda d: stopped_chances(d, (2, 1))[-1],
])  # fmt: skip
def test_units_do_not_matter_and_a_diverged_run_is_the_worst(work):
    d = np.random.default_rng(4).normal(0.7, 1.0, (9, 2, 1))
    assert work(1e9 * d) == work(d)
    assert work(np.where(d == d.max(), np.inf, d)) == pytest.approx(work(d))
    assert work(0 * d) == 1.0


def test_a_gambler_s_fortune_by_hand():
    d = np.array([1.0, -0.5, 2.0, 0.0, 3.0])
    scores = stats.norm.ppf((1 + np.array([0.5, 0.25, 2.5 / 3, 0.0, 3.5 / 4])) / 2)
    won = [np.prod(1 + np.tanh(shift * np.sign(d) * scores)) for shift in (0.3, 0.5, 0.8, 1.3, 2.0)]
    assert stopped_chances(one(d), (1, 1))[-1] == pytest.approx(min(1.0, 2 / np.mean(won)))


def test_a_fair_coin_leaves_the_gambler_what_he_has():
    """Over all flips of signs the mean fortune is 1 at each seed: a martingale, exactly."""
    d = np.abs(np.random.default_rng(5).normal(size=8)) * flips(8)
    from optimlab.lab.statistics import chance

    np.testing.assert_allclose(chance._money(one(d)).mean(axis=0).ravel(), 1.0, rtol=1e-12)


# ---- the error of the first kind, simulated -------------------------------------------------------------------------

DRAWS = {  # losses of nobody's favour, shape (runs, n, K + 1)
    "normal": lambda rng, s: rng.normal(size=s),
    "heavy tails": lambda rng, s: rng.standard_t(1.5, size=s),
    "skewed": lambda rng, s: rng.exponential(size=s),
    "very skewed": lambda rng, s: np.exp(2 * rng.normal(size=s)),
    "skewed down": lambda rng, s: -rng.exponential(size=s),
    "ties": lambda rng, s: rng.normal(size=s).round(),
    "coins": lambda rng, s: rng.integers(2, size=s).astype(float),
    "diverging": lambda rng, s: np.where(rng.random(s) < 0.1, np.inf, rng.normal(size=s)),
    "unequal spreads": lambda rng, s: rng.normal(size=s) * np.linspace(3.0, 0.5, s[-1]),
    "common luck": lambda rng, s: rng.normal(size=s) + 5 * rng.normal(size=(*s[:-1], 1)),
}
SEEDS, TRIES = (3, 5, 8, 12, 20, 35, 50), (1, 2, 5, 10, 20)
RUNS, FLIPS = 500, 1600


def settled(d, attempts, rng):
    """Chances with few flips, drawn anew for every 50 runs."""
    found = []
    for part in np.array_split(d, 20):
        signs = flips(d.shape[1], rng) if d.shape[1] < 9 else 2.0 * rng.integers(2, size=(FLIPS, d.shape[1])) - 1
        signs[0] = 1.0
        found.append(settled_chance(part, attempts, signs))
    return np.concatenate(found)


def each_alone(d):
    """Every attempt as if it were the only one in the file: shape (runs * K, n, 1, 1)."""
    return np.moveaxis(d, 2, 1).reshape(-1, d.shape[1], 1, 1)


def all_in_the_file(d, rng):
    return settled(d, (d.shape[2], 1), rng) <= LEVEL


def ahead(d):
    """The sums of signed ranks at each seed, shape (runs, n, K)."""
    with np.errstate(invalid="ignore"):
        return np.cumsum(np.sign(d[..., 0]) * stats.rankdata(np.abs(d[..., 0]), axis=1), axis=1)


def the_best_of_k(d, rng):
    """The best of K attempts is reported with the number K alone."""
    best = ahead(d)[:, -1].argmax(axis=1)[:, None, None, None]
    return settled(np.take_along_axis(d, best, axis=2), (d.shape[2], 1), rng) <= LEVEL


def a_look_at_each_seed(d, rng):
    return (stopped_chances(d, (d.shape[2], 1)) <= LEVEL).any(axis=1)


def the_best_of_k_at_the_best_seed(d, rng):
    """At each seed one looks at the attempt that is best then, and reports it with the number K alone if it passes."""
    chances = np.moveaxis(stopped_chances(each_alone(d), (d.shape[2], 1)).reshape(len(d), -1, d.shape[1]), 1, 2)
    best = ahead(d).argmax(axis=2)[..., None]
    return (np.take_along_axis(chances, best, axis=2) <= LEVEL).any(axis=(1, 2))


def the_best_so_far_goes_on(d, rng):
    """The best attempt of the first half of the seeds is run on the other half, and tested on all of them."""
    with np.errstate(invalid="ignore"):
        score = np.nan_to_num(np.sign(d[:, : (d.shape[1] + 1) // 2, :, 0]).sum(axis=1))
    best = np.take_along_axis(d, score.argmax(axis=1)[:, None, None, None], axis=2)
    return settled(best, (d.shape[2], 1), rng) <= LEVEL


WAYS = (all_in_the_file, the_best_of_k, a_look_at_each_seed, the_best_of_k_at_the_best_seed, the_best_so_far_goes_on)
ALL = list(product(DRAWS, SEEDS, TRIES, WAYS))
SCENARIOS = [ALL[k] for k in np.random.default_rng(15).choice(len(ALL), 200, replace=False)]


def false_alarms(law, n, tries, way, rng):
    losses = DRAWS[law](rng, (RUNS, n, tries + 1))
    with np.errstate(invalid="ignore"):
        d = np.nan_to_num(losses[:, :, -1:] - losses[:, :, :-1], posinf=np.inf, neginf=-np.inf)[..., None]
    return int(way(d, rng).sum())


@pytest.mark.slow
def test_noise_is_called_a_difference_no_more_often_than_it_may():
    """In at least 95 % of 200 scenarios the error of the first kind is at most 0.05.

    Of 500 runs at 0.05 at most 37 are false alarms with a probability of 0.99: that is the allowance.
    """
    rng = np.random.default_rng(0)
    alarms = np.array([false_alarms(*scenario, rng) for scenario in SCENARIOS])
    allowed = stats.binom.ppf(0.99, RUNS, LEVEL)
    worst = [(alarms[k], *map(str, SCENARIOS[k][:3]), SCENARIOS[k][3].__name__) for k in np.argsort(-alarms)[:12]]
    print(f"{(alarms <= allowed).sum()} within the allowance, {(alarms <= RUNS * LEVEL).sum()} at most 0.05; {worst}")
    assert (alarms <= allowed).sum() >= 190, worst
    assert (alarms <= RUNS * LEVEL).sum() >= 190, worst  # without it
    assert (alarms > 0).sum() >= 100  # most could have erred


@pytest.mark.slow
def test_without_the_corrections_it_would_be():
    """The same runs, taken for what they look like, err far more often: the simulation can tell."""
    rng = np.random.default_rng(1)
    d = one(rng.normal(size=(2000, 20)))
    peeked = np.any([settled(d[:, :n], (1, 1), rng) <= LEVEL for n in range(6, 21)], axis=0)
    assert wilson_interval(peeked)[1] > 2 * LEVEL
    losses = rng.normal(size=(RUNS, 20, 11))
    d = (losses[:, :, -1:] - losses[:, :, :-1])[..., None]
    tried = (settled(each_alone(d), (1, 1), rng).reshape(RUNS, -1) <= LEVEL).any(axis=1)
    assert wilson_interval(tried)[1] > 3 * LEVEL


@pytest.mark.slow
@pytest.mark.parametrize(("law", "shift"), [("normal", 1.0), ("normal", 2.0), ("heavy tails", 2.0), ("skewed", 1.0)])
@pytest.mark.parametrize("tries", [1, 10])
def test_the_seeds_that_are_needed_show_the_difference(law, shift, tries):
    """A power of 0.8 is promised; it is between 0.7 and 0.97, for whole seeds and an approximate formula."""
    rng = np.random.default_rng(2)
    measured = DRAWS[law](rng, (2, 60))
    n = int(seeds_needed(measured[0] - measured[1], shift, tries))
    losses = DRAWS[law](rng, (600, n, 2))
    d = losses[:, :, :1] - losses[:, :, 1:] + shift
    found = stats.wilcoxon(d[:, :, 0], axis=1, method="exact" if n < 50 else "asymptotic").pvalue
    share, low, high = wilson_interval((found * tries <= LEVEL) & (np.median(d[:, :, 0], axis=1) > 0))
    assert low < 0.97, (n, share)
    assert high > 0.7, (n, share)


def test_more_attempts_less_difference_and_more_power_need_more_seeds():
    d = np.random.default_rng(3).normal(size=30)
    n = seeds_needed(d, 0.5, 1)
    assert n < seeds_needed(d, 0.5, 9)
    assert n < seeds_needed(d, 0.25, 1)
    assert n < seeds_needed(d, 0.5, 1, power=0.95)
    assert seeds_needed(np.zeros(5), 1.0, 1) == 11.0  # by the formula, even where no seed is noisy
