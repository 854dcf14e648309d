"""`batchgd bench`: the speed of this machine, as one table."""

from typing import Annotated

import typer

from batchgd.cli.console import EXIT_DONE, EXIT_FAILED, Console, print_json
from batchgd.problem.errors import InputError


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
            help="Only show what CUDA kernels need and execute there, and a predicted speed; uses no device.",
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="NAME", help="For --assemble: a method, or all; repeatable."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> int:
    """Measure the speed of this machine: descents per second, and their share of what the device can do at most."""
    console = Console(quiet=quiet)
    if assemble is not None:
        return _assemble(assemble, dtype, method, quick, json, console)
    if method:
        raise InputError("--method is for --assemble: give a compute capability, or leave it out")
    from batchgd.analysis.bench import measure

    with console.guard_stdout():
        report = measure(backend, dtype, quick=quick, threads=threads, say=console.say)
    if json:
        print_json(report.to_dict())
    else:
        print(report)
    return EXIT_FAILED if report.failures else EXIT_DONE


def _assemble(
    capability: str, dtypes: list[str] | None, methods: list[str] | None, quick: bool, json: bool, console: Console
) -> int:
    from batchgd.analysis.bench import static

    wanted = static.parse_capability(capability)
    with console.guard_stdout():
        needs = static.assemble(wanted, dtypes, quick=quick, methods=methods, say=console.say)
    if json:
        print_json({"compute_capability": capability, "kernels": needs})
    else:
        print(static.markdown(needs, wanted))
    return EXIT_DONE
