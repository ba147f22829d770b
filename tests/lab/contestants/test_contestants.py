"""Contestants: rules, torch and optax step the same replicas in the same way, and apart from each other."""

import linecache
import pickle
import sys
from functools import partial

import numpy as np
import pytest

from optimlab import Optimizer, adam, momentum
from optimlab.conventions import optax as ours_optax
from optimlab.conventions import torch as ours_torch
from optimlab.lab.contestants import Foreign, Ruled, contestants
from optimlab.lab.frame import StudyError

LR = np.array([0.003, 0.05, 0.01, 0.05, 0.02])
CURVATURE = np.array([0.5, 2.0, 8.0])
TORCH = {
    "torch:torch.optim.Adam(betas=(0.8, 0.99), eps=1e-6)": lambda lr: ours_torch.Adam(lr, betas=(0.8, 0.99), eps=1e-6),
    "torch:torch.optim.SGD(momentum=0.9, nesterov=True)": lambda lr: ours_torch.SGD(lr, momentum=0.9, nesterov=True),
    "torch:torch.optim.AdamW(weight_decay=0.1)": lambda lr: ours_torch.AdamW(lr, weight_decay=0.1),
    "torch:torch.optim.RMSprop(centered=True)": lambda lr: ours_torch.RMSprop(lr, centered=True),
    "torch:torch.optim.NAdam": ours_torch.NAdam,
    "export:torch(adam(0.95))": lambda lr: Optimizer(adam(0.95), lr),
}
OPTAX = {
    "optax:optax.adam(b1=0.8)": lambda lr: ours_optax.adam(lr, b1=0.8),
    "optax:optax.sgd(momentum=0.9)": lambda lr: ours_optax.sgd(lr, momentum=0.9),
    "optax:optax.lion": ours_optax.lion,
    "export:optax(adam(0.95))": lambda lr: Optimizer(adam(0.95), lr),
}
PAIRS = [("torch", text) for text in TORCH] + [("optax", text) for text in OPTAX]
ALONE = "torch:torch.optim.Adafactor"  # it looks at the size of all weights of a leaf
KINDS = [
    ("numpy", "adam"), ("numpy", "lion"), PAIRS[0], PAIRS[1], PAIRS[5], PAIRS[6], PAIRS[-1], ("torch", ALONE),
]  # fmt: skip


def only(text):
    """The one contestant of a text."""
    (found,) = contestants(text).values()
    return found


def bowl(w):
    return CURVATURE * w + 0.1 * np.sin(7.0 * w)


def start(replicas=5):
    return np.random.default_rng(1).normal(size=(replicas, 3))


def run(one, w, lr, steps=30, spoil=None):
    """Step the replicas; `spoil` changes a gradient."""
    step = one.begin(w, lr)
    for k in range(steps):
        gradient = bowl(w)
        if spoil is not None:
            spoil(k, gradient)
        step(gradient, (w**2).sum(axis=1))
    return w


@pytest.mark.parametrize(("peer", "text"), PAIRS)
def test_what_is_stepped_is_the_convention_that_the_library_knows(peer, text):
    pytest.importorskip(peer)
    found = run(only(text), start(), LR, 200)
    for row, w, lr in zip(found, start(), LR, strict=True):
        optimizer = (TORCH | OPTAX)[text](float(lr))
        for _ in range(200):
            optimizer.step(w, bowl(w))
        np.testing.assert_allclose(row, w, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("peer", "text"), KINDS)
def test_a_replica_is_alone_among_others(peer, text):
    if peer != "numpy":
        pytest.importorskip(peer)
    together = run(only(text), start(), LR)
    for s in range(5):
        others = np.roll(np.arange(5), s)[:2]  # another neighbour, and another place for four of five
        apart = run(only(text), start()[others], LR[others])
        np.testing.assert_allclose(apart, together[others], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("peer", "text"), KINDS)
