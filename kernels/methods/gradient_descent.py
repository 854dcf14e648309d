"""Gradient descent with a constant learning rate: x <- x - η ∇f(x) (Cauchy 1847)."""


def update(x, g, learning_rate):
    """One coordinate of the next point."""
    return x - learning_rate * g


def step_squared(gg, learning_rate):
    """||η g||^2."""
    return learning_rate * learning_rate * gg
