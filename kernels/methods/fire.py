"""FIRE 2.0, the fast inertial relaxation engine: a ball that runs downhill, steered, and stopped where it climbs.

With the force F = -∇f and the power P = F'v: while P > 0, the time step Δ grows after a delay and the mixing α falls;
else half of the last step is taken back, v is set to zero, Δ shrinks and α starts anew. Then v <- v + Δ F,
v <- (1 - α) v + α F ||v|| / ||F||, x <- x + Δ v: semi-implicit Euler, unit masses (Guénolé et al. 2020, Comput. Mater.
Sci. 175, 109584, with ``initialdelay`` and without the limit on the number of climbs; Bitzek et al. 2006, Phys. Rev.
Lett. 97, 170201).
"""

from batchgd.kernels.vecmath import minimum, sqrt, where

VECTORS = ("velocity",)
SCALARS = ("interval", "blend", "downhill")


def sum_power(velocity, g):
    """P = F'v."""
    return -velocity * g


def sum_vv(velocity):
    """v'v."""
    return velocity * velocity


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


def update(x, g, velocity, gg, power, vv, interval, blend, downhill):
    """One coordinate of the next point; ||v + Δ F||² follows from the dot products."""
    down = downhill > 0.0
    back = where(down, 0.0, 0.5 * interval * velocity)
    speed = where(down, vv + 2.0 * interval * power, 0.0) + interval * interval * gg
    velocity = where(down, velocity, 0.0) - interval * g
    velocity = (1.0 - blend) * velocity - blend * sqrt(speed / gg) * g
    return x - back + interval * velocity, velocity
