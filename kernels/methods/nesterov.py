"""Nesterov's accelerated gradient with a constant momentum, written at the point where the gradient is taken.

v <- β v - η ∇f(x), x <- x + β v - η ∇f(x): x is the look-ahead point (Nesterov 1983, Dokl. Akad. Nauk SSSR 269,
543; in these variables: Bengio, Boulanger-Lewandowski and Pascanu 2013, arXiv:1212.0901, equation 7).
"""

VECTORS = ("velocity",)


def update(x, g, velocity, learning_rate, momentum):
    """One coordinate of the next point."""
    velocity = momentum * velocity - learning_rate * g
    return x + momentum * velocity - learning_rate * g, velocity
