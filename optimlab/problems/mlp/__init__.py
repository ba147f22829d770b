"""Fully connected nets: backpropagation by hand, for one net or for many at once."""

from optimlab.problems.mlp.activations import Activation, activation, leaky_relu
from optimlab.problems.mlp.batches import Batches, MiniBatchLoss
from optimlab.problems.mlp.layers import Layers, update_ratio
from optimlab.problems.mlp.losses import OutputLoss, SoftmaxCrossEntropy, SquaredError
from optimlab.problems.mlp.network import MLP
from optimlab.problems.mlp.training import TrainingLoss

__all__ = [
    "MLP",
    "Activation",
    "Batches",
    "Layers",
    "MiniBatchLoss",
    "OutputLoss",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "TrainingLoss",
    "activation",
    "leaky_relu",
    "update_ratio",
]
