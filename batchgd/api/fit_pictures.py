"""The pictures of a fit: ``fit.plot()`` and ``fit.plot.<name>()``; numbers come from the fit, drawing is elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class FitPictures:
    """``fit.plot()`` draws data, best curve, confidence band, other optima and residuals; a path writes a file."""

    def __init__(self, fit: Any) -> None:
        self._fit = fit

    def __call__(
        self,
        path: str | Path | None = None,
        *,
        axes: Any = None,
        x: str | None = None,
        y: str = "y",
        level: float = 0.95,
        sets: Sequence[str] = (),
    ) -> Any:
        """Draw the fit; return its two axes, the residuals below.

        Parameters
        ----------
        path : str or Path, optional
            A file to write, whose ending is the format: .png, .svg, .pdf, ...
        axes : two axes of Matplotlib, optional
            Default: those of a new figure.
        x, y : str, optional
            Labels of the axes.
        level : float
            Confidence of the band, between 0 and 1.
        sets : sequence of str
            Names of several data sets.
        """
        from batchgd.output.plot.canvas import drawn
        from batchgd.output.plot.fits import draw_fit

        return drawn(path, lambda: draw_fit(self._fit, axes, x=x, y=y, level=level, sets=sets))

    def residuals(self, axes: Any = None) -> Any:
        """Draw residuals against predictions, and against the quantiles of a normal distribution."""
        from batchgd.output.plot.fit_diagnostics import draw_residuals

        return draw_residuals(self._fit, axes)

    def correlation(self, ax: Any = None) -> Any:
        """Draw the correlation matrix of the free parameters."""
        from batchgd.output.plot.fit_diagnostics import draw_correlation

        return draw_correlation(self._fit, ax)

    def waterfall(self, ax: Any = None) -> Any:
        """Draw the final chi-square of each start in order: the width of a flat step is how many starts agree."""
        from batchgd.output.plot.fit_diagnostics import draw_waterfall

        return draw_waterfall(self._fit, ax)
