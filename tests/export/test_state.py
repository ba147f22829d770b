"""State moves between an Optimizer, torch and optax: 100 steps here and 100 there are 200 steps, to the last bit."""

from types import SimpleNamespace

import numpy as np
import pytest

from optimlab import EarlyStop, Ema, Optimizer, Rate, Trace, adam, adamw, adan, export, lamb, radam, sgd
from tests.engine.laws import equal

STEPS = 200
RULES = {
    "adamw": adamw(),
    "radam": radam(),
    "adan": adan(),
    "rate inside": (Rate() * Trace(0.9)) / Rate(),
    "sgd": sgd(),
}


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def optax():
    jax, optax = map(pytest.importorskip, ("jax", "optax"))
    with jax.enable_x64(True):
        yield optax


def drawn(seed, dtype="float64"):
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal(shape).astype(dtype) for name, shape in (("b", (2,)), ("a", (2, 3)))}


def gradients(k):
    """Return the gradients of step k; b has none in some."""
    return drawn(k) | ({"b": None} if k % 7 == 3 else {})


class There:
    """The exported class of torch with the parameters as tensors."""

    def __init__(self, torch, rule, params, lr=0.01):
        self.torch = torch
        self.params = {name: torch.tensor(w, requires_grad=True) for name, w in params.items()}
        self.opt = export.torch(rule)(self.params.values(), lr=lr)

    def step(self, k):
        for p, g in zip(self.params.values(), gradients(k).values(), strict=True):
            p.grad = None if g is None else self.torch.from_numpy(g)
        self.opt.step()

    @property
    def weights(self):
        return {name: p.detach().numpy() for name, p in self.params.items()}


def whole_run(rule, given=gradients):
    w, opt = drawn(0), Optimizer(rule, 0.01, engine="numpy")
    for k in range(STEPS):
        opt.step(w, given(k))
    return w


