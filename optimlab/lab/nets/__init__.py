"""Fully connected nets and deep chains, with backpropagation for one net or for many at once.

An argument of the wrong kind is a TypeError, one outside its range a ValueError. What diverges is inf or NaN, without a
warning. S replicas are S nets at once: every array has a first axis of length S; for a single net there is none.
"""

from optimlab.lab.nets.activations import Activation, activation
from optimlab.lab.nets.chains import LayerChain, PathChain, UnitChain
from optimlab.lab.nets.losses import OutputLoss, SoftmaxCrossEntropy, SquaredError
from optimlab.lab.nets.network import MLP
from optimlab.lab.nets.passes import Layers, update_ratio
from optimlab.lab.nets.training import Batches, MiniBatchLoss, TrainingLoss

__all__ = [
    "MLP", "Activation", "Batches", "LayerChain", "Layers", "MiniBatchLoss", "OutputLoss", "PathChain",
    "SoftmaxCrossEntropy", "SquaredError", "TrainingLoss", "UnitChain", "activation", "update_ratio",
]  # fmt: skip
