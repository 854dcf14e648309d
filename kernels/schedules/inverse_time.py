"""Inverse time: η_t = η_0 / (1 + t / T) (Robbins and Monro 1951, Ann. Math. Stat. 22, 400)."""


def rate(nit, learning_rate, half_life):
    """The learning rate after ``nit`` updates."""
    return learning_rate * half_life / (half_life + nit)
