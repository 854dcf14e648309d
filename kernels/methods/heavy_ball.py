"""Heavy ball: x <- x - η ∇f(x) + β (x - x_previous) (Polyak 1964, USSR Comput. Math. Math. Phys. 4, 1, method 9)."""

VECTORS = ("velocity",)


def update(x, g, velocity, learning_rate, momentum):
    """One coordinate of the next point; the velocity is the last step."""
    velocity = momentum * velocity - learning_rate * g
    return x + velocity, velocity
