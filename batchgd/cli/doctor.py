"""`batchgd doctor`: what is installed, whether it fits together, and what to install."""

from typing import Annotated

import typer

from batchgd.cli.console import print_json


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> int:
    """Show what is installed, whether it fits together, and what to install.

    If numba-cuda is installed, a CUDA kernel of one line is compiled and assembled, for which no device is needed. The
    exit code is 1 if there is a problem.
    """
    from batchgd.engine.doctor import diagnose, report
    from batchgd.engine.installed import collect, try_kernels

    facts = collect()
    facts["kernels"] = try_kernels(facts)
    findings = diagnose(facts)
    if json:
        print_json({"facts": facts, "findings": [finding._asdict() for finding in findings]})
    else:
        print(report(facts, findings))
    return int(any(finding.level == "problem" for finding in findings))
