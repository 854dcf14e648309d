"""The result that a user sees: the data of a run, and what can be done with them."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from batchgd.minima.results import BatchData, LandscapeData
from batchgd.problem.errors import InputError
from batchgd.problem.speaker import said

if TYPE_CHECKING:
    from batchgd.analysis.basins.fidelity import Fidelity
    from batchgd.analysis.basins.stability import Stability
    from batchgd.analysis.saddles import Saddles
    from batchgd.analysis.strategies.network import Network
    from batchgd.api.pictures import Pictures
    from batchgd.problem.identity import Identity

_OF_LABELS = ("label", "minima", "stationary", "identity")


class BatchResult(BatchData):
    """The endpoints of n descents in d dimensions; n starts in, n entries out, in the order of the starts.

    Arrays are NumPy, or CuPy if the run was asked to leave them on the device.

    Attributes
    ----------
    x : (n, d)
        Endpoints; ``fun`` (n,) the values there, ``jac`` (n, d) the gradients.
    nit, nfev : (n,)
        Updates made, and evaluations of value and gradient.
    status : (n,) int8
        Why each trajectory ended: codes of ``Status``; ``message`` has the sentences, ``success`` the verdict.
    objective, starts, method, box, stopping, scale
        The function, the source of the start points, the update rule, the region of the starts or None, the stopping
        rule or None, and the units in which steps were measured, (d,), or None for those of x.
    backend, dtype, threads, seconds, warnings
        Two names, the worker threads of the run or None (not saved; analyses that run again use the same number), the
        wall time of the solve, and warnings in plain sentences.

    counted : dict, optional
        How many starts ended with which status, for a run that kept no trajectories.

    ``result[i]`` is one :class:`Trajectory`, ``result[a:b]`` (or a mask, or an index array) a smaller BatchResult.

    >>> batch = BatchResult(x=[[0.0], [2.0]], fun=[0.0, 4.0], nit=[3, 9], nfev=[4, 10], status=[1, 5])
    >>> len(batch), batch.status_counts(), batch[1].fun
    (2, {'GRADIENT': 1, 'MAXITER': 1}, 4.0)
    """

    @classmethod
    def of(cls, data: BatchData) -> Self:
        """Return the result with these data."""
        result = object.__new__(cls)
        result.__dict__ = data.__dict__
        return result

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and (name in _OF_LABELS or hasattr(MultistartResult, name)):
            raise AttributeError(f"this result has no labels and therefore no {name!r}: run bgd.multistart")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _part(self, index: Any) -> "BatchResult":
        return BatchResult.of(super()._part(index))

    def __repr__(self) -> str:
        from batchgd.output.report import text

        return text(self, self._note())

    def _repr_html_(self) -> str:
        from batchgd.output.report import html

        return html(self, self._note())

    def _note(self) -> str | None:
        """What an analysis adds to the printed result."""
        return None

    def summary(self) -> dict[str, Any]:
        """The result without its arrays, as a dict that ``json.dumps`` takes: what ``--json`` prints.

        JSON has no NaN and no infinity: such numbers are None (null).
        """
        from batchgd.output.summary import summary

        return summary(self)

    def record(self) -> dict[str, Any]:
        """What :meth:`summary` returns, with arrays as they are and tables as columns: quick for a million minima."""
        from batchgd.output.summary import record

        return record(self)

    def to_dataframe(self, *, starts: bool = False) -> Any:
        """Return a pandas DataFrame, one row per start: ``x0 … x{d-1}, fun, nit, nfev, status, success`` and ``label``.

        Parameters
        ----------
        starts : bool
            Also include the start points, as columns ``start0 … start{d-1}``.

        Raises
        ------
        ImportError
            If pandas is not installed; the message names the command that installs it.
        """
        from batchgd.output.frames import trajectories_frame

        return trajectories_frame(self, starts=starts)

    def to_xarray(self) -> Any:
        """Return an xarray Dataset with dimensions ``start``, ``coordinate`` and (for a multi-start) ``minimum``."""
        from batchgd.output.frames import dataset

        return dataset(self)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the result into a new file, whole or not at all: an ``.npz`` file of NumPy; see :func:`batchgd.load`.

        Parameters
        ----------
        path : str or Path
            The file, in a folder that exists; ``.npz`` is the usual ending.
        overwrite : bool
            Replace an earlier saved result; any other file is still refused.

        Raises
        ------
        InputError
            If the name is taken, or the disk is full or fails; nothing is left behind.
        """
        from batchgd.api.storage.save import save

        return save(self, path, overwrite=overwrite)

    @property
    def plot(self) -> "Pictures":
        """The pictures: ``result.plot.waterfall()``, ...; ``result.plot("file.png")`` draws the one that suits."""
        from batchgd.api.pictures import Pictures

        return Pictures(self)


