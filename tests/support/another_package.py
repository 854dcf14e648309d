"""What another package may hold: AdaBelief (Zhuang et al. 2020, arXiv:2010.07468), rule and class in one file."""

import sys
from dataclasses import dataclass

import numpy as np

import batchgd as bgd
from batchgd.kernels.vecmath import sqrt

VECTORS = ("mean", "belief")
SCALARS = ("weight1", "weight2")


def advance(weight1, weight2, beta1, beta2):
    return beta1 * weight1 + (1.0 - beta1), beta2 * weight2 + (1.0 - beta2)


def averaged(old, new, beta):
    return beta * old + (1.0 - beta) * new


def update(x, g, mean, belief, weight1, weight2, learning_rate, beta1, beta2, epsilon):
    mean = averaged(mean, g, beta1)
    belief = averaged(belief, (g - mean) * (g - mean), beta2) + epsilon
    return x - learning_rate * (mean / weight1) / (sqrt(belief / weight2) + epsilon), mean, belief


@bgd.register_method("adabelief", sys.modules[__name__])
@dataclass(frozen=True, eq=False)
class AdaBelief(bgd.methods.FirstOrder):
    """AdaBelief: m <- β1 m + (1 - β1) g, s <- β2 s + (1 - β2) (g - m)² + ε, x <- x - η m̂ / (√ŝ + ε)."""

    learning_rate: bgd.methods.Hyperparameter = 0.001
    beta1: bgd.methods.Hyperparameter = 0.9
    beta2: bgd.methods.Hyperparameter = 0.999
    epsilon: bgd.methods.Hyperparameter = 1e-8

    LIMITS = {
        "learning_rate": bgd.methods.POSITIVE,
        "beta1": bgd.methods.DECAY,
        "beta2": bgd.methods.DECAY,
        "epsilon": bgd.methods.POSITIVE,
    }
    EXAMPLE = {"learning_rate": 0.05}


def reference(gradient, x, updates, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """The iterate after some updates, by the paper's formulas."""
    mean, belief, weight1, weight2 = np.zeros(len(x)), np.zeros(len(x)), 0.0, 0.0
    for _ in range(updates):
        g = gradient(x)
        weight1, weight2 = beta1 * weight1 + (1.0 - beta1), beta2 * weight2 + (1.0 - beta2)
        mean = beta1 * mean + (1.0 - beta1) * g
        belief = beta2 * belief + (1.0 - beta2) * ((g - mean) * (g - mean)) + epsilon
        x = x - rate * (mean / weight1) / (np.sqrt(belief / weight2) + epsilon)
    return x
