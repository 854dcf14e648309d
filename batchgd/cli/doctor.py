"""`batchgd doctor`: what is installed, whether it fits together, and what to install."""

from typing import Annotated

import typer

from batchgd.cli.console import print_json


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Show what is installed, whether it fits together, and what to install."""
    from batchgd.engine.doctor import collect, diagnose, report

    facts = collect()
    findings = diagnose(facts)
    if json:
        print_json({"facts": facts, "findings": [finding._asdict() for finding in findings]})
    else:
        print(report(facts, findings))
