"""The command ``newaisle fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .check import understood
from .options import (
    Encoder,
    EventWeights,
    MinSimilarity,
    Reading,
    Relations,
    Source,
    VectorFiles,
    read_vector_files,
    with_reading_options,
)
from .output import print_command, print_lines, step


@with_reading_options
def fit(
    source: Source,
    reading: Reading,
    out: Annotated[
        Path, typer.Option("--out", metavar="MODEL", help="Folder to save the model in.", show_default=False)
    ],
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, metavar="N", help="Random seed of the fit.", show_default="0")
    ] = None,
    encoder: Encoder = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="TOML file with seed, encoder, settings, kinds, relations and min_similarity; options override it.",
            show_default=False,
        ),
    ] = None,
    kinds: EventWeights = "",
    vectors: VectorFiles = None,
    relations: Relations = None,
    min_similarity: MinSimilarity = None,
) -> None:
    """Fit a model to a catalog and its sales, and save it.

    Targets without sales are new: the model ranks them by what the catalog graph says about them. Settings are searched
    on pseudo-new targets, seen ones whose sales are hidden for the purpose, unless --config contains them. The source
    needs interactions.

    For example:

        newaisle fit complete-journey --out groceries-model

        newaisle fit tables:my-shop --out my-model --seed 1

        newaisle fit tables:my-shop --out my-model --config my-model.toml

        newaisle fit tables:my-shop --out my-model --kinds view=0.05,wishlist=0.3

        newaisle fit tables:my-shop --out my-model --vectors image=images.parquet
    """
    from dataclasses import replace

    from ...gnn.text.clusters import check_relations
    from ..config import Config, read_config, read_kinds
    from ..recommender import Recommender

    files = read_vector_files(vectors)
    settings = Config() if config is None else read_config(config)
    settings = replace(
        settings,
        seed=settings.seed if seed is None else seed,
        encoder=encoder or settings.encoder,
        kinds={**settings.kinds, **read_kinds(kinds)},
        relations=relations or settings.relations,
        min_similarity=settings.min_similarity if min_similarity is None else min_similarity,
    )
    check_relations(settings.relations, settings.min_similarity)
    with step(f"Loading {source}"):
        loaded = reading.load()
    interactions = understood(source, loaded, kinds=settings.kinds, encoder=settings.encoder)
    with step("Fitting") as report:
        model = Recommender.from_config(settings).fit(loaded.graph, interactions, vectors=files, progress=report)
    model.save(out)
    print_lines([f"Saved {out}", *model.report.lines()], err=True)
    user = next(iter(interactions.users))
    print_command("newaisle", "recommend", out, "--user", user, title="Next:", err=True)
