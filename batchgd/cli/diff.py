"""`batchgd diff`: the minima of two saved runs side by side."""

from typing import Annotated

import typer

from batchgd.cli.console import Console, show
from batchgd.cli.printing import LimitOfRows, read_limit


def diff(
    run1: Annotated[str, typer.Argument(metavar="RUN1", help="A saved run (--out).")],
    run2: Annotated[str, typer.Argument(metavar="RUN2", help="Another saved run.")],
    identity_x: Annotated[
        float, typer.Option("--identity-x", help="Minima this close, in box widths of RUN1, are the same ...")
    ] = 1e-4,
    identity_f: Annotated[
        float, typer.Option("--identity-f", help="... if their values are this close, relative to max(1, |f|).")
    ] = 1e-6,
    confidence: Annotated[float, typer.Option("--confidence", help="Confidence in each changed fraction.")] = 0.95,
    limit: LimitOfRows = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Match the minima of two saved runs; show which only one of them found, and which fractions changed."""
    options = {"json": json, "limit": read_limit(limit)}
    import batchgd as bgd

    with Console().guard_stdout():
        found = bgd.diff(
            bgd.load(run1), bgd.load(run2), identity=bgd.Identity(identity_x, identity_f), confidence=confidence
        )
    show(options, found.__str__, found.to_dict)
