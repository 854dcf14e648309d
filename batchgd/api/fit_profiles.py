"""What a fit offers about its profiles: intervals, identifiability, and the fit from another start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from batchgd.analysis.fitting.profile import profiles_of
from batchgd.analysis.fitting.profile_plane import plane_of
from batchgd.analysis.fitting.solutions import outcome
from batchgd.compiler.plain.calls import refusing_failures
from batchgd.engine.interrupts import heeded
from batchgd.engine.progress import Progress, Watch
from batchgd.problem.check import Interval
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import explained

if TYPE_CHECKING:
    from batchgd.analysis.fitting.data import Data
    from batchgd.analysis.fitting.model import Model
    from batchgd.analysis.fitting.profile_identifiability import Identifiability
    from batchgd.analysis.fitting.profile_intervals import ConfidenceIntervals
    from batchgd.analysis.fitting.profile_plane import Plane
    from batchgd.analysis.fitting.profile_result import Profiles
    from batchgd.analysis.fitting.solutions import Outcome
    from batchgd.api.result import MultistartResult
    from batchgd.compiler.losses import Loss

Levels = float | Sequence[float]


class Profiled:
    """The methods of :class:`FitResult` that fit again, with parameters held at values."""

    model: Model
    data: Data
    landscape: MultistartResult
    outcome: Outcome
    loss: Loss
    absolute_sigma: bool

    @explained
    def profile(
        self,
        names: str | Sequence[str] | None = None,
        *,
        level: Levels | None = None,
        sigmas: Levels = (1, 2, 3),
        points: int = 30,
        restarts: int = 10,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Profiles:
        """Return the profile of each parameter: the lowest chi-square at each of its values, with all others fitted.

        Values go from the best one to the limits, or as far as the highest level on a side without a limit, densely
        where chi-square is below that level. At each of them fits start from all solutions of the fit, from the optima
        at the values next to it, and from random points, so a profile changes to another basin where that is lower.

        Parameters
        ----------
        names : str or sequence of str, optional
            Parameters that vary; default: all of them.
        level, sigmas
            Levels of confidence, as for :meth:`conf_interval`.
        points : int
            How many values are between the ends of the widest interval; some more are beyond.
        restarts : int
            Random starts at each value. More of them for a model with many optima.
        seed : int
            Of these starts.
        progress : callable, optional
            As for :func:`multistart`.

        Returns
        -------
        Profiles
            ``profile["k"]`` has the values; ``profile.intervals`` and ``profile.identifiability`` what follows,
            ``profile.plot()`` the picture, and ``profile.better`` a better fit, if one was found on the way.

        Raises
        ------
        InputError
            If a parameter does not vary, or nothing is known about the noise.
        """
        watch = Watch(progress)
        with heeded(), refusing_failures():
            return profiles_of(
                self, names, level=level, sigmas=sigmas, points=points, restarts=restarts, seed=seed, watch=watch
            )

    def conf_interval(
        self,
        names: str | Sequence[str] | None = None,
        *,
        level: Levels | None = None,
        sigmas: Levels = (1, 2, 3),
        **options: Any,
    ) -> ConfidenceIntervals:
        """Return confidence intervals from profiles, as ``lmfit.conf_interval``: they may be asymmetric, or open.

        An end is where the rise of the lowest chi-square reaches the level. It is found by fits at the end itself, to
        1e-7 of its distance from the best value.

        - sigma relative: (chi(v) - chi_min) / chi_min · (m - p) = F(level; 1, m - p), with m points and p parameters;
        - sigma absolute: chi(v) - chi_min = chi²(level; 1).

        Parameters
        ----------
        names : str or sequence of str, optional
            Parameters that vary; default: all of them.
        level : float or sequence of float, optional
            Levels of confidence, between 0 and 1.
        sigmas : float or sequence of float
            Without ``level``: the levels that a normal distribution has within this many standard deviations.
        options
            ``points``, ``restarts``, ``seed`` and ``progress`` of :meth:`profile`.

        Returns
        -------
        ConfidenceIntervals
            Of each parameter; print it.

        Raises
        ------
        InputError
            If a parameter does not vary, or nothing is known about the noise.

        References
        ----------
        D. M. Bates and D. G. Watts, Nonlinear Regression Analysis (1988), section 6.1 (F-test). W. Q. Meeker and L. A.
        Escobar, Am. Stat. 49 (1995) 48 (chi-square).

        Examples
        --------
        >>> import batchgd as bgd
        >>> x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.1, 2.9, 5.1, 6.9])
        >>> line = bgd.fit("a + b*x", x, y, parameters={"a": (-9, 9), "b": (-9, 9)}, starts=20)
        >>> print(line.conf_interval("b", level=0.95)["b"])
        b = 1.96, from 1.71661 to 2.20339, at 95 %
        """
        return self.profile(names, level=level, sigmas=sigmas, **options).intervals

    def identifiability(
        self, names: str | Sequence[str] | None = None, *, level: float = 0.95, **options: Any
    ) -> Identifiability:
        """Return whether the data determine each parameter: identifiable, practically not, or structurally not.

        A parameter is identifiable if its interval is closed on both sides. It is structurally not identifiable if
        chi-square does not change when it and others do (J has no full rank, and the profile is flat), and practically
        not if the profile has a minimum but stays below the level on a side.

        Parameters
        ----------
        names, level, options
            As for :meth:`conf_interval`.

        References
        ----------
        A. Raue et al., Bioinformatics 25 (2009) 1923.
        """
        return self.profile(names, level=level, **options).identifiability

    @explained
    def profile2d(
        self,
        first: str,
        second: str,
        *,
        level: Levels | None = None,
        sigmas: Levels = (1, 2, 3),
        points: int = 30,
        restarts: int = 2,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Plane:
        """Return the joint profile of two parameters, as ``lmfit.conf_interval2d``: regions, and their contours.

        At the boundary the lowest chi-square has risen by 2 F(level; 2, m - p) s², or by chi²(level; 2) if sigma
        is absolute. The pairs cover the region around the best fit; of an open side as much as is useful.

        Parameters
        ----------
        first, second : str
            Two parameters that vary.
        points : int
            How many values of each.
        level, sigmas, restarts, seed, progress
            As for :meth:`profile`.

        Returns
        -------
        Plane
            ``x``, ``y``, ``rise`` and ``confidence``; ``plot()`` draws the contours.
        """
        watch = Watch(progress)
        how: dict[str, Any] = {"level": level, "sigmas": sigmas, "points": points, "restarts": restarts, "seed": seed}
        with heeded(), refusing_failures():
            return plane_of(self, first, second, watch=watch, **how)

    def with_start(self, values: Mapping[str, float]) -> Self:
        """Return the fit with one more start, such as ``profile.better``: its solution is listed with the others.

        Parameters
        ----------
        values : dict
            A value for each free parameter; others are ignored.

        Raises
        ------
        InputError
            If a value is missing, or is not a finite number.
        """
        from batchgd.api.multistart import multistart

        run, parameters = self.landscape, self.model.parameters
        missing = [name for name in parameters.free if name not in values]
        if missing:
            raise InputError(
                f"values lack the parameter {missing[0]!r}: give one for each of {', '.join(parameters.free)}"
            )
        given = np.array([Interval().one(f"values[{name!r}]", values[name]) for name in parameters.free])
        low, high = parameters.bounds.T
        start = np.clip(parameters.inward(given), low, high)
        guess = multistart(
            run.objective,
            starts=start[None],
            box=run.box,
            bounds=run.bounds,
            method=run.method,
            stopping=run.stopping,
            identity=run.identity,
            backend=run.backend,
            threads=run.threads,
        )
        found = outcome(self.model, self.data, self.outcome.exchange, run, guess)
        how = self.loss, self.absolute_sigma
        return type(self)(self.model, self.data, run, found, *how)  # type: ignore[call-arg]
