"""What texts begin with: double-double arithmetic and (1-β)/(1-βᵗ), as ``powers`` and ``portable`` have them."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import getsource
from typing import Any, Final

from optimlab.export import portable
from optimlab.recurrence import powers

__all__ = ["DEBIASED", "SQRT", "plain"]


def plain(*functions: Callable[..., Any]) -> str:
    """Return the source of functions without annotations.

    Examples
    --------
    >>> from optimlab.recurrence.powers import two_sum
    >>> print(plain(two_sum))
    def two_sum(a, b):
        \"\"\"a + b without an error.\"\"\"
        total = a + b
        late = total - a
        return total, (a - (total - late)) + (b - late)
    """
    text = "\n\n".join(getsource(function) for function in functions).rstrip()
    return re.sub(r": (?:Any|Double|float|int|bool)(?=[,) ])|(?<=\)) -> .*(?=:\n)", "", text)


_PYTHON = (
    powers.two_sum, powers.two_product, powers.divided, powers.quotient, powers.joined, powers.spent,
    portable.within, portable.debiased,
)  # fmt: skip

DEBIASED: Final = {
    "torch": plain(*_PYTHON),
    "jax": plain(*_PYTHON, powers.table_of, portable.debiased_in, portable.digits),
    "js": """\
function twoSum(a, b) {
  const total = a + b, late = total - a;
  return [total, (a - (total - late)) + (b - late)];
}

function twoProduct(a, b) {
  const product = a * b, p = 134217729.0 * a, q = 134217729.0 * b;
  const a1 = p - (p - a), b1 = q - (q - b), a2 = a - a1, b2 = b - b1;
  return [product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2];
}

function quotient(x, y) {
  const first = x[0] / y[0], [high, low] = twoProduct(first, y[0]);
  return first + ((x[0] - high) - low - first * y[1] + x[1]) / y[0];
}

// 1 - β^(s + t) = x + y (1 - x) from x = 1 - β^s and y = 1 - β^t
function joined(x, y) {
  const [rest, late] = twoSum(1.0, -x[0]), [product, small] = twoProduct(y[0], rest);
  const [high, low] = twoSum(x[0], product);
  return twoSum(high, low + (x[1] + (small + y[0] * (late - x[1]) + y[1] * rest)));
}

// 1 - β^s for s from 1 to 256
function within(alpha, s) {
  if (s === 1) return alpha;
  let n = 1;
  while (2 * n < s) n *= 2;
  const first = within(alpha, n);
  return joined(first, s === 2 * n ? first : within(alpha, s - n));
}

// (1 - β) / (1 - β^t) from 1 - β = high + low
function debiased(high, low, t) {
  let block = Math.floor((t - 1) / 256), alpha = [high, low], past = [0.0, 0.0];
  const place = t - 256 * block;
  for (let power = within(alpha, 256); block > 0; power = joined(power, power), block = Math.floor(block / 2)) {
    if (block % 2 === 1) past = joined(past, power);
  }
  return quotient(alpha, joined(past, within(alpha, place)));
}""",
    "c": """\
typedef struct { double high, low; } pair;

static pair two_sum(double a, double b) {
    const double total = a + b, late = total - a;
    return (pair){total, (a - (total - late)) + (b - late)};
}

static pair two_product(double a, double b) {
    const double product = a * b, p = 134217729.0 * a, q = 134217729.0 * b;
    const double a1 = p - (p - a), b1 = q - (q - b), a2 = a - a1, b2 = b - b1;
    return (pair){product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2};
}

static double quotient(pair x, pair y) {
    const double first = x.high / y.high;
    const pair back = two_product(first, y.high);
    return first + ((x.high - back.high) - back.low - first * y.low + x.low) / y.high;
}

/* 1 - β^(s + t) = x + y (1 - x) from x = 1 - β^s and y = 1 - β^t */
static pair joined(pair x, pair y) {
    const pair rest = two_sum(1.0, -x.high), product = two_product(y.high, rest.high);
    const pair sum = two_sum(x.high, product.high);
    return two_sum(sum.high, sum.low + (x.low + (product.low + y.high * (rest.low - x.low) + y.low * rest.high)));
}

/* 1 - β^s for s from 1 to 256 */
static pair within(pair alpha, int s) {
    if (s == 1) return alpha;
    int n = 1;
    while (2 * n < s) n *= 2;
    const pair first = within(alpha, n);
    return joined(first, s == 2 * n ? first : within(alpha, s - n));
}

/* (1 - β) / (1 - β^t) from 1 - β = high + low */
static double debiased(double high, double low, double t) {
    const pair alpha = {high, low};
    pair past = {0.0, 0.0}, power = within(alpha, 256);
    long long block = (long long)(t - 1) / 256;
    const int place = (int)(t - 256.0 * (double)block);
    for (; block > 0; block /= 2, power = joined(power, power))
        if (block % 2) past = joined(past, power);
    return quotient(alpha, joined(past, within(alpha, place)));
}""",
}
"""By target; each defines ``debiased``, or JAX's ``debiased_in``."""

SQRT: Final = """\
def sqrt(x):
    \"\"\"Return √x as IEEE 754 rounds it; of torch's own on a CPU the last bit may differ.\"\"\"
    if x.device.type != "cpu" or x.dtype == torch.bfloat16:
        return torch.sqrt(x)
    with np.errstate(invalid="ignore"):
        return torch.as_tensor(np.sqrt(x.numpy()), device="cpu")"""
"""For torch."""
