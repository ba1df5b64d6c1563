"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="complete-journey, tables:DIR, shopify:DIR or google:FILE.",
        show_default=False,
    ),
]
EncoderName = Annotated[
    str,
    typer.Option(
        "--encoder", metavar="NAME", help="Text encoder: packaged:all-MiniLM-L6-v2, a local folder, or a hub name."
    ),
]
KindWeights = Annotated[
    str,
    typer.Option(
        "--kinds",
        metavar="KIND=WEIGHT,…",
        help="What events of a kind weigh beside a purchase: below 0 a dislike, 0 leaves them out.",
        show_default="view and click 0.1, basket, cart and like 0.5, dislike -1, others 1",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header line.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a saved model.", show_default=False)]
AmongWord = Annotated[str, typer.Option("--among", help="new, seen or all.")]
VectorFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--vectors",
        metavar="NAME=FILE",
        help="Vectors of targets, such as image=FILE.parquet with the columns id and vector; may be repeated.",
        show_default=False,
    ),
]
RelationsWord = Annotated[
    str | None,
    typer.Option(
        "--relations",
        metavar="clusters",
        help="Relate targets with like texts, in a catalog without taxonomy and attributes.",
        show_default=False,
    ),
]
MinSimilarity = Annotated[
    float | None,
    typer.Option(
        "--min-similarity",
        metavar="X",
        help="Least cosine of a text and the centre of its cluster.",
        show_default="0.6",
    ),
]
DEFAULT_ENCODER = "packaged:all-MiniLM-L6-v2"  # gnn.encoder.PACKAGED, without importing the encoder for --help


def read_vector_files(given: list[str] | None) -> dict[str, Path]:
    """The values of ``--vectors``: name -> file.

    Raises:
        BadParameter: one is not of the form NAME=FILE, or a name stands there twice.
    """
    found: dict[str, Path] = {}
    for text in given or []:
        name, _, file = text.partition("=")
        if not name or not file:
            raise typer.BadParameter(f"--vectors is {text!r}; give a name and a file, such as image=images.parquet.")
        if name in found:
            raise typer.BadParameter(f"--vectors names {name!r} twice; give each kind of vectors one file.")
        found[name] = Path(file)
    return found


def number_or_date(text: str | None) -> str | float | None:
    """The value of ``--at``: a number if it is one."""
    try:
        return text if text is None else float(text)
    except ValueError:
        return text


def check_output(json: bool, csv: bool) -> None:
    """Refuse two formats at once.

    Raises:
        BadParameter: both are wanted.
    """
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other.")


def checked_among(word: str) -> str:
    """The value of ``--among``.

    Raises:
        InputError: another word.
    """
    from ...errors import InputError

    if word not in ("new", "seen", "all"):
        raise InputError(f"--among is {word!r}; give new, seen or all.")
    return word
