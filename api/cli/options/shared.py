"""Arguments and options that several commands share, each checked where it is defined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ....errors import InputError
from ....loaders.registry import source_usage

DEFAULT_ENCODER = "packaged:all-MiniLM-L6-v2"  # gnn.text.encoder.PACKAGED, without importing the encoder for --help
SOURCES = f"{source_usage()}."


def _one_format(context: typer.Context, parameter: typer.CallbackParam, value: bool) -> bool:
    if value and context.params.get("csv" if parameter.name == "json" else "json"):
        raise typer.BadParameter("--json and --csv exclude each other.")
    return value


def _among(word: str) -> str:
    if word not in ("new", "seen", "all"):
        raise InputError(f"--among is {word!r}; give new, seen or all.")
    return word


def _output_file(path: Path | None) -> Path | None:
    """Reject a file that cannot be written before any work is done."""
    if path is not None and path.suffix not in (".csv", ".parquet"):
        raise InputError(f"--out is {str(path)!r}; give a file that ends in .csv or .parquet.")
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise InputError(f"The file {path} cannot be written: it is a folder, or its folder does not exist.")
    return path


Source = Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCES, show_default=False)]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a saved model.", show_default=False)]
TargetId = Annotated[str, typer.Option("--target", metavar="ID", help="Id of the target.", show_default=False)]
Among = Annotated[
    str,
    typer.Option(
        "--among", metavar="new|seen|all", callback=_among, help="Which targets: without sales, with sales, or both."
    ),
]
UserFile = Annotated[
    Path | None,
    typer.Option(
        "--users", metavar="FILE", help="A .csv or .parquet file with user ids in column 'user'.", show_default=False
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="DATE", help="Leave out targets that are not available at this date.", show_default=False
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        callback=_output_file,
        help="Write all rows to this .csv or .parquet file.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", callback=_one_format, help="Print JSON and nothing else to stdout.")]
Csv = Annotated[bool, typer.Option("--csv", callback=_one_format, help="Print CSV with a header line.")]
Raw = Annotated[
    bool,
    typer.Option("--raw", help="CSV without the apostrophe before texts that a spreadsheet would run (= + - @)."),
]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="embedded, embedded:DIR, bolt://…, bolt+s://…, neo4j://… or neo4j+s://…",
        show_default="NEO4J_URI, or else embedded",
    ),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="NAME",
        help="Text encoder: packaged:all-MiniLM-L6-v2, static:packaged, a local folder, or a name on the hub.",
        show_default=DEFAULT_ENCODER,
    ),
]
ModelEncoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="NAME",
        help="Confirm the model's text encoder, unless it is packaged:all-MiniLM-L6-v2 or static:packaged.",
        show_default=False,
    ),
]
EventWeights = Annotated[
    str,
    typer.Option(
        "--kinds",
        metavar="KIND=WEIGHT,…",
        help="Weights of kinds of events relative to a purchase: negative for a dislike, 0 to ignore the kind.",
        show_default="view and click 0.1, basket, cart and like 0.5, dislike -1, others 1",
    ),
]
VectorFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--vectors",
        metavar="NAME=FILE",
        help="Precomputed target vectors, such as image=FILE.parquet with columns id and vector; may be repeated.",
        show_default=False,
    ),
]
Relations = Annotated[
    str | None,
    typer.Option(
        "--relations",
        metavar="clusters",
        help="Relate targets by clusters of their texts; for a catalog without taxonomy and attributes.",
        show_default=False,
    ),
]
MinSimilarity = Annotated[
    float | None,
    typer.Option(
        "--min-similarity",
        metavar="X",
        help="Smallest cosine similarity of a text and the center of its cluster.",
        show_default="0.6",
    ),
]


def read_vector_files(values: list[str] | None) -> dict[str, Path]:
    """The values of ``--vectors`` as name -> file.

    Raises:
        BadParameter: a value is not of the form NAME=FILE, or a name is repeated.
    """
    files: dict[str, Path] = {}
    for text in values or []:
        name, _, file = text.partition("=")
        if not name or not file:
            raise typer.BadParameter(f"--vectors is {text!r}; give a name and a file, such as image=images.parquet.")
        if name in files:
            raise typer.BadParameter(f"--vectors names {name!r} twice; give each kind of vectors one file.")
        files[name] = Path(file)
    return files


def number_or_date(text: str | None) -> str | float | None:
    """The value of ``--at``: a number if it is one."""
    try:
        return text if text is None else float(text)
    except ValueError:
        return text
