"""Special functions on traced numbers, composed of elementary ones, so that their derivatives follow from the graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from batchgd.compiler.trace import elementary
from batchgd.compiler.trace.complex_numbers import voigt_profile
from batchgd.compiler.trace.differentiate import gradient
from batchgd.compiler.trace.elementary import choose
from batchgd.compiler.trace.scalar import Scalar, apply
from batchgd.kernels.vecmath.constants import ERFC_TAIL

Formula = Callable[..., Any]

# log Gamma(2 + t) / t on |t| <= 1/2, to 2^-56, lowest power first
NEAR_TWO = (
    0.42278433509846713,
    0.3224670334241132,
    -0.06735230105319814,
    0.02058080842778457,
    -0.0073855510286681535,
    0.002890510330738737,
    -0.0011927539120010226,
    0.0005096695248853096,
    -0.00022315475074520367,
    9.945750909889392e-05,
    -4.4926351103833334e-05,
    2.050726741605779e-05,
    -9.438458716242811e-06,
    4.374374916915131e-06,
    -2.0449201467015115e-06,
    9.578663334114758e-07,
    -4.303558760359961e-07,
    2.0304806751615227e-07,
    -1.3412819758517287e-07,
    6.379047507619774e-08,
)

STIRLING = tuple(
    number / (2 * k * (2 * k - 1))
    for k, number in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510), 1)
)
"""B_2k / (2k (2k - 1)), the coefficients of Stirling's series in 1/a^2."""

_ERFCX_ASYMPTOTIC = (1.0, -1.0, 3.0, -15.0, 105.0, -945.0, 10395.0)


def _horner(t: Any, coefficients: Any) -> Any:
    """Evaluate a polynomial, given from its lowest power up."""
    total: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * t + coefficient
    return total


def gammaln(a: Any) -> Any:
    """log |Gamma(a)|: a series around 2, to which the recurrence leads, Stirling's from 8.5 on, reflected below 0."""
    below = a < 0.0
    z = choose(below, 1.0 - a, a)
    y = apply("minimum", z, 8.5)
    product: Any = 1.0
    for _ in range(7):  # down to [1.5, 2.5)
        down = y >= 2.5
        y = choose(down, y - 1.0, y)
        product = choose(down, product * y, product)
    tiny, small, large = z < 0.5, z < 1.5, z >= 8.5
    t = choose(tiny, z, choose(small, z - 1.0, y - 2.0))
    factor = choose(tiny, z * (1.0 + z), z)
    log = apply("log", choose(large, z, choose(small, factor, product)))
    near = t * _horner(t, NEAR_TWO) + choose(small, -log, log)
    inverse = 1.0 / choose(large, z, 8.5)
    far = (z - 0.5) * log - z + (0.5 * math.log(2.0 * math.pi) + inverse * _horner(inverse * inverse, STIRLING))
    value = choose(large, far, near)
    wave = apply("absolute", apply("sin", math.pi * (a - apply("floor", a))))
    return choose(below, math.log(math.pi) - apply("log", wave) - value, value)


def _slope(formula: Formula) -> Formula:
    """Return the derivative of a formula of one number."""

    def function(a: Any) -> Any:
        return Scalar(gradient(formula(a).node, [a.node])[0])

    return function


digamma = _slope(gammaln)


def _gamma(a: Any) -> Any:
    whole = apply("floor", a) * 0.5
    odd = (a < 0.0) & (whole > apply("floor", whole))
    size = apply("exp", gammaln(a))
    return choose(odd, -size, size)


def _betaln(a: Any, b: Any) -> Any:
    return _lgamma(a) + _lgamma(b) - _lgamma(a + b)


def _lgamma(a: Any) -> Any:
    """Return log |Gamma| of a traced or known number."""
    known = isinstance(a, Scalar) and a.node.is_constant
    return math.lgamma(float(a)) if known or not isinstance(a, Scalar) else gammaln(a)