class MultistartResult(BatchResult, LandscapeData):
    """A BatchResult with the landscape that its endpoints reveal.

    Attributes
    ----------
    label : (n,) int32
        Which minimum each start reached: a row of ``minima``, or -1 for none.
    minima, stationary
        Distinct minima sorted by value, label 0 the best known; and the other points where descents came to rest.
    seed, independent
        Seed of the starts, and whether all of them were drawn independently: only then do fractions have intervals
        (with a strategy, those of the starts that were drawn before any was chosen by it).
    stopped : Stopped or None
        What ended a run with ``until=``.
    identity : Identity
        The rule by which two polished endpoints count as one minimum; :meth:`recluster` changes it.
    cells : Catalogue or None
        The occupied cells of the endpoints, for a run with ``keep="minima"``. They are not saved.
    strategy : StrategyInfo or None
        How the starts were chosen, what that biases and what it cost; None for a plain multi-start.
    cut_short : bool
        Whether Ctrl-C was pressed at any time, also after the last trajectory had ended; the same as ``interrupted``.
    """

    def _note(self) -> str | None:
        from batchgd.analysis.convexity import convexity_note

        return convexity_note(self)

    def fidelity(self, sample: int = 1000, **options: Any) -> "Fidelity":
        """Compare the labels of a sample of starts with gradient flow's and with those at half the step.

        See :func:`batchgd.analysis.basins.fidelity.fidelity` for the options.
        """
        from batchgd.analysis.basins.fidelity import fidelity

        return fidelity(self, sample, **options)

    def recluster(self, identity: "Identity | dict[str, Any] | None" = None) -> "MultistartResult":
        """Find the distinct minima under another identity, without running again.

        Parameters
        ----------
        identity : Identity or dict, optional
            As in ``multistart``, ``bgd.Identity(x=1e-3)``; a dict, ``{"x": 1e-3}``, changes some fields of the
            present one.

        Returns
        -------
        MultistartResult
            A new result with the same endpoints, and minima, labels and fractions of its own.

        Raises
        ------
        InputError
            If a tolerance cannot be used, the function is not available, or neither endpoints nor cells are kept.
        """
        from batchgd.analysis.basins.recluster import recluster

        return MultistartResult.of(recluster(self, identity))

    def stability(self, directions: int = 32, *, seed: int = 0) -> "Stability":
        """How far each minimum is from the border of its basin: the largest ball that stays, and by direction.

        See :func:`batchgd.analysis.basins.stability.stability` for the options.
        """
        from batchgd.analysis.basins.stability import stability

        return stability(self, directions, seed=seed)

    def connect(self, **options: Any) -> "Saddles":
        """Find the saddles of index 1 in the box, and which minima each joins; kept as ``saddles``.

        See :func:`batchgd.analysis.saddles.connect.connect` for the options.
        """
        from batchgd.analysis.saddles.connect import connect

        self.__dict__["saddles"] = found = connect(self, **options)
        return found

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Where the result comes from: versions, platform, function and its fingerprint, seed, seconds of work, ...

        Saved with the result. That of a run in parts has its folder, its configuration, and how many parts were read
        and computed.
        """
        from batchgd.api.provenance import provenance_of

        return provenance_of(self)

    @cached_property
    def saddles(self) -> "Saddles":
        """What :meth:`connect` found when it was last called; saved with the result.

        Raises InputError if it has not been called: finding saddles may take minutes.
        """
        raise InputError(
            f"no saddles were searched for: {said('call result.connect()', 'run batchgd connect --run FOLDER')}"
        )

    @property
    def graph(self) -> Any:
        """The ``saddles`` as a networkx MultiGraph: a node per minimum, an edge per saddle (``fun``, ``barrier``)."""
        return self.saddles.graph

    def network(self) -> "Network":
        """The local-optima network of a basin-hopping run: how often which minimum was reached from which.

        Raises InputError for a run of another kind, whose starts were not perturbed minima.
        """
        from batchgd.analysis.strategies.network import network

        return network(self)
