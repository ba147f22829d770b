"""Reverse-mode automatic differentiation of NumPy programs: a tape, and one sweep back over it.

``grad(f)`` runs f on values that record what is done to them, by operators and by NumPy's own functions, and then
passes once over the record in reverse. A rule is written for one array and registered once, with `Primitive`.
"""

from optimlab.lab.autodiff.functions import leaky_relu, logsumexp, relu, sigmoid, softmax_cross_entropy
from optimlab.lab.autodiff.gradients import grad, value_and_grad
from optimlab.lab.autodiff.graph import Graph, trace
from optimlab.lab.autodiff.primitive import Primitive
from optimlab.lab.autodiff.variable import Variable

__all__ = [
    "Graph",
    "Primitive",
    "Variable",
    "grad",
    "leaky_relu",
    "logsumexp",
    "relu",
    "sigmoid",
    "softmax_cross_entropy",
    "trace",
    "value_and_grad",
]
