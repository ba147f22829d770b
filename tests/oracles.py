"""The papers' algorithms retyped slowly: float64, one number at a time, never our code."""

import math


def sgd(w, gradients, lr):
    for g in gradients:
        w = [wi - lr * gi for wi, gi in zip(w, g, strict=True)]
    return w


def momentum(w, gradients, lr, beta):
    m = [0.0] * len(w)
    for g in gradients:
        for i in range(len(w)):
            m[i] = beta * m[i] + (1 - beta) * g[i]
            w[i] = w[i] - lr * m[i]
    return w


def heavy_ball(w, gradients, lr, beta):
    """Sutskever et al. 2013, equations 1 and 2, with the rate outside."""
    v = [0.0] * len(w)
    for g in gradients:
        for i in range(len(w)):
            v[i] = beta * v[i] + g[i]
            w[i] = w[i] - lr * v[i]
    return w


def nesterov(w, gradients, lr, beta):
    v = [0.0] * len(w)
    for g in gradients:
        for i in range(len(w)):
            v[i] = beta * v[i] + g[i]
            w[i] = w[i] - lr * (g[i] + beta * v[i])
    return w


def rmsprop(w, gradients, lr, beta, eps):
    v = [0.0] * len(w)
    for g in gradients:
        for i in range(len(w)):
            v[i] = beta * v[i] + (1 - beta) * g[i] ** 2
            w[i] = w[i] - lr * g[i] / (math.sqrt(v[i]) + eps)
    return w


def adam(w, gradients, lr, beta1, beta2, eps, weight_decay=0.0):
    """Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2, line 12 (violet and green)."""
    m, v = [0.0] * len(w), [0.0] * len(w)
    for t, g in enumerate(gradients, start=1):
        for i in range(len(w)):
            m[i] = beta1 * m[i] + (1 - beta1) * g[i]
            v[i] = beta2 * v[i] + (1 - beta2) * g[i] ** 2
            m_hat = m[i] / (1 - beta1**t)
            v_hat = v[i] / (1 - beta2**t)
            w[i] = w[i] - lr * (m_hat / (math.sqrt(v_hat) + eps) + weight_decay * w[i])
    return w