def _binom(n: Any, k: Any) -> Any:
    return apply("exp", _lgamma(n + 1.0) - _lgamma(k + 1.0) - _lgamma(n - k + 1.0))


def _polygamma(order: Any, a: Any) -> Any:
    formula: Formula = digamma
    for _ in range(int(order)):
        formula = _slope(formula)
    return formula(a)


def erfcx(a: Any) -> Any:
    """exp(a^2) erfc(a), without overflow for large a."""
    far, beyond = a >= 1.0, a > 28.0
    x = choose(far, choose(beyond, 28.0, a), 1.0)
    tail = _horner((x - 4.0) / (x + 4.0), ERFC_TAIL[64]) / (2.0 * x + 1.0)
    inverse = 1.0 / choose(beyond, a, 28.0)
    last = _horner(inverse * inverse * 0.5, _ERFCX_ASYMPTOTIC) * inverse / math.sqrt(math.pi)
    y = choose(far, 1.0, a)
    return choose(beyond, last, choose(far, tail, apply("exp", y * y) * apply("erfc", y)))


def ndtr(a: Any) -> Any:
    """The distribution function of the standard normal distribution."""
    return apply("erfc", a * -math.sqrt(0.5)) * 0.5


def log_ndtr(a: Any) -> Any:
    """Its logarithm, accurate in both tails."""
    low, high = a < -1.0, a > 1.0
    size = apply("absolute", a) * math.sqrt(0.5)
    tail = apply("log", erfcx(choose(low, size, 1.0)) * 0.5) - size * size
    middle = apply("log", ndtr(choose(low | high, 0.0, a)))
    return choose(low, tail, choose(high, apply("log1p", apply("erfc", size) * -0.5), middle))


def _entr(a: Any) -> Any:
    return choose(a > 0.0, -(a * apply("log", a)), choose(a == 0.0, 0.0, choose(a < 0.0, -math.inf, a)))


def _rel_entr(a: Any, b: Any) -> Any:
    inside = choose((a == 0.0) & (b >= 0.0), 0.0, math.inf)
    return choose((a > 0.0) & (b > 0.0), a * apply("log", a / b), inside)


def _xlog1py(a: Any, b: Any) -> Any:
    return choose((a == 0.0) & (b == b), 0.0, a * apply("log1p", b))


def _huber(delta: Any, r: Any) -> Any:
    size = apply("absolute", r)
    return choose(size <= delta, 0.5 * (r * r), delta * (size - 0.5 * delta))


def _pseudo_huber(delta: Any, r: Any) -> Any:
    ratio = r / delta
    return delta * delta * (apply("sqrt", 1.0 + ratio * ratio) - 1.0)


def _chebyshev(function: Callable[[Any], Any], degree: int, low: float, high: float) -> Formula:
    """Return a formula close to a function on an interval, from Chebyshev interpolation, by Clenshaw's recurrence."""
    made: list[Any] = []

    def formula(a: Any) -> Any:
        if not made:
            made.extend(np.polynomial.Chebyshev.interpolate(function, degree, [low, high]).coef.tolist())
        t = (a - 0.5 * (low + high)) * (2.0 / (high - low))
        ahead: Any = 0.0
        after: Any = 0.0
        for coefficient in made[:0:-1]:
            ahead, after = 2.0 * t * ahead - after + coefficient, ahead
        return t * ahead - after + made[0]

    return formula


def _scipy(name: str) -> Callable[[Any], Any]:
    def function(a: Any) -> Any:
        from scipy import special

        return getattr(special, name)(a)

    return function


