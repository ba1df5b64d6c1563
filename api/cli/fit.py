"""The command that learns a model and saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import DEFAULT_ENCODER, KindWeights, MinSimilarity, RelationsWord, Source, VectorFiles, read_vector_files
from .output import step


def fit(
    source: Source,
    out: Annotated[
        Path, typer.Option("--out", metavar="MODEL", help="Folder to save the model in.", show_default=False)
    ],
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="The same seed gives the same numbers.", show_default="0")
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            metavar="NAME",
            help="Text encoder: packaged:all-MiniLM-L6-v2, a local folder, or a hub name.",
            show_default=DEFAULT_ENCODER,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="TOML file with seed, encoder, settings and kinds.", show_default=False
        ),
    ] = None,
    kinds: KindWeights = "",
    vectors: VectorFiles = None,
    relations: RelationsWord = None,
    min_similarity: MinSimilarity = None,
) -> None:
    """Learn from a catalog and its sales, and save the model.

    Targets that nobody bought are new: the model ranks them from what the catalog graph says of them. What --seed,
    --encoder, --kinds, --relations and --min-similarity say goes before what the file says.

    For example:

        newaisle fit complete-journey --out groceries-model

        newaisle fit tables:my-shop --out my-model --seed 1

        newaisle fit tables:my-shop --out my-model --config my-model.toml

        newaisle fit tables:my-shop --out my-model --kinds view=0.05,wishlist=0.3

        newaisle fit tables:my-shop --out my-model --vectors image=images.parquet
    """
    from dataclasses import replace

    from ...errors import SourceError
    from ...gnn.text.clusters import check_relations
    from ...loaders import load
    from ..config import Config, read_config, read_kinds
    from ..recommender import Recommender

    files = read_vector_files(vectors)
    made = Config() if config is None else read_config(config)
    made = replace(
        made,
        seed=made.seed if seed is None else seed,
        encoder=encoder or made.encoder,
        kinds={**made.kinds, **read_kinds(kinds)},
        relations=relations or made.relations,
        min_similarity=made.min_similarity if min_similarity is None else min_similarity,
    )
    check_relations(made.relations, made.min_similarity)
    with step(f"Loading {source}"):
        loaded = load(source)
    if loaded.interactions is None:
        raise SourceError(f"The source {source} has no interactions to learn from; add an interactions table.")
    with step("Fitting") as report:
        model = Recommender.from_config(made).fit(loaded.graph, loaded.interactions, vectors=files, progress=report)
    model.save(out)
    typer.echo(f"Saved {out}: {loaded.describe()}", err=True)
    typer.echo(f"Next: newaisle recommend {out} --user {next(iter(loaded.interactions.users))}", err=True)
