"""Write docs/fits-nist.md: bgd.fit and SciPy on NIST's 27 regressions, `python docs/fits_nist.py` (some minutes)."""

import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

import batchgd as bgd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "examples"))
import nist  # noqa: E402

STARTS, OF_SCIPY = 2000, 100
WIDE = 9.5
"""The margin that makes a box ten times as wide as with the margin of 0.5."""
CLOSE = 1e-6
"""Relative error of a residual sum that counts as the certified one."""
EXACT = 1e-15
"""Lanczos1's data are exact to 14 digits: its certified residual sum is rounding."""
DIGITS = {"parameters": 7, "errors": 5, "residual sum": 9}
"""What the best fit must have."""

TEXT = """# NIST's 27 regressions with bgd.fit

Written by `python docs/fits_nist.py`. All nonlinear regressions of NIST's Statistical Reference Datasets, fitted with
`bgd.fit` and its defaults from {starts:,} starts, and with SciPy's `least_squares` (`x_scale="jac"`, otherwise its
defaults) from the first {of_scipy} of the same starts. Share of the starts that end at the certified residual sum, to
{close:.0e}:

- *narrow*: starts in the box that spans both of NIST's starting points, widened by half of its width on each side;
- *wide*: in a box around the same middle, ten times as wide;
- *limits*: the wide box is also that of the limits, of `trf` in SciPy. Without limits, `lm`.

A dash: not one start.

{table}

{exact}

Lanczos1 has data that are exact to 14 digits, so its residual sum, 1.4e-25, is their rounding, and so are the errors
that follow from it. MGH10 has a valley in which two parameters change by factors of ten thousand, and few starts in a
box of linear scale find it. With `scale="log"`, from the upper ends of the wide box over six decades, {scaled} do.

{outside}

Where SciPy's `lm` is ahead in a wide box, most of that box has no optimum: the sum of squares falls forever, as
Misra1a's does for a negative amplitude, or is flat to rounding, as Nelson's is for fast decays. Steps of `bgd.fit` are
at most one width of the box, and a start that leaves it by ten widths ends as `ESCAPED`; `lm` may jump far across. Give
limits that exclude such values.
"""

EXACT_DIGITS = """The best of each of the three fits has all certified parameters to at least {parameters} digits, their
standard deviations to {errors}, and the residual sum to {residual}, up to the order of components and the signs that a
model does not tell apart (of widths, which are squared). Exceptions: {exceptions}."""
OUTSIDE = """In {outside} of 27 sets, a certified value is outside the narrow box ({names}): so it is where starts are
drawn, `bgd.Parameter(box=(lo, hi))`, and not the limits. All certified values are within the wide one."""


