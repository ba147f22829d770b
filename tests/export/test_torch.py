"""``export.torch``: a rule is an optimizer of torch, with NumPy's bits and torch's manners."""

import copy
import io
import pickle

import numpy as np
import pytest

from optimlab import (
    Ema,
    Gradient,
    Optimizer,
    Square,
    Weights,
    adam,
    adamw,
    cosine_decay,
    export,
    muon,
    rprop,
    sgd,
)
from optimlab.lab.nets import MLP, TrainingLoss
from optimlab.lab.problems import digits
from optimlab.rules.feedback import RunningMax
from tests.engine.laws import equal
from tests.export.texts import ALL, Softsign, differing, given, module_of, taken

torch = pytest.importorskip("torch")
DTYPES = ("float64", "float32")


def tensors(*arrays):
    return [torch.from_numpy(x.copy()).requires_grad_() for x in arrays]


def moved(opt, params, grads):
    """Do a step with these gradients, arrays or None."""
    for p, g in zip(params, grads, strict=True):
        p.grad = None if g is None else torch.from_numpy(np.array(g))
    opt.step()


def drawn(*shapes, seed=0, dtype="float64"):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("name", ALL)
def test_each_of_a_thousand_steps_has_the_bits_of_numpy(name):
    """All steps at once, each from NumPy's weights and state before it."""
    from optimlab.export.torch_sweep import Sweep

    for dtype in DTYPES:
        sweep, run, (weights, states) = Sweep(ALL[name]), given(dtype), taken(name, dtype)
        arrays = [torch.tensor(x) for x in (run.gradients, weights[:-1], *states[:, :-1])]
        rows = [sweep.numbers(t, lr, arrays[0]) for t, lr in enumerate(run.rates, start=1)]
        columns = [torch.stack(column).repeat_interleave(weights.shape[1]) for column in zip(*rows, strict=True)]
        sweep.run(arrays, columns)
        assert [differing(x, y[1:]) for x, y in zip(arrays[1:], (weights, *states), strict=True)] == [0] * len(
            arrays[1:]
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rate inside", "adam", "rprop", "softsign"])
def test_a_thousand_steps_have_the_bits_of_numpy(name):
    runs = [given(dtype) for dtype in DTYPES]
    params = tensors(*[run.weights for run in runs])
    opt = export.torch(ALL[name])(params, lr=1.0)
    for lr, *rows in zip(runs[0].rates, *[run.gradients for run in runs], strict=True):
        opt.param_groups[0]["lr"] = lr
        moved(opt, params, rows)
    for p, (weights, states) in zip(params, [taken(name, dtype) for dtype in DTYPES], strict=True):
        assert differing(p.detach().numpy(), weights[-1]) == 0
        for slot, state in zip(ALL[name].slots, states, strict=True):
            assert differing(opt.state[p][slot].numpy(), state[-1]) == 0


SHAPES = {
    "small, one of them a number": lambda: tensors(*drawn((7,), (), (3, 5))),
    "empty": lambda: tensors(*drawn((0, 3), (2,))),
    "of more than a tile": lambda: tensors(*drawn((140_001,), (9,), dtype="float32")),
    "transposed": lambda: [x.detach().T.requires_grad_() for x in tensors(*drawn((150, 140), (3, 2)))],
    "channels last": lambda: [
        x.detach().to(memory_format=torch.channels_last).requires_grad_() for x in tensors(*drawn((2, 3, 4, 5)))
    ],
    "with gaps": lambda: [torch.from_numpy(drawn((9, 6))[0])[::2, 1:4].requires_grad_()],
}


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("rule", [adamw(), rprop(0.1)], ids=["adamw", "rprop"])
def test_memory_of_any_order(rule, shapes):
    params = SHAPES[shapes]()
    here = [np.array(p.detach().numpy(), order="C") for p in params]
    opt, there = Optimizer(rule, 0.1, engine="numpy"), export.torch(rule)(params, 0.1)
    for k in range(4):
        grads = drawn(*[w.shape for w in here], seed=k, dtype=here[0].dtype)
        opt.step(here, grads)
        moved(there, params, grads)
    assert all(equal(w, p.detach().numpy()) for w, p in zip(here, params, strict=True))


@pytest.mark.parametrize("rule", [adam(), ALL["rprop"], ALL["abs"], Ema(0.9) | RunningMax(0.5)])
def test_what_is_not_finite_is_as_in_numpy(rule):
    g = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e308])
    here, (p,) = np.ones(7), tensors(np.ones(7))
    opt, there = Optimizer(rule, 0.1, engine="numpy", check_finite=False), export.torch(rule)([p], 0.1)
    for grads in (g, np.roll(g, 1), -g):
        with np.errstate(all="ignore"):
            opt.step(here, grads)
        moved(there, [p], [grads])
    assert differing(here, p.detach().numpy()) == 0


