"""An animation of paths: GIF through Pillow, or MP4 if ffmpeg is installed."""

from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import numpy as np

from batchgd.output.plot.canvas import check_folder, written_whole
from batchgd.output.plot.paths import check_runs, side_by_side
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.optional import require

_DPI = 100
_HOLD = 12  # frames for which the last picture is shown


def animate(runs: Sequence[Any], path: str | File, *, frames: int = 60, fps: int = 15) -> File:
    """Write an animation of paths in two dimensions, growing update by update in all panels at once.

    If there are many updates, frames are evenly spaced in the logarithm of their number: descents are quick at first
    and slow at the end.

    Parameters
    ----------
    runs : sequence of Paths
        One panel each.
    path : str or Path
        A ``.gif``, or a ``.mp4`` if matplotlib finds ffmpeg.
    frames, fps : int
        Number of pictures, and number of pictures per second.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        For another ending, a folder that cannot be written, no ffmpeg, or not two dimensions.
    """
    require("matplotlib", "plot")
    check_runs(runs)
    if runs[0].dim != 2:
        raise InputError(f"an animation shows 2 dimensions, these paths have {runs[0].dim}: draw .convergence()")
    for name, number, least in (("frames", frames, 2), ("fps", fps, 1)):
        check.whole(name, number, least)
    writer = make_writer(path, fps)
    axes = side_by_side(runs)
    figure = axes[0].figure
    drawn = [
        (artist, one)
        for ax, run in zip(axes, runs, strict=True)
        for artist, one in zip([line for line in ax.lines if line.get_gid() == "path"], run, strict=True)
    ]
    ends = [artist for ax in axes for artist in ax.collections if artist.get_gid() in ("rest", "lost")]
    with written_whole(path) as file, writer.saving(figure, str(file), _DPI):
        figure.draw_without_rendering()
        for updates in _clock(max(int(run.nit.max()) for run in runs), frames):
            for artist, one in drawn:
                x = one.x[(one.nit <= updates) & np.isfinite(one.x).all(axis=1)]
                artist.set_data(*x.T)
            for artist, (_, one) in zip(ends, drawn, strict=True):
                artist.set_visible(bool(one.nit[-1] <= updates))
            writer.grab_frame()
        for _ in range(_HOLD):
            writer.grab_frame()
    return File(path)


def make_writer(path: str | File, fps: int = 15) -> Any:
    """Return the writer for a file of this name, or raise InputError with what would work."""
    from matplotlib.animation import FFMpegWriter, PillowWriter

    ending = check.path("the file", path).suffix.lower()
    if ending not in (".gif", ".mp4"):
        raise InputError(f"{path} must end in .gif, or in .mp4 if ffmpeg is installed")
    if ending == ".mp4" and not FFMpegWriter.isAvailable():
        raise InputError(f"{path} needs ffmpeg, which is not installed: install it, or name a .gif")
    check_folder(path)
    return PillowWriter(fps=fps) if ending == ".gif" else FFMpegWriter(fps=fps)


def _clock(longest: int, frames: int) -> np.ndarray:
    """The number of updates shown in each frame.

    >>> _clock(4, 60).tolist(), _clock(10_000, 5).tolist()
    ([0, 1, 2, 3, 4], [0, 10, 100, 1000, 10000])
    """
    if longest < frames:
        return np.arange(longest + 1)
    spaced = np.geomspace(longest ** (1 / (frames - 1)), longest, frames - 1)
    return np.unique(np.concatenate([[0], np.round(spaced)])).astype(int)
