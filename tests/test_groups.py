"""Groups by leaf name: two groups are two optimizers, under one clip; patterns, frozen leaves, rates that differ."""

import copy
import pickle

import numpy as np
import pytest

import optimlab
from optimlab import (
    ClipNorm,
    Ema,
    LearningRateDecay,
    Optimizer,
    Plateau,
    Record,
    WeightDecay,
    Weights,
    adam,
    adamw,
    cosine_decay,
    momentum,
    sgd,
)
from optimlab.trees import first_match, matching

SHAPES = {"head.weight": (3, 2), "head.bias": (2,), "body.weight": (100, 100), "body.bias": (100,)}


def numbers(seed, dtype=float):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}


def part(tree, *names):
    return {name: tree[name] for name in names}


BIAS, WEIGHT = ("head.bias", "body.bias"), ("head.weight", "body.weight")


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("average", [None, Ema(0.9, debias=True)])
@pytest.mark.parametrize(
    ("rules", "rates"),
    [
        ((sgd(), adamw()), (0.1, 0.1)),
        ((momentum(0.9), momentum(0.9)), (0.1, cosine_decay(0.2, steps=9))),
        ((adam(), momentum(lambda k: k / (k + 1))), (0.01, 0.2)),
    ],
)
def test_two_groups_are_two_optimizers(rules, rates, average, engine):
    together, apart = numbers(0), numbers(0)
    by_name = dict(zip(("*.bias", "*"), rules, strict=True))
    one = Optimizer(by_name, dict(zip(("*.bias", "*"), rates, strict=True)), average=average, engine=engine)
    two = [Optimizer(rule, rate, average=average, engine=engine) for rule, rate in zip(rules, rates, strict=True)]
    for k in range(7):
        gradients = numbers(k)
        one.step(together, gradients)
        for optimizer, names in zip(two, (BIAS, WEIGHT), strict=True):
            optimizer.step(part(apart, *names), part(gradients, *names))
    assert all(np.array_equal(together[name], apart[name]) for name in SHAPES)
    for optimizer, names in zip(two, (BIAS, WEIGHT), strict=True):
        for name in names:
            assert one.state[name].keys() == optimizer.state[name].keys()
            assert all(np.array_equal(one.state[name][slot], x) for slot, x in optimizer.state[name].items())
    if average is not None:
        with one.averaged(together), two[0].averaged(part(apart, *BIAS)), two[1].averaged(part(apart, *WEIGHT)):
            assert all(np.array_equal(together[name], apart[name]) for name in SHAPES)


def test_no_decay_of_biases_is_torch_with_two_groups_clipped_together():
    torch = pytest.importorskip("torch")
    params = numbers(0)
    tensors = {name: torch.nn.Parameter(torch.from_numpy(x.copy())) for name, x in params.items()}
    groups = [
        {"params": [tensors[name] for name in WEIGHT], "weight_decay": 0.1},
        {"params": [tensors[name] for name in BIAS], "weight_decay": 0.0},
    ]
    theirs = torch.optim.AdamW(groups, lr=0.05)
    ours = Optimizer({"*.bias": adam(), "*": adamw(weight_decay=0.1)}, 0.05, hooks=[ClipNorm(1.0)])
    for k in range(200):
        gradients = numbers(k)
        for name, x in gradients.items():
            tensors[name].grad = torch.from_numpy(x.copy())
        norm = float(np.sqrt(sum((x**2).sum() for x in gradients.values())))
        for x in tensors.values():  # clip_grad_norm_ divides by the norm + 1e-6
            x.grad.mul_(min(1.0, 1.0 / norm))
        theirs.step()
        ours.step(params, gradients)
    worst = max(float(np.abs(params[name] - tensors[name].detach().numpy()).max()) for name in SHAPES)
    assert worst < 1e-11


def test_one_norm_of_all_is_clipped():
    """Seen in the field: two optimizers clip each by its own norm."""
    params = {"a.weight": np.zeros(1), "a.bias": np.zeros(1)}
    opt = Optimizer({"*.bias": sgd(), "*": sgd() + 0.1 * Weights()}, 1.0, hooks=[ClipNorm(1.0)])
    opt.step(params, {"a.weight": np.array([3.0]), "a.bias": np.array([4.0])})
    assert params["a.weight"] == pytest.approx([-0.6])
    assert params["a.bias"] == pytest.approx([-0.8])


