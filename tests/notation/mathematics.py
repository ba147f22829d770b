"""Reads LaTeX as a person would, and computes what it says."""

import math
import re
from functools import reduce

import numpy as np

TOKEN = re.compile(r"\\left\(|\\right\)|\\left\||\\right\||\\,|\\\\|\\_|\\[a-zA-Z]+|\d+\.?\d*|[^\s]")
BETWEEN = {
    "<": np.less, r"\le": np.less_equal, ">": np.greater, r"\ge": np.greater_equal, "=": np.equal, r"\ne": np.not_equal,
    r"\land": np.logical_and, r"\lor": np.logical_or,
}  # fmt: skip


def assigned(latex, values, functions):
    """Carry out the assignments of an update, one after the other, on a copy of the values."""
    values = dict(values)
    for line in latex.split(" \\\\\n"):
        name, text = line.split(r" &\leftarrow ")
        values[name] = Reader(text, values, functions).whole()
    return values


class Reader:
    """Precedence: relation, sum, product, power, atom."""

    def __init__(self, text, values, functions):
        self.tokens = TOKEN.findall(text)
        self.values = values
        self.functions = functions
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *expected):
        token = self.peek()
        assert not expected or token in expected, f"{token!r} in place of {expected} in {' '.join(self.tokens)}"
        self.at += 1
        return token

    def whole(self):
        value = self.relation()
        assert not self.peek(), f"{self.tokens[self.at :]} are left over"
        return value

    def relation(self):
        if self.peek() == r"\lnot":
            self.take()
            return np.logical_not(self.power())
        value = self.sum()
        while self.peek() in BETWEEN:
            value = BETWEEN[self.take()](value, self.sum())
        return value

    def sum(self):
        minus = self.peek() == "-" and self.take()
        value = -self.product() if minus else self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self):
        value = self.power()
        while self.peek() in (r"\,", r"\cdot"):
            self.take()
            value = value * self.power()
        return value

    def power(self):
        value = self.atom()
        if self.peek() == "^":
            self.take()
            value = np.power(value, self.braces() if self.peek() == "{" else self.atom())
            assert self.peek() != "^", "a double exponent"
        return value

    def braces(self):
        self.take("{")
        value = self.relation()
        self.take("}")
        return value

    def several(self, close):
        values = [self.relation()]
        while self.peek() == ",":
            self.take()
            values.append(self.relation())
        self.take(close)
        return values

    def atom(self):
        token = self.take()
        if token[0].isdigit():
            return np.float64(token)
        if token == r"\left(":
            values = self.several(r"\right)")
            return values[0] if len(values) == 1 else np.array(values)
        if token == r"\left|":
            return abs(self.several(r"\right|")[0])
        return getattr(self, f"read_{token.removeprefix(chr(92))}", lambda: self.name(token))()

    def read_frac(self):
        above, below = self.braces(), self.braces()
        return above / below

    def read_sqrt(self):
        return np.sqrt(self.braces())

    def read_max(self):
        self.take(r"\left(")
        return np.maximum(*self.several(r"\right)"))

    def read_min(self):
        self.take(r"\left(")
        return np.minimum(*self.several(r"\right)"))

    def read_infty(self):
        return math.inf

    def read_prod(self):
        for token in "_{j=0}^{k}":
            self.take(token)
        begin, factors = self.at, []
        for j in range(int(self.values["k"]) + 1):
            self.at = begin
            self.values["j"] = j
            factors.append(self.atom())
        return reduce(np.multiply, factors)

    def read_begin(self):
        for token in ("{", *"cases", "}"):
            self.take(token)
        value = self.relation()
        for token in ("&", r"\text", "{", *"if", "}"):
            self.take(token)
        condition = self.relation()
        self.take(r"\\")
        other = self.relation()
        for token in ("&", r"\text", "{", *"otherwise", "}", r"\end", "{", *"cases", "}"):
            self.take(token)
        return np.where(condition, value, other)

    def name(self, token):
        """A letter, a function of numbers, or one of time; with its index."""
        name = token
        if token == r"\mathrm":
            self.take("{")
            end = self.tokens.index("}", self.at)
            name = "".join(self.tokens[self.at : end]).replace(r"\_", "_")
            self.at = end + 1
            if self.peek() == r"\left(":
                self.take()
                return getattr(np, name)(*self.several(r"\right)"))
            if self.peek() == "(":
                self.take()
                return self.functions[name](self.several(")")[0])
            name = rf"\mathrm{{{name}}}"
        if self.peek() == "_":
            self.take()
            end = self.tokens.index("}", self.at)
            name += "_" + "".join(self.tokens[self.at : end + 1])
            self.at = end + 1
        if self.peek() == "'":
            name += self.take()
        return self.values[name]