@pytest.mark.parametrize("name", RULES)
def test_a_run_goes_on_in_torch(torch, name):
    w, opt = drawn(0), Optimizer(RULES[name], 0.01, engine="numpy")
    for k in range(STEPS // 2):
        opt.step(w, gradients(k))
    there = There(torch, RULES[name], w, lr=1.0)
    there.opt.load_state_dict(export.torch_state(opt))
    for k in range(STEPS // 2, STEPS):
        there.step(k)
    assert all(equal(a, b) for a, b in zip(whole_run(RULES[name]).values(), there.weights.values(), strict=True))


@pytest.mark.parametrize("name", RULES)
def test_a_run_of_torch_goes_on_here(torch, name):
    there, opt = There(torch, RULES[name], drawn(0)), Optimizer(RULES[name], 0.01, engine="numpy")
    for k in range(STEPS // 2):
        there.step(k)
    w = {name: x.copy() for name, x in there.weights.items()}
    export.load_torch_state(opt, there.opt.state_dict(), w)
    for k in range(STEPS // 2, STEPS):
        opt.step(w, gradients(k))
    assert opt.t == STEPS
    assert all(equal(a, b) for a, b in zip(whole_run(RULES[name]).values(), w.values(), strict=True))


@pytest.mark.parametrize("rule", [adamw(), sgd()], ids=["adamw", "sgd"])
def test_a_run_goes_to_optax_and_back(optax, rule):
    w, opt, tx = drawn(0), Optimizer(rule, 0.01, engine="numpy"), export.optax(rule, 0.01)
    for k in range(80):
        opt.step(w, drawn(k))
    state, w = export.optax_state(opt, w), dict(w)
    for k in range(80, 120):
        updates, state = tx.update(drawn(k), state, w)
        w = optax.apply_updates(w, updates)
    back, w = Optimizer(rule, 0.01, engine="numpy"), {name: np.array(x) for name, x in w.items()}
    export.load_optax_state(back, state, w)
    for k in range(120, STEPS):
        back.step(w, drawn(k))
    assert all(equal(whole_run(rule, drawn)[name], x) for name, x in w.items())


def test_a_parameter_that_never_had_a_gradient_starts_when_it_has_one(torch):
    there, opt = There(torch, adam(), drawn(0)), Optimizer(adam(), 0.01)
    there.params["a"].grad = torch.ones_like(there.params["a"])
    there.opt.step()
    w = {name: x.copy() for name, x in there.weights.items()}
    export.load_torch_state(opt, there.opt.state_dict(), w)
    there.step(0)
    opt.step(w, gradients(0))
    assert all(equal(a, b) for a, b in zip(there.weights.values(), w.values(), strict=True))


def test_a_state_taken_here_loads_again_here_after_torch_has_seen_it(torch):
    w, opt, again = drawn(0), Optimizer(adam(), 0.01), Optimizer(adam(), 0.01)
    opt.step(w, drawn(1))
    export.load_torch_state(again, export.torch_state(opt), w)
    assert equal(export.torch_state(again)["state"][1]["ema"].numpy(), opt.state["a"]["ema"])


def one(rule=None, params=None, **options):
    """Return an Optimizer after one step."""
    w = drawn(0) if params is None else params
    opt = Optimizer(adam() if rule is None else rule, options.pop("lr", 0.01), **options)
    opt.step(w, {name: np.ones_like(x) for name, x in w.items()})
    return opt


def plain(rule=None):
    return Optimizer(adam() if rule is None else rule, 0.01)


def test_dicts_go_by_names_whatever_their_order(torch, optax):
    w = dict.fromkeys("ba")
    w, g = ({name: np.random.default_rng(ord(name) + k).standard_normal(3) for name in w} for k in (0, 1))
    opt, turned = plain(), dict(sorted(w.items()))
    opt.step(w, g)
    slots = export.optax_state(opt, turned).slots["ema"]
    assert all(equal(np.asarray(slots[name]), opt.state[name]["ema"]) for name in "ab")
    tensors = {name: torch.tensor(x, requires_grad=True) for name, x in w.items()}
    there, back = export.torch(adam())(tensors.items(), lr=0.01), plain()
    there.load_state_dict(export.torch_state(opt))
    export.load_torch_state(back, there.state_dict(), turned)
    assert all(equal(back.state[name]["ema"], opt.state[name]["ema"]) for name in "ab")


STACKED = {"w": np.zeros((2, 3))}
REFUSED = {
    "before the first step": (lambda: export.torch_state(plain()), "before the first step"),
    "rules by name": (lambda: export.torch_state(one({"a": adam(), "*": sgd()})), "one elementwise rule"),
    "rates by name": (lambda: export.torch_state(one(lr={"a": 0.1, "*": 0.2})), "one lr for all leaves"),
    "replicas": (lambda: export.torch_state(one(params=STACKED, replicas=2)), "without replicas"),
    "another rule": (
        lambda: export.load_torch_state(plain(adam(0.8)), export.torch_state(one()), drawn(0)), "is of the rule",
    ),
    "other parameters": (
        lambda: export.load_torch_state(plain(), export.torch_state(one()), {"a": np.ones(2)}), "2 parameters",
    ),
    "another order": (
        lambda: export.load_torch_state(plain(), export.torch_state(one()), dict(sorted(drawn(0).items()))), "is float",
    ),
    "another dtype": (
        lambda: export.load_torch_state(plain(), export.torch_state(one()), drawn(0, "float32")), "is float64",
    ),
    "an average": (
        lambda: export.load_torch_state(one(average=Ema(0.9)), export.torch_state(one()), drawn(0)), "average",
    ),
    "a hook that keeps something": (
        lambda: export.load_torch_state(one(hooks=[EarlyStop()]), export.torch_state(one()), drawn(0)), "EarlyStop",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_why(torch, case):
    do, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        do()


def test_optax_takes_leaves_of_one_count_and_its_own_slots(optax):
    w, opt = drawn(0), plain()
    opt.step(w, gradients(3))
    opt.step(w, gradients(4))
    with pytest.raises(ValueError, match="one count for all leaves"):
        export.optax_state(opt, w)
    with pytest.raises(ValueError, match="has slots"):
        export.load_optax_state(plain(), SimpleNamespace(slots={"ema": w}, count=1), w)
    with pytest.raises(TypeError, match="of a chain give its part"):
        export.load_optax_state(plain(), (export.optax_state(one(), w),), w)
    with pytest.raises(ValueError, match=r"another name or shape are \['b', 'c'\]"):
        export.optax_state(one(), {"c": w["b"], "a": w["a"]})
    with pytest.raises(ValueError, match=r"another name or shape are \['a'\]"):
        export.optax_state(one(), {"b": w["b"], "a": np.ones(6)})


def test_the_state_of_what_is_no_elementwise_optimizer_is_refused(torch):
    with pytest.raises(TypeError, match="opt must be an Optimizer"):
        export.torch_state(adam())
    with pytest.raises(ValueError, match="one elementwise rule"):
        export.torch_state(one(lamb()))
