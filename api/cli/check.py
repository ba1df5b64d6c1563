"""The command ``newaisle check``."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import typer

from ...errors import DataWarning, SourceError
from .options import DEFAULT_ENCODER, Encoder, EventWeights, Json, Reading, Source, with_reading_options
from .output import print_command, print_json, print_lines, print_table, step

if TYPE_CHECKING:
    from ...graph import Interactions
    from ...loaders import LoadedSource

UNUSABLE = 3
"""Exit code for a source that can be read, but to which no model can be fitted."""
_SHOWN = 5


@with_reading_options
def check(
    source: Source, reading: Reading, encoder: Encoder = None, kinds: EventWeights = "", json: Json = False
) -> None:
    """Report how a source is read and what to look at before a model is fitted to it.

    It shows the files, the role of every column and why it has it, the rows kept and dropped with the reasons, the
    kinds of events with their weights, and a list of what to look at first, each with what to do. Nothing is written or
    fitted.

    Exit codes: 0 a model can be fitted, 1 the source cannot be read, 3 it can be read, but no model can be fitted to
    it.

    For example:

        newaisle check tables:my-shop

        newaisle check tables:my-shop --columns user=CustomerID,target=StockCode --delimiter ";"

        newaisle check tables:my-shop --json > understood.json
    """
    from ..config import read_kinds

    weights = read_kinds(kinds)
    with step(f"Loading {source}"):
        loaded = reading.load()
    with step("Checking"):
        summary = loaded.summary(kinds=weights, encoder=encoder or DEFAULT_ENCODER)
    if json:
        print_json(summary.to_dict())
    else:
        print_lines([summary.headline()])
        for title, columns, rows in summary.sections():
            print_lines(["", title])
            print_table(columns, rows, count=False)
        print_lines(["", *summary.facts()])
        print_lines(
            ["", "Look at first", *summary.numbered_findings()] if summary.findings else ["", "Nothing to mend."]
        )
    if not summary.usable:
        raise typer.Exit(UNUSABLE)


def understood(
    source: str,
    loaded: LoadedSource,
    *,
    kinds: Mapping[str, float] | None,
    encoder: str | None,
    irrelevant: Collection[str] = (),
) -> Interactions:
    """Print in short how a source was read, warn of what to look at, and return its interactions.

    Args:
        source: as given on the command line.
        loaded: the source.
        kinds: weights of kinds of events.
        encoder: name of the text encoder; None without texts.
        irrelevant: codes of findings that do not matter for what follows.

    Raises:
        SourceError: no model can be fitted to it.
    """
    from ...loaders.summary.findings import no_sales

    if loaded.interactions is None:  # before the language of the texts is judged, which takes a second
        raise SourceError(f"{source}: {no_sales().sentence}")
    summary = loaded.summary(kinds=kinds, encoder=encoder)
    for finding in summary.findings:
        if finding.blocks:
            raise SourceError(f"{source}: {finding.sentence}")
    print_lines(summary.brief(), err=True)
    found = [finding for finding in summary.findings if finding.code not in irrelevant]
    for finding in found[:_SHOWN]:
        warnings.warn(finding.sentence, DataWarning, stacklevel=2)
    if len(found) > _SHOWN:
        print_command("newaisle", "check", source, title=f"and {len(found) - _SHOWN} more to look at:", err=True)
    return loaded.interactions
