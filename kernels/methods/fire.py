"""FIRE 2.0, the fast inertial relaxation engine: a ball that runs downhill, steered, and stopped when it climbs.

With the force F = -∇f and the power P = F'v: while P > 0, the time step Δ grows after a delay and the mixing α falls;
else half of the last step is taken back, v is set to zero, Δ shrinks and α is reset. Then v <- v + Δ F,
v <- (1 - α) v + α F ||v|| / ||F||, x <- x + Δ v: semi-implicit Euler, unit masses (Guénolé et al. 2020, Comput. Mater.
Sci. 175, 109584, with ``initialdelay`` and without the limit on the number of climbs; Bitzek et al. 2006, Phys. Rev.
Lett. 97, 170201). A step that is longer than ``max_displacement``, in box widths, is shortened to it and leaves v as it
is, as ASE's ``maxstep`` does; half of the last step, when it is taken back, counts as part of the step.
"""

from batchgd.kernels.vecmath import maximum, minimum, sqrt, where

VECTORS = ("velocity",)
SCALARS = ("interval", "blend", "downhill")


def sum_power(velocity, g):
    """P = F'v."""
    return -velocity * g


def sum_vv(velocity):
    """v'v."""
    return velocity * velocity


def sum_wide_vv(velocity, inverse_width):
    """v'v in box widths."""
    return (velocity * inverse_width) * (velocity * inverse_width)


def sum_wide_vg(velocity, g, inverse_width):
    """v'g in box widths."""
    return (velocity * inverse_width) * (g * inverse_width)


def sum_wide_gg(g, inverse_width):
    """g'g in box widths."""
    return (g * inverse_width) * (g * inverse_width)


def advance(
    first,
    nit,
    power,
    interval,
    blend,
    downhill,
    time_step,
    longest,
    shortest,
    delay,
    growth,
    shrink,
    mixing,
    mixing_decay,
):
    """The time step Δ, the mixing α, and how many steps in a row have gone downhill."""
    down = power > 0.0
    downhill = where(down, downhill + 1.0, 0.0)
    late = downhill > delay
    shorter = where((nit >= delay) & (shrink * interval >= shortest * time_step), shrink * interval, interval)
    longer = where(late, minimum(growth * interval, longest * time_step), interval)
    weaker = where(late, mixing_decay * blend, blend)
    return (
        where(first, time_step, where(down, longer, shorter)),
        where(first, mixing, where(down, weaker, where(nit >= delay, mixing, blend))),
        downhill,
    )


def share(wide_vv, wide_vg, wide_gg, inertia, push, max_displacement):
    """What remains of a step of ``inertia`` v - ``push`` g: all of it unless it is too long in box widths."""
    squared = inertia * inertia * wide_vv - 2.0 * inertia * push * wide_vg + push * push * wide_gg
    return minimum(1.0, max_displacement / sqrt(maximum(squared, 0.0)))


def update(x, g, velocity, gg, power, vv, wide_vv, wide_vg, wide_gg, interval, blend, downhill, max_displacement):
    """One coordinate of the next point; ||v + Δ F||² follows from the dot products."""
    down = downhill > 0.0
    speed = where(down, vv + 2.0 * interval * power, 0.0) + interval * interval * gg
    kept = where(down, 1.0 - blend, 0.0)
    force = (1.0 - blend) * interval + blend * sqrt(speed / gg)
    inertia = interval * where(down, kept, -0.5)
    push = interval * force
    step = inertia * velocity - push * g
    step = step * share(wide_vv, wide_vg, wide_gg, inertia, push, max_displacement)
    return x + step, kept * velocity - force * g
