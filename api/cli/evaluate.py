"""The command ``newaisle evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .check import understood
from .options import (
    DEFAULT_ENCODER,
    Encoder,
    EventWeights,
    Json,
    MinSimilarity,
    Reading,
    Relations,
    Source,
    VectorFiles,
    read_vector_files,
    with_reading_options,
)
from .output import print_json, print_line, print_table, step


@with_reading_options
def evaluate(
    source: Source,
    reading: Reading,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            "--protocol",
            metavar="P",
            help="leave-targets-out, leave-branches-out, few-shot[:P], generalised, temporal:DATE or new-products; "
            "may be repeated.",
            show_default="the first two where the catalog allows",
        ),
    ] = None,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="0,1,2", help="Seeds of the splits, separated by commas.")
    ] = "0,1,2",
    without: Annotated[
        str,
        typer.Option(
            "--without",
            metavar="NAME,…",
            help="Features, attributes, relations, vectors or text to hide from every method.",
        ),
    ] = "",
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Add ablations: newaisle without each part, linmap with all features.")
    ] = False,
    encoder: Encoder = None,
    vectors: VectorFiles = None,
    relations: Relations = None,
    min_similarity: MinSimilarity = None,
    users: Annotated[
        int | None, typer.Option("--users", min=10, metavar="N", help="Evaluate a random sample of N users.")
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, metavar="N", help="Number of processes; results do not depend on it.")
    ] = 1,
    kinds: EventWeights = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for a report with tables and plots.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Evaluate newaisle and its baselines on targets whose sales are hidden from them.

    Every method ranks the same hidden targets on the same splits: newaisle, random, catalog-size, popularity,
    text-cosine, knn, kernel-ridge, linmap, and the ceiling, a conventional recommender trained with the hidden sales.
    Each tunes its settings on pseudo-new targets within the training data. Results are cached in NEWAISLE_HOME, so that
    a stopped run resumes.

    Tables: per protocol the mean of every metric over the seeds with its corrected standard error, how well forecasts
    of the number of buyers hold (:tail: without the 60 best sold targets), then the paired differences in NDCG@20.
    JSON: one object per protocol, seed, method and metric with its value.

    For example:

        newaisle evaluate complete-journey --protocol leave-targets-out --seeds 0,1,2

        newaisle evaluate tables:my-shop --jobs 4 --out report

        newaisle evaluate tables:my-shop --without price --json > figures.json
    """
    from dataclasses import asdict

    from ...errors import InputError
    from ..config import read_kinds
    from ..reports.options import EvaluationOptions
    from ..reports.tables import figures, paired
    from ..settings import Settings

    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise InputError(f"--seeds is {seeds!r}; give whole numbers separated by commas, such as 0,1,2.") from None
    settings = Settings()
    options = EvaluationOptions(
        protocols=protocol,
        seeds=numbers,
        users=users,
        drop=[name for name in without.split(",") if name],
        vectors=read_vector_files(vectors),
        relations=relations,
        min_similarity=min_similarity,
        kinds=read_kinds(kinds),
        ablate=ablate,
        encoder=encoder or DEFAULT_ENCODER,
        encodings=settings.encodings,
        results_folder=settings.evaluation,
        jobs=jobs,
    )
    with step(f"Loading {source}"):
        loaded = reading.load()
    interactions = understood(
        source, loaded, kinds=options.kinds, encoder=options.encoder, irrelevant={"no-new-targets"}
    )
    from ..reports.evaluation import evaluate_source  # what can be refused is, before PyTorch is imported
    from ..reports.report import open_report, write_report

    if out is not None:
        open_report(out)  # hours before there is anything to write
    with step("Evaluating") as report:
        evaluation = evaluate_source(
            loaded.graph, interactions, options, source=source, as_of=loaded.as_of, progress=report
        )
    if out is not None:
        write_report(evaluation, out)
        print_line(f"Wrote {out / 'report.md'}", err=True)
    if json:
        print_json([asdict(row) for row in evaluation.rows])
        return
    over = f"over {len(set(numbers))} seeds" if len(set(numbers)) > 1 else f"of seed {numbers[0]} alone"
    for name, (columns, lines) in figures(evaluation.summary).items():
        print_line()
        print_line(f"{name}, mean ± corrected standard error {over}")
        print_table(columns, lines)
    print_line()
    print_line("newaisle minus the others, NDCG@20, paired on the same splits (ceiling: on its own held-out users)")
    print_table(["protocol", "against", "difference"], paired(evaluation.differences))
    for name, reason in evaluation.left_out.items():
        print_line()
        print_line(f"{name} was left out. {reason}")
