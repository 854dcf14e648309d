"""`batchgd bench`: the speed of this machine, as one table."""

from typing import Annotated

import typer

from batchgd.cli.console import EXIT_DONE, EXIT_FAILED, Console, print_json


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Two landscapes, fewer starts: under a minute.")] = False,
    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", metavar="NAME", help="cpu, numpy or cuda; repeatable (default: all that work here)."),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option("--dtype", metavar="NAME", help="float64 or float32; repeatable (default: both)."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Worker threads of the cpu backend (default: one per core).")
    ] = None,
    assemble: Annotated[
        str | None,
        typer.Option(
            "--assemble",
            metavar="X.Y",
            help="Only show what CUDA kernels need there; uses no device.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> int:
    """Measure the speed of this machine: descents per second, and their share of what the device can do at most."""
    console = Console(quiet=quiet)
    if assemble is not None:
        return _assemble(assemble, dtype, quick, json, console)
    from batchgd.analysis.bench import measure

    with console.guard_stdout():
        report = measure(backend, dtype, quick=quick, threads=threads, say=console.say)
    if json:
        print_json(report.to_dict())
    else:
        print(report)
    return EXIT_FAILED if report.failures else EXIT_DONE


def _assemble(capability: str, dtypes: list[str] | None, quick: bool, json: bool, console: Console) -> int:
    from batchgd.analysis.bench import static

    wanted = static.parse_capability(capability)
    with console.guard_stdout():
        needs = static.assemble(wanted, dtypes, quick=quick, say=console.say)
    if json:
        print_json({"compute_capability": capability, "kernels": needs})
    else:
        print(static.markdown(needs, wanted))
    return EXIT_DONE