class TestRates:
    def test_hooks_multiply_all_of_them(self):
        params = {"a": np.zeros(1), "b": np.zeros(1)}
        record = Record()
        hooks = [LearningRateDecay(lambda k: 0.5**k), Plateau(0.5, patience=1), record]
        opt = Optimizer(sgd(), {"a": 1.0, "*": lambda k: 8.0}, hooks=hooks)
        for loss in (1.0, 1.0):
            opt.step(params, {"a": np.ones(1), "b": np.ones(1)}, loss=loss)
        assert opt.lr == {"a": 0.25, "*": 2.0}
        assert params == {"a": np.array([-1.25]), "b": np.array([-10.0])}
        assert record.frame()["lr"].tolist() == [1.0, 8.0, 0.25, 2.0]

    def test_a_hook_sets_one_for_all(self):
        class Fixed:
            def before(self, step):
                step.lr = 0.5

        params = {"a": np.zeros(1), "b": np.zeros(1)}
        opt = Optimizer(sgd(), {"a": 1.0, "*": 2.0}, hooks=[Fixed()])
        opt.step(params, {"a": np.ones(1), "b": np.ones(1)})
        assert params == {"a": np.array([-0.5]), "b": np.array([-0.5])}
        assert opt.lr == 0.5

    def test_they_are_assigned_in_mid_run(self):
        params, alone = {"a": np.zeros(2), "b": np.zeros(2)}, {"a": np.zeros(2), "b": np.zeros(2)}
        g = {"a": np.ones(2), "b": np.full(2, 3.0)}
        opt, other = Optimizer(adam(), 0.1), Optimizer(adam(), 0.1)
        opt.step(params, g), other.step(alone, g)
        opt.lr = {"b": 0.2, "*": 0.1}
        opt.step(params, g), other.step(alone, g)
        assert np.array_equal(params["a"], alone["a"])
        assert params["b"] == pytest.approx(alone["b"] - 0.1)
        opt.lr = 0.3
        assert opt.lr == 0.3
        opt.step(params, g)
        assert params["b"] == pytest.approx(alone["b"] - 0.4)

    def test_a_refused_one_changes_nothing(self):
        params = {"a": np.zeros(2)}
        opt = Optimizer(momentum(0.5), {"*": 0.1})
        opt.step(params, {"a": np.ones(2)})
        for lr, error in (({"c": 1.0, "*": 0.1}, ValueError), ({"*": -1.0}, ValueError), ({}, TypeError)):
            with pytest.raises(error, match="lr"):
                opt.lr = lr
        opt.step(params, {"a": np.ones(2)})
        assert opt.lr == {"*": 0.1}
        assert params["a"] == pytest.approx(np.full(2, -0.125))

    def test_a_hook_assigns_the_next_one_but_no_other_groups(self):
        class Assigns:
            def before(self, step):
                opt.lr = {"a": 0.5, "*": 0.25}

            def after(self, step):
                with pytest.raises(RuntimeError, match="under way"):
                    opt.lr = {"b": 9.0, "*": 9.0}

        params = {"a": np.zeros(1), "b": np.zeros(1)}
        opt = Optimizer(sgd(), {"a": 1.0, "*": 1.0}, hooks=[Assigns()])
        for expected in ([-1.0, -1.0], [-1.5, -1.25]):
            opt.step(params, {"a": np.ones(1), "b": np.ones(1)})
            assert list(params.values()) == expected

    def test_replicas_have_one_each(self):
        params = {"a": np.zeros((2, 1)), "b": np.zeros((2, 1))}
        opt = Optimizer(sgd(), {"a": [1.0, 2.0], "*": 4.0}, replicas=2)
        opt.step(params, {"a": np.ones((2, 1)), "b": np.ones((2, 1))})
        assert params["a"].tolist() == [[-1.0], [-2.0]]
        assert params["b"].tolist() == [[-4.0], [-4.0]]