@pytest.mark.parametrize("function", [np.sign, np.maximum, np.minimum, np.rint, np.positive])
def test_what_is_called_on_other_devices_has_numpys_zeros_and_nans(function):
    from optimlab.export import torch_calls

    call = torch_calls.ELSEWHERE.get(function, torch_calls.call_of(function))
    some = np.array([np.nan, 0.0, -0.0, 1.5, -2.5, np.inf])
    x, y = (part.reshape(-1) for part in np.meshgrid(some, some))
    given, out = (x, y)[: function.nin], torch.empty(len(x), dtype=torch.float64)
    call(*map(torch.from_numpy, given), out=out)
    assert differing(out.numpy(), function(*given)) == 0


def test_another_device_takes_whole_tensors():
    p = torch.empty(300_000, device="meta").requires_grad_()
    for rule in (adam(), rprop(0.1), Gradient() | RunningMax()):
        p.grad = torch.empty_like(p)
        opt = export.torch(rule)([p], lr=0.1)
        opt.step()
        assert {x.device.type for x in opt.state[p].values() if torch.is_tensor(x)} == {"meta"}


def test_a_default_device_of_torch_changes_nothing():
    (p,), rule = tensors(*drawn((4,))), adam(0.7)
    with torch.device("meta"):
        moved(export.torch(rule)([p], lr=0.1), [p], drawn((4,)))
        w, step = p.detach().clone(), module_of(rule.source("torch"))
        step.step(w, w.clone(), step.start(w), 1, 0.1)
    assert not p.is_meta
    assert not w.is_meta