def main(names: list[str]) -> None:
    """Fit all sets and write the page."""
    head = ["fit", "parameters", *(f"{box}, {program}" for box in ("narrow", "wide", "limits") for program in PROGRAMS)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    exceptions, outside = [], []
    for name in names or sorted(nist.MODELS):
        data = nist.read(nist.FOLDER / f"{name}.dat")
        narrow, wide = data.box_around(), data.box_around(WIDE)
        if _outside(data, narrow):
            outside.append(name)
        assert not _outside(data, wide), name
        cells = [name, str(len(data.parameters))]
        for title, box, limited in (("narrow", narrow, False), ("wide", wide, False), ("limits", wide, True)):
            ours, lacking = _ours(data, _parameters(box, limited))
            cells += [ours, _scipys(data, box, limited)]
            exceptions += [f"{name}, {title}: {lacking}"] if lacking else []
        lines.append(f"| {' | '.join(cells)} |")
        print(lines[-1], exceptions, file=sys.stderr, flush=True)
    text = TEXT.format(
        starts=STARTS,
        of_scipy=OF_SCIPY,
        close=CLOSE,
        table="\n".join(lines),
        exact=_filled(
            EXACT_DIGITS,
            parameters=DIGITS["parameters"],
            errors=DIGITS["errors"],
            residual=DIGITS["residual sum"],
            exceptions="; ".join(exceptions) or "none",
        ),
        scaled=_logarithmic(),
        outside=_filled(OUTSIDE, outside=len(outside), names=", ".join(outside)),
    )
    if not names:
        (HERE / "fits-nist.md").write_text(text)


PROGRAMS = ("batchgd", "SciPy")


def _filled(paragraph: str, **words: object) -> str:
    return textwrap.fill(paragraph.format(**words), width=120, break_long_words=False, break_on_hyphens=False)


def _outside(data: nist.Dataset, box: np.ndarray) -> bool:
    return bool(((data.parameters < box[:, 0]) | (data.parameters > box[:, 1])).any())


def _certified(data: nist.Dataset, residual_sum: np.ndarray | float) -> np.ndarray:
    return np.abs(residual_sum - data.residual_sum) <= max(CLOSE * data.residual_sum, EXACT)


def _parameters(box: np.ndarray, limited: bool) -> list[bgd.Parameter]:
    return [bgd.Parameter(min=low, max=high) if limited else bgd.Parameter(box=(low, high)) for low, high in box]


def _ours(data: nist.Dataset, parameters: list[bgd.Parameter]) -> tuple[str, str]:
    """The share of the starts, and what the best fit lacks."""
    model = nist.MODELS[data.name]
    fit = bgd.fit(lambda x, b: model(b, x), data.x, data.y, parameters=parameters, starts=STARTS)
    reached = sum(each.count for each in fit.solutions if _certified(data, each.chisqr))
    return _share(reached, STARTS), _lacking(data, fit)


def _logarithmic() -> str:
    """The share of the starts that find MGH10's fit, if all parameters are positive and on a log scale."""
    data = nist.read(nist.FOLDER / "MGH10.dat")
    high = data.box_around(WIDE)[:, 1]
    parameters = [bgd.Parameter(min=1e-6 * each, max=each, scale="log") for each in high]
    return _ours(data, parameters)[0]


def _lacking(data: nist.Dataset, fit: bgd.FitResult) -> str:
    """What has fewer certified digits than it should, with its number."""
    if not _certified(data, fit.chisqr):
        return "not found"
    order = _same_order(data, fit)
    values = np.abs([*fit.best.values.values()])[order]
    errors = np.array([each.stderr or np.nan for each in fit.params.values()])[order]
    pairs = {"parameters": (values, np.abs(data.parameters)), "errors": (errors, data.deviations)}
    pairs["residual sum"] = (np.array([fit.chisqr]), np.array([data.residual_sum]))
    found = {name: min(map(nist.agreeing_digits, *pair)) for name, pair in pairs.items()}
    return ", ".join(f"{name} to {found[name]:.1f}" for name in found if not found[name] >= DIGITS[name])


def _same_order(data: nist.Dataset, fit: bgd.FitResult) -> list[int]:
    """Places of the parameters in NIST's order, if components may be exchanged: the order that is nearest to it."""
    values = np.abs([*fit.best.values.values()])
    groups = COMPONENTS.get(data.name, [])
    orders = [[*range(len(values))]]
    for one in range(len(groups)):
        for other in range(one + 1, len(groups)):
            orders += [_exchanged(order, groups[one], groups[other]) for order in orders]
    return min(orders, key=lambda order: float(np.abs(values[order] / np.abs(data.parameters) - 1.0).max()))


def _exchanged(order: list[int], one: list[int], other: list[int]) -> list[int]:
    found = list(order)
    for a, b in zip(one, other, strict=True):
        found[a], found[b] = order[b], order[a]
    return found


COMPONENTS = {
    **{f"Gauss{k}": [[2, 3, 4], [5, 6, 7]] for k in (1, 2, 3)},
    **{f"Lanczos{k}": [[0, 1], [2, 3], [4, 5]] for k in (1, 2, 3)},
    "MGH17": [[1, 3], [2, 4]],
    "ENSO": [[3, 4, 5], [6, 7, 8]],
}
"""Parameters that may be exchanged with others."""


def _scipys(data: nist.Dataset, box: np.ndarray, limited: bool) -> str:
    model, reached = nist.MODELS[data.name], 0
    options = {"bounds": box.T, "method": "trf"} if limited else {"method": "lm"}
    for start in bgd.start(0, np.arange(OF_SCIPY), box):
        try:
            with np.errstate(all="ignore"):
                found = least_squares(lambda b: model(b, data.x) - data.y, start, x_scale="jac", **options)
            reached += int(_certified(data, 2.0 * found.cost))
        except (ValueError, np.linalg.LinAlgError):  # not finite at the start, or on the way
            continue
    return _share(reached, OF_SCIPY)


def _share(reached: int, starts: int) -> str:
    return f"{100 * reached / starts:.3g} %" if reached else "–"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