def _scaled_bessel(name: str) -> Formula:
    """exp(-|a|) I_n(a): an interpolant in |a| to 8, then one in 16/|a| of its product with sqrt(|a|)."""
    inner = _chebyshev(_scipy(name), 32, 0.0, 8.0)
    outer = _chebyshev(lambda u: np.sqrt(8.0 / u) * _scipy(name)(8.0 / u), 26, 0.0, 1.0)

    def formula(a: Any) -> Any:
        size = apply("absolute", a)
        near = size <= 8.0
        far = choose(near, 8.0, size)
        value = choose(near, inner(choose(near, size, 8.0)), outer(8.0 / far) / apply("sqrt", far))
        return choose(a < 0.0, -value, value) if name == "i1e" else value

    return formula


def _bessel(order: int) -> Formula:
    """J_n(a): an interpolant in a^2 to 8, then sqrt(2 / (pi |a|)) (P cos - Q sin) of the phase, P and Q in (8/a)^2."""
    name = f"j{order}"

    def phase(u: Any) -> Any:
        size = 8.0 / np.sqrt(u)
        return size, size - (0.25 + 0.5 * order) * math.pi

    def part(cosine: float, sine: float) -> Callable[[Any], Any]:
        def function(u: Any) -> Any:
            size, angle = phase(u)
            j, y = _scipy(name)(size), _scipy(f"y{order}")(size)
            turned = np.cos(angle) * (j if cosine else y) + np.sin(angle) * (y if cosine else j) * sine
            return np.sqrt(0.5 * math.pi * size) * turned * (1.0 if cosine else size)

        return function

    inner = _chebyshev(lambda u: _scipy(name)(np.sqrt(u)) / np.sqrt(u) ** order, 20, 0.0, 64.0)
    even, odd = _chebyshev(part(1.0, 1.0), 12, 0.0, 1.0), _chebyshev(part(0.0, -1.0), 12, 0.0, 1.0)

    def formula(a: Any) -> Any:
        size = apply("absolute", a)
        near = size <= 8.0
        x, far = choose(near, a, 8.0), choose(near, 8.0, size)
        u, angle = 64.0 / (far * far), far - (0.25 + 0.5 * order) * math.pi
        wave = even(u) * apply("cos", angle) - odd(u) / far * apply("sin", angle)
        outer = apply("sqrt", 2.0 / (math.pi * far)) * wave
        return choose(near, inner(x * x) * (x if order else 1.0), choose(a < 0.0, -outer, outer) if order else outer)

    return formula


_i0e, _i1e = _scaled_bessel("i0e"), _scaled_bessel("i1e")

SPECIAL_FUNCTIONS: dict[str, Formula] = {
    "gammaln": gammaln,
    "loggamma": gammaln,
    "psi": digamma,
    "digamma": digamma,
    "gamma": _gamma,
    "factorial": lambda a: _gamma(a + 1.0),
    "polygamma": _polygamma,
    "betaln": _betaln,
    "beta": lambda a, b: apply("exp", _betaln(a, b)),
    "binom": _binom,
    "erfcx": erfcx,
    "ndtr": ndtr,
    "log_ndtr": log_ndtr,
    "logit": lambda a: apply("log", a) - apply("log1p", -a),
    "entr": _entr,
    "rel_entr": _rel_entr,
    "kl_div": lambda a, b: _rel_entr(a, b) - a + b,
    "xlog1py": _xlog1py,
    "huber": _huber,
    "pseudo_huber": _pseudo_huber,
    "voigt_profile": voigt_profile,
    "exp10": lambda a: apply("exp", a * math.log(10.0)),
    "cosm1": lambda a: -2.0 * apply("sin", a * 0.5) * apply("sin", a * 0.5),
    "j0": _bessel(0),
    "j1": _bessel(1),
    "i0e": _i0e,
    "i1e": _i1e,
    "i0": lambda a: _i0e(a) * apply("exp", apply("absolute", a)),
    "i1": lambda a: _i1e(a) * apply("exp", apply("absolute", a)),
}

ELEMENTWISE: dict[str, Formula] = {**elementary.ELEMENTWISE, **SPECIAL_FUNCTIONS}
"""What each elementwise function is on traced numbers, by the name of its ufunc."""