def test_a_function_that_torch_lacks_runs_on_a_cpu_only():
    from optimlab.export import torch_calls

    x, out = np.array([8.0, -27.0]), torch.empty(2, dtype=torch.float64)
    torch_calls.call_of(np.cbrt)(torch.from_numpy(x), out=out)
    assert equal(out.numpy(), np.cbrt(x))
    with pytest.raises(TypeError, match="torch has no cbrt on meta"):
        torch_calls.call_of(np.cbrt)(out.to("meta"), out=out.to("meta"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_fewer_bits_have_a_state_of_float32_and_are_rounded_once_a_step(dtype):
    (w,), grads = drawn((50,), dtype="float32"), drawn(*[(50,)] * 20, dtype="float32", seed=1)
    p = torch.from_numpy(w).to(getattr(torch, dtype)).requires_grad_()
    opt, there = Optimizer(adamw(), 0.01, engine="numpy"), export.torch(adamw())([p], 0.01)
    here = p.detach().float().numpy()
    for g in grads:
        p.grad = torch.from_numpy(g).to(p.dtype)
        opt.step(here, p.grad.float().numpy())
        here[...] = torch.from_numpy(here).to(p.dtype).float().numpy()
        there.step()
    assert equal(p.detach().float().numpy(), here)
    assert equal(there.state[p]["square_ema"].numpy(), opt.state["params"]["square_ema"])
    again = export.torch(adamw())([p.detach().clone().requires_grad_()], 0.5)
    again.load_state_dict(there.state_dict())
    assert torch.equal(
        *[x.state[q]["square_ema"] for x, q in ((there, p), (again, again.param_groups[0]["params"][0]))]
    )


def test_digits_are_learnt_as_by_numpy():
    X, y = digits()
    net, rng = MLP((64, 16, 10), "tanh"), np.random.default_rng(0)
    w = net.initial(lambda shape: 0.3 * rng.standard_normal(shape))
    problem, opt, losses = TrainingLoss(net, (X, y)), Optimizer(adam(), 0.01), []
    params = dict(zip(net.names, tensors(*net.views(w).values()), strict=True))
    there = export.torch(adam())(params.values(), lr=0.01)
    inputs, labels = torch.tensor(X), torch.tensor(y)

    def closure():
        there.zero_grad()
        hidden = torch.tanh(inputs @ params["W1"] + params["b1"])
        loss = torch.nn.functional.cross_entropy(hidden @ params["W2"] + params["b2"], labels)
        loss.backward()
        return loss

    for _ in range(150):
        value, gradient = problem.value_and_gradient(w)
        opt.step(w, gradient)
        losses.append((value, there.step(closure).item()))
    ours, theirs = np.array(losses).T
    assert ours[-1] < 0.1 * ours[0]
    assert np.max(np.abs(theirs / ours - 1.0)) <= 1e-12


def test_groups_have_rates_of_their_own_and_can_be_added():
    here, there = drawn((3,), (2,)), tensors(*drawn((3,), (2,)))
    opt = Optimizer(adam(), {"0": 0.1, "1": 0.01})
    torch_opt = export.torch(adam())([{"params": [there[0]], "lr": 0.1}], lr=0.01)
    torch_opt.add_param_group({"params": [there[1]]})
    for k in range(5):
        grads = drawn((3,), (2,), seed=k)
        opt.step(here, grads)
        moved(torch_opt, there, grads)
    assert all(equal(w, p.detach().numpy()) for w, p in zip(here, there, strict=True))


@pytest.mark.slow
def test_of_sharded_parameters_each_process_steps_its_part():
    dist = pytest.importorskip("torch.distributed")
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())
    try:
        net = fully_shard(torch.nn.Linear(3, 2, dtype=torch.float64), mesh=init_device_mesh("cpu", (1,)))
        before = {name: p.full_tensor().detach().numpy().copy() for name, p in net.named_parameters()}
        opt = export.torch(adam())(net.parameters(), lr=0.1)
        net(torch.ones(4, 3, dtype=torch.float64)).sum().backward()
        grads = {name: p.grad.full_tensor().numpy() for name, p in net.named_parameters()}
        opt.step()
        opt.load_state_dict(opt.state_dict())
        Optimizer(adam(), 0.1).step(before, grads)
        assert all(equal(before[name], p.full_tensor().detach().numpy()) for name, p in net.named_parameters())
        assert {type(opt.state[p]["ema"]) for p in net.parameters()} == {dist.tensor.DTensor}
    finally:
        dist.destroy_process_group()


def test_a_parameter_without_gradient_waits():
    here, there = drawn((3,), (2,)), tensors(*drawn((3,), (2,)))
    opt, torch_opt = Optimizer(adam(), 0.1), export.torch(adam())(there, lr=0.1)
    for k in range(6):
        a, b = drawn((3,), (2,), seed=k)
        grads = [a, b if k % 3 else None]
        opt.step(here, grads)
        moved(torch_opt, there, grads)
    assert all(equal(w, p.detach().numpy()) for w, p in zip(here, there, strict=True))
    assert [torch_opt.state[p]["step"] for p in there] == [6, 4]


def test_rules_go_by_names_where_there_are_names():
    rule = adam() + 0.1 * Weights(only="*weight")
    net = torch.nn.Linear(3, 2, dtype=torch.float64)
    here = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
    opt, there = Optimizer(rule, 0.1), export.torch(rule)(net.named_parameters(), lr=0.1)
    for k in range(3):
        grads = drawn((2, 3), (2,), seed=k)
        opt.step(here, dict(zip(here, grads, strict=True)))
        moved(there, list(net.parameters()), grads)
    assert all(equal(here[name], p.detach().numpy()) for name, p in net.named_parameters())
    with pytest.raises(ValueError, match="goes by names"):
        export.torch(rule)(net.parameters(), lr=0.1)


def test_torchs_schedulers_set_the_rate():
    schedule = cosine_decay(0.1, steps=8)
    (here,), (p,) = drawn((4,)), tensors(*drawn((4,)))
    opt, there = Optimizer(adam(), schedule), export.torch(adam())([p], lr=1.0)
    follow = torch.optim.lr_scheduler.LambdaLR(there, schedule)
    for k in range(8):
        (g,) = drawn((4,), seed=k)
        opt.step(here, g)
        moved(there, [p], [g])
        follow.step()
    assert equal(here, p.detach().numpy())
    cycle = torch.optim.lr_scheduler.OneCycleLR(there, max_lr=1.0, total_steps=10, cycle_momentum=False)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(there, patience=0, factor=0.5)
    for loss in (1.0, 2.0):
        there.step()
        cycle.step()
        rate = there.param_groups[0]["lr"]
        plateau.step(loss)
    assert there.param_groups[0]["lr"] == 0.5 * rate


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda opt: pickle.loads(pickle.dumps(opt)),
    "torch.save": lambda opt: torch.load(_file(opt), weights_only=False),
}