def test_what_is_not_finite_freezes_its_replica_alone(peer, text):
    if peer != "numpy":
        pytest.importorskip(peer)
    at = {}

    def spoil(k, gradient):
        at[k] = w.copy()
        if k == 10:
            gradient[1, 2] = np.nan
        elif k == 12:
            gradient[3] = np.inf

    w = start()
    run(only(text), w, LR, spoil=spoil)
    np.testing.assert_array_equal(w[[1, 3]], [at[10][1], at[12][3]])
    np.testing.assert_allclose(w[[0, 2, 4]], run(only(text), start(), LR)[[0, 2, 4]], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("peer", "text"), [("numpy", "sgd"), ("torch", "torch:torch.optim.SGD"), ("optax", "optax:optax.sgd")]
)
def test_weights_that_overflow_are_those_before(peer, text):
    if peer != "numpy":
        pytest.importorskip(peer)
    w = np.array([[1e308], [1.0]])
    step = only(text).begin(w, np.array([10.0, 0.5]))
    step(np.array([[-1e308], [1.0]]))
    step(np.array([[1e308], [1.0]]))
    np.testing.assert_array_equal(w, [[1e308], [0.0]])


@pytest.mark.parametrize(("peer", "text"), KINDS[:-1])
def test_containers_hold_what_one_array_holds(peer, text):
    if peer != "numpy":
        pytest.importorskip(peer)
    w = {"a": start()[:, :1].copy(), "b": [start()[:, 1:].copy()]}
    step = only(text).begin(w, LR)
    for _ in range(20):
        gradient = bowl(np.hstack([w["a"], w["b"][0]]))
        step({"a": gradient[:, :1], "b": [gradient[:, 1:]]})
    expected = run(only(text), start(), LR, 20)
    np.testing.assert_allclose(np.hstack([w["a"], w["b"][0]]), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("peer", "text"), KINDS)
def test_a_contestant_travels(peer, text):
    if peer != "numpy":
        pytest.importorskip(peer)
    one = only(text)
    other = pickle.loads(pickle.dumps(one))
    assert (other.label, other.key, other.lr) == (one.label, one.key, one.lr)
    np.testing.assert_array_equal(run(other, start(), LR), run(one, start(), LR))


