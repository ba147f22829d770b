"""Problems for the tests of descents."""

import numpy as np


class Bowl:
    """Sum of squares; counts what is asked."""

    def __init__(self, start=(1.0, 2.0)):
        self.start = np.array(start)
        self.values = self.gradients = 0

    def value(self, w):
        self.values += 1
        return np.sum(w * w, axis=-1)

    def gradient(self, w):
        self.gradients += 1
        return 2 * w


class Together(Bowl):
    def value_and_gradient(self, w):
        return np.sum(w * w, axis=-1), 2 * w