def _file(held):
    file = io.BytesIO()
    torch.save(held, file)
    file.seek(0)
    return file


@pytest.mark.parametrize("how", COPIES)
def test_copies_go_on(how):
    (p,) = tensors(*drawn((4,)))
    opt = export.torch(adam())([p], lr=0.1)
    moved(opt, [p], drawn((4,)))
    other = COPIES[how](opt)
    (q,) = other.param_groups[0]["params"]
    for each, x in ((opt, p), (other, q)):
        moved(each, [x], drawn((4,), seed=1))
    assert p is not q
    assert torch.equal(p, q)
    assert type(other) is type(opt)
    assert pickle.loads(pickle.dumps(type(opt))) is type(opt) is export.torch(adam())


def test_a_state_dict_is_plain_and_goes_on():
    (p,), (q,) = tensors(*drawn((4,))), tensors(*drawn((4,)))
    one, two = export.torch(adam())([p], lr=0.1), export.torch(adam())([q], lr=0.5)
    moved(one, [p], drawn((4,)))
    q.data.copy_(p.data)
    two.load_state_dict(torch.load(_file(one.state_dict()), weights_only=True))
    for opt, x in ((one, p), (two, q)):
        moved(opt, [x], drawn((4,), seed=1))
    assert torch.equal(p, q)
    assert two.state_dict()["param_groups"] == [{"lr": 0.1, "rule": repr(adam()), "params": [0]}]


def test_a_hook_of_loading_has_its_way():
    (p,), (q,) = tensors(*drawn((4,))), tensors(*drawn((4,)))
    one, two = export.torch(adam())([p], lr=0.1), export.torch(adam())([q], lr=0.1)
    moved(one, [p], drawn((4,)))
    zeros = {"ema": torch.zeros(4), "square_ema": torch.ones(4)}
    two.register_load_state_dict_pre_hook(lambda _, given: {**given, "state": {0: {"step": 7} | zeros}})
    two.load_state_dict(one.state_dict())
    assert two.state[q]["step"] == 7
    assert all(torch.equal(two.state[q][slot], zeros[slot].to(q.dtype)) for slot in zeros)