def test_gradients_are_left_as_they_were():
    torch = pytest.importorskip("torch")

    class Greedy(torch.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data.sub_(p.grad.mul_(group["lr"]))

    w, gradient = np.ones((2, 1)), np.ones((2, 1))
    only(Greedy).begin(w, np.array([0.5, 0.25]))(gradient)
    np.testing.assert_array_equal(w, [[0.5], [0.75]])
    np.testing.assert_array_equal(gradient, 1.0)


def test_a_closure_has_one_answer():
    torch = pytest.importorskip("torch")
    lbfgs = only("torch:torch.optim.LBFGS(max_iter=1)")
    found = run(lbfgs, start(), LR)
    p = torch.tensor(start()[2], requires_grad=True)
    optimizer = torch.optim.LBFGS([p], lr=LR[2], max_iter=1)
    for _ in range(30):
        p.grad = torch.from_numpy(bowl(p.detach().numpy()))
        optimizer.step(lambda: (p.detach() ** 2).sum())
    np.testing.assert_array_equal(found[2], p.detach().numpy())
    with pytest.raises(StudyError, match=r"LBFGS asks for the loss; call step\(gradients, loss\)"):
        lbfgs.begin(start(), LR)(start())
    more = only("torch:torch.optim.LBFGS(max_iter=2)").begin(start(), LR)
    with pytest.raises(StudyError, match=r"more than one point in a step, .* LBFGS\(max_iter=1\) asks once"):
        more(start(), np.ones(5))


def test_schedule_free_steps_the_point_where_gradients_are_taken():
    schedulefree = pytest.importorskip("schedulefree")
    torch = pytest.importorskip("torch")
    p = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = schedulefree.SGDScheduleFree([p], lr=0.1)
    optimizer.train()
    w = np.ones((1, 1))
    step = only("torch:schedulefree.SGDScheduleFree").begin(w, np.array([0.1]))
    for _ in range(5):
        p.grad = 3.0 * p.detach()
        optimizer.step()
        step(3.0 * w)
    assert w[0, 0] == p.item() != 1.0


def test_one_key_for_one_optimizer():
    torch = pytest.importorskip("torch")
    spelled = (
        "torch:torch.optim.Adam", "torch:torch.optim.Adam()", "torch:torch.optim.adam.Adam(eps=1e-8, amsgrad=False)",
        torch.optim.Adam, partial(torch.optim.Adam, betas=[0.9, 0.999]),
    )  # fmt: skip
    assert {only(one).key for one in spelled} == {f"torch.optim.adam.Adam() of torch {torch.__version__}"}
    others = (
        "torch:torch.optim.AdamW",
        "torch:torch.optim.Adam(eps=1e-7)",
        "torch:torch.optim.Adam(lr=1e-3)",
        "adam",
        "export:torch(adam)",
    )
    assert len({only(one).key for one in (*others, spelled[0])}) == 6
    swapped = ("torch:torch.optim.Adam(eps=1e-7, amsgrad=True)", "torch:torch.optim.Adam(amsgrad=True, eps=1e-7)")
    assert only(swapped[0]).key == only(swapped[1]).key
    assert only("adam").key == only(adam()).key == only("adam(0.9, eps=1e-8)").key == repr(adam())


def test_an_optimizer_of_ones_own_is_known_by_its_text(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(tmp_path)
    keys = []
    for text in ("", "", "    beta = 0.9\n"):
        own = f"import torch\n\n\nclass Own(torch.optim.SGD):\n    pass\n{text}"
        (tmp_path / "own_optimizer.py").write_text(own)
        linecache.clearcache()
        monkeypatch.delitem(sys.modules, "own_optimizer", raising=False)
        keys.append(only("torch:own_optimizer.Own").key)
    assert keys[0] == keys[1] != keys[2]


def test_objects():
    class Still:
        label, key, lr = "still", "still", None

        def begin(self, w, lr):
            return lambda gradients, loss=None: None

    found = contestants([adam(), "0.5*momentum, adam(.8)", Still()])
    assert list(found) == ["Adam β₁ 0.9", "0.5*momentum", "Adam β₁ 0.8", "still"]
    assert contestants({"mine": momentum()})["mine"] == Ruled(momentum(), "mine")
    with pytest.raises(TypeError, match="a contestant must be a text, a Rule, a class of torch"):
        contestants([3])
    torch = pytest.importorskip("torch")
    assert contestants({"mine": torch.optim.SGD})["mine"] == Foreign("torch", torch.optim.SGD, (), "mine")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("torch:torch.optim.Adan", "torch.optim has no Adan; did you mean Adam?\n  torch:torch.optim.Adan\n  ^"),
        ("adam, torch:torch.optim.Adam(betta=1)", "unexpected keyword argument 'betta'; it is Adam(params, lr=0.001,"),
        ("adam, torch:torch.optim.Adam(0.1)", "arguments must be given by name"),
        ("torch:torch.optim", "must be a class of torch.optim optimizers; it is a module"),
        ("torch:torch.optim.Adam(eps=eps)", "'eps' is not known"),
        ("torch:torch.optim.Adam(eps=f'{1}')", "is not allowed"),
        ("torch:torch.optim.Adam(betas=(1, __import__('os')))", "'__import__' is not known"),
        ("0.5*torch:torch.optim.Adam", "what another system has must stand alone between commas"),
        ("torch:no_such_package.Bar", "there is no module no_such_package; install the package that has it"),
        ("torch:", "invalid syntax\n  torch:"),
        ("heavy_bal", "did you mean heavy_ball?"),
        ("export:torch", "export:torch(adam()) and export:optax(adam()) are what can be exported"),
        ("export:torch(adm)", "'adm' is not known; did you mean adam?"),
        ("torch:torch.optim.Adam, torch:torch.optim.Adam(eps=1e-8)", "torch Adam(eps=1e-08) stands twice"),
    ],
)  # fmt: skip
def test_texts_that_are_none(text, says):
    pytest.importorskip("torch")
    with pytest.raises(StudyError) as error:
        contestants(text)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("optax:optax.adm", "optax has no adm; did you mean adam?"),
        ("optax:optax.clip", "optax.clip must be a function of a learning_rate; it is a function"),
    ],
)
def test_texts_of_optax_that_are_none(text, says):
    pytest.importorskip("optax")
    with pytest.raises(StudyError) as error:
        contestants(text)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "text", ["torch:torch.optim.Adam", "optax:optax.adam", "export:torch(adam)", "export:optax(adam)"]
)
def test_what_is_not_installed_is_named(text, monkeypatch):
    for name in ("torch", "optax"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(
        ImportError, match=r"which is not installed; python -m pip install \"optimlab\[(torch|optax)\]\""
    ):
        contestants(text)


def test_jax_keeps_its_precision():
    jax = pytest.importorskip("jax")
    pytest.importorskip("optax")
    before = jax.numpy.ones(1).dtype
    run(only("optax:optax.adam"), start(), LR, 2)
    assert jax.numpy.ones(1).dtype == before