class TestFrozen:
    def test_nothing_of_them_moves_whatever_their_gradient(self):
        params, before = numbers(0), numbers(0)
        hooks = [ClipNorm(1.0), WeightDecay(0.1)]
        opt = Optimizer({"body.*": None, "*": adam()}, 0.1, average=Ema(0.5), hooks=hooks)
        rest = Optimizer(adam(), 0.1, hooks=[ClipNorm(1.0), WeightDecay(0.1)])
        alone = part(numbers(0), "head.weight", "head.bias")
        for k in range(3):
            gradients = numbers(k)
            gradients["body.bias"] = None
            gradients["body.weight"][:] = np.nan
            opt.step(params, gradients)
            rest.step(alone, part(gradients, "head.weight", "head.bias"))
        assert all(np.array_equal(params[name], before[name]) for name in ("body.weight", "body.bias"))
        assert all(np.array_equal(params[name], alone[name]) for name in alone)
        assert opt.state["body.weight"] == {}
        with opt.averaged(params):
            assert np.array_equal(params["body.weight"], before["body.weight"])
            assert not np.array_equal(params["head.bias"], alone["head.bias"])

    def test_their_gradients_may_be_left_out(self):
        params = numbers(0)
        opt = Optimizer({"body.*": None, "*": adam()}, 0.1)
        opt.step(params, part(numbers(1), "head.weight", "head.bias"))
        with pytest.raises(ValueError, match=r"gradient 'head\.bias' is missing"):
            opt.step(params, part(numbers(1), "head.weight"))
        assert opt.t == 1

    def test_an_average_by_name(self):
        params = {"a": np.array([0.0]), "b": np.array([0.0])}
        opt = Optimizer(sgd(), 1.0, average={"a": Ema(0.5, debias=True), "*": None})
        for _ in range(2):
            opt.step(params, {"a": np.array([-3.0]), "b": np.array([-3.0])})
        with opt.averaged(params):
            assert (params["a"], params["b"]) == (5.0, 6.0)


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "means", "not_"),
        [
            ("*", ["a", "a.b", "", "a\nb"], []),
            ("*.bias", ["a.bias", "a.b.bias"], ["bias", "a.bias.x"]),
            ("layers[0].W", ["layers[0].W"], ["layers0.W"]),
            ("layers.?.W", ["layers.1.W"], ["layers.10.W"]),
            (r"a\*", ["a*"], ["ab"]),
            (r"a\?b", ["a?b"], ["acb"]),
            (r"a\\*", ["a\\", "a\\b"], ["a*"]),
            (r"a\b", [r"a\b"], ["ab"]),
            ("a+(b)", ["a+(b)"], ["aab"]),
        ],
    )
    def test_what_they_mean(self, pattern, means, not_):
        assert [name for name in (*means, *not_) if matching(pattern)(name)] == means

    def test_the_first_match_wins(self):
        assert first_match("rule", ("a*", "*"), ("ab", "b")) == (0, 1)

    @pytest.mark.parametrize(
        ("patterns", "message"),
        [
            (("a", "c", "*"), r"rule: pattern 'c' is none of a, b; take it out"),
            (("*", "b"), r"rule: pattern 'b' comes after one that means 'b', too; the first match wins: put it before"),
            (("a",), r"""rule says nothing of leaf 'b'; end it with a pattern "\*" for all others"""),
        ],
    )
    def test_each_must_win_and_each_leaf_must_have_one(self, patterns, message):
        params = {"a": np.ones(1), "b": np.ones(1)}
        opt = Optimizer(dict.fromkeys(patterns, sgd()), 0.1)
        with pytest.raises(ValueError, match=message):
            opt.step(params, params)
        assert params == {"a": 1.0, "b": 1.0}

    def test_the_remedies(self):
        params = {"a": np.ones(1), "b": np.ones(1)}
        for rule in ({"a": sgd(), "*": sgd()}, {"b": sgd(), "*": sgd()}, {"a": sgd(), "b": sgd()}):
            Optimizer(rule, 0.1).step(params, {"a": np.zeros(1), "b": np.zeros(1)})

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Optimizer({}, 0.1), "rule by name must be a dict with patterns as keys"),
            (lambda: Optimizer({1: sgd()}, 0.1), "rule by name must be a dict with patterns as keys"),
            (
                lambda: Optimizer({"*": adam}, 0.1),
                r"rule\['\*'\] must be a Rule such as adam\(\); .* did you mean adam\(\)",
            ),
            (lambda: Optimizer(None, 0.1), r"rule must be a Rule such as adam\(\); got None"),
            (lambda: Optimizer(sgd(), {"*": "a"}), r"lr\['\*'\] must be greater than 0"),
            (lambda: Optimizer(sgd(), 0.1, average={"*": sgd()}), r"average\['\*'\] must be a rule with a method read"),
        ],
    )
    def test_what_is_none_is_refused_by_its_name(self, make, message):
        with pytest.raises(TypeError, match=message):
            make()


def test_brackets_are_no_pattern():
    """Seen in the field: ``only="layers[0].W"`` named no leaf."""
    params = {"layers[0].W": np.ones(1), "layers[0].b": np.ones(1)}
    zeros = {name: np.zeros(1) for name in params}
    Optimizer(sgd(), 0.5, hooks=[WeightDecay(1.0, only="layers[0].W")]).step(params, zeros)
    assert params == {"layers[0].W": np.array([0.5]), "layers[0].b": np.array([1.0])}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_groups_travel(copied):
    params = numbers(0)
    opt = Optimizer(
        {"*.bias": sgd(), "body*": None, "*": adam()}, {"head*": 0.1, "*": 0.2}, average={"*.bias": None, "*": Ema(0.9)}
    )
    opt.step(params, numbers(1))
    other = copied(opt)
    again = {name: x.copy() for name, x in params.items()}
    opt.step(params, numbers(2)), other.step(again, numbers(2))
    assert all(np.array_equal(params[name], again[name]) for name in SHAPES)
    assert repr(other) == repr(opt)
    assert (
        eval(repr(opt), dict(vars(optimlab)) | {name: getattr(optimlab, name) for name in optimlab.__all__}).rule
        == opt.rule
    )