def test_what_is_compiled_around_a_step_takes_it():
    (p,), (q,) = tensors(*drawn((4,))), tensors(*drawn((4,)))
    one, two = export.torch(adam())([p], lr=0.1), export.torch(adam())([q], lr=0.1)
    p.grad, q.grad = torch.ones_like(p), torch.ones_like(q)
    one.step()
    torch.compile(two.step, backend="eager")()
    assert torch.equal(p, q)


def _loaded(rule, shape):
    (p,) = tensors(*drawn((3,)))
    opt = export.torch(adam())([p], lr=0.1)
    moved(opt, [p], drawn((3,)))
    export.torch(rule)(tensors(np.zeros(shape)), lr=0.1).load_state_dict(opt.state_dict())


def _sparse():
    table = torch.nn.Embedding(4, 2, sparse=True)
    opt = export.torch(sgd())(table.parameters(), lr=0.1)
    table(torch.tensor([1])).sum().backward()
    opt.step()


def _with(params, lr=0.1, rule=None):
    return lambda: export.torch(adam() if rule is None else rule)(params, lr=lr)


@pytest.mark.parametrize(("do", "kind", "words"), [
    (lambda: export.torch(muon()), TypeError, "looks at whole leaves"),
    (lambda: export.torch(Ema((0.9, 0.99))), ValueError, "one number for each replica"),
    (lambda: export.torch("adam"), TypeError, "rule must be a Rule"),
    (_with([np.zeros(3)]), TypeError, "Tensor"),
    (_with([torch.zeros(3, dtype=torch.complex64)]), TypeError, "got torch.complex64"),
    (_with([torch.zeros(3, dtype=torch.int64)]), TypeError, "got torch.int64"),
    (_with([torch.zeros(3)], lr=-1.0), ValueError, "lr must be a finite number of at least 0"),
    (_with([torch.zeros(3)], lr=float("nan")), ValueError, "lr must be a finite number of at least 0"),
    (_with([torch.zeros(3)], lr=torch.ones(2)), ValueError, "lr must be a finite number of at least 0"),
    (_with([torch.zeros(3)], lr=cosine_decay(1.0, steps=3)), TypeError, "LambdaLR"),
    (_with([{"params": [torch.zeros(3)], "rule": "sgd()"}]), ValueError, "got sgd"),
    (_sparse, RuntimeError, "to_dense"),
    (lambda: _loaded(adam(0.8), 3), ValueError, "this class has the rule"),
    (lambda: _loaded(adam(), 4), ValueError, "has shape"),
])  # fmt: skip
def test_refusals_say_why(do, kind, words):
    with pytest.raises(kind, match=words):
        do()


def test_what_is_refused_in_a_step_moves_nothing():
    p, q = tensors(*drawn((3,), (3,)))
    before, opt = p.detach().clone(), export.torch(adam())([p, q], lr=0.1)
    p.grad, q.grad = torch.ones_like(p), torch.zeros_like(q).to_sparse()
    with pytest.raises(RuntimeError, match="must be dense"):
        opt.step()
    assert torch.equal(p, before)
    assert opt.state[p]["step"] == 0


def test_a_group_that_is_refused_is_not_there():
    opt = export.torch(adam())(tensors(np.zeros(2)), lr=0.1)
    with pytest.raises(ValueError, match="lr must be"):
        opt.add_param_group({"params": tensors(np.zeros(2)), "lr": -1.0})
    assert len(opt.param_groups) == 1


def test_schedules_in_a_rule_follow_the_steps_of_a_parameter():
    rule = Ema(cosine_decay(0.9, steps=6)) / (Square() | Ema(0.99, debias=True)) | Softsign()
    (here,), (p,) = drawn((4,)), tensors(*drawn((4,)))
    opt, there = Optimizer(rule, 0.1, engine="numpy"), export.torch(rule)([p], lr=0.1)
    for k in range(6):
        (g,) = drawn((4,), seed=k)
        opt.step(here, g)
        moved(there, [p], [g])
    assert equal(here, p.detach().numpy())
