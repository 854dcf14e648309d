"""What rules that reject trials share: the next trial starts from the last accepted point."""

from batchgd.kernels.vecmath import where


def update(x, g, base_x, base_g, accepted, step):
    """One coordinate of the next trial, x <- x_accepted - η g_accepted, and the accepted point and gradient."""
    base_x = where(accepted, x, base_x)
    base_g = where(accepted, g, base_g)
    return base_x - step * base_g, base_x, base_g


def step_squared(step, base_gg):
    """||η g||^2 at the last accepted point."""
    return step * step * base_gg
