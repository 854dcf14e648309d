"""Trial steps: what rules that reject trials share, and gradients whose squares overflow.

Rules whose steps do not depend on the gradient's scale see such gradients scaled down.

In float32 that begins at ||g|| = 2e19, which a Lennard-Jones pair reaches at a thirtieth of its diameter. Above
``largest_square`` the gradient is multiplied by ``downscale``, a power of two, so that neither squares nor products
with a matrix of the same scale overflow; below, no bit changes. A step from one range to the other compares gradients
of different scales: it then looks like one along negative curvature, and the next is as long as the cap allows.
"""

from batchgd.kernels.vecmath import sqrt, where


def damping_of(gg, largest_square, downscale):
    """The factor of the gradient: 1 unless its squared norm ``gg`` is too large, or not a number."""
    return where(gg <= largest_square, 1.0, downscale)


def damped(g, gg, largest_square, downscale):
    """One coordinate of the gradient that the rule sees."""
    return g * damping_of(gg, largest_square, downscale)


def finite(number):
    """Whether a number is neither infinite nor NaN."""
    return number - number == 0.0


def longest_step(scaled, max_displacement):
    """The step that moves by ``max_displacement`` along a direction of this squared length, both in box widths.

    NaN if the square has over- or underflowed: a step of zero would be taken for one that is lost in rounding.
    """
    cap = max_displacement / sqrt(scaled)
    return cap + 0.0 * (cap + scaled)


def update(x, g, base_x, base_g, accepted, step):
    """One coordinate of the next trial, x <- x_accepted - η g_accepted, and the accepted point and gradient."""
    base_x = where(accepted, x, base_x)
    base_g = where(accepted, g, base_g)
    return base_x - step * base_g, base_x, base_g


def step_squared(step, base_gg):
    """||η g||^2 at the last accepted point."""
    return step * step * base_gg
