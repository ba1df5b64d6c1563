"""Commands on the model: fit, recommend, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import print_json, print_table, step
from .results import Out, UserFile, check_out, give, read_users

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

_ENCODER = "packaged:all-MiniLM-L6-v2"  # gnn.encoder.PACKAGED, without importing the encoder for --help


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
            show_default=_ENCODER,
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

    from ..errors import SourceError
    from ..gnn.text.clusters import check_relations
    from ..loaders import load
    from .config import Config, read_config, read_kinds
    from .recommender import Recommender

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
    with step("Fitting") as tell:
        model = Recommender.from_config(made).fit(loaded.graph, loaded.interactions, vectors=files, tell=tell)
    model.save(out)
    typer.echo(f"Saved {out}: {loaded.describe()}", err=True)
    typer.echo(f"Next: newaisle recommend {out} --user {next(iter(loaded.interactions.users))}", err=True)


def recommend(
    model: Model,
    user: Annotated[
        list[str] | None,
        typer.Option("--user", metavar="ID", help="Own id of a user; may be repeated.", show_default=False),
    ] = None,
    users: UserFile = None,
    k: Annotated[int, typer.Option("-k", help="Targets per user.")] = 20,
    among: AmongWord = "new",
    diversity: Annotated[
        float, typer.Option("--diversity", help="0 ranks by score; up to 1, unlike targets come first.")
    ] = 0.0,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", help="Leave out targets of which the model is less sure (0 to 1).")
    ] = 0.0,
    min_probability: Annotated[
        float, typer.Option("--min-probability", help="Leave out targets that the user is less likely to buy (0 to 1).")
    ] = 0.0,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="DATE", help="Leave out what is not available then.", show_default=False),
    ] = None,
    out: Out = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Rank targets for users, those that nobody has bought yet by default.

    Without --user and --users the list is that of a user without history. Columns: score is the cosine of user and
    target, probability the chance of a purchase within a time as long as that of the history, confidence how sure the
    model is of the target (0 to 1).

    For example:

        newaisle recommend groceries-model --user 1 -k 5

        newaisle recommend groceries-model --user 1 --user 7 --among all --json

        newaisle recommend groceries-model --user 1 --diversity 0.5 --min-confidence 0.6

        newaisle recommend groceries-model --users newsletter.csv -k 5 --min-probability 0.1 --out lists.parquet
    """
    from .ranking import RESULT_COLUMNS
    from .recommender import Recommender

    check_output(json, csv)
    check_out(out)
    meant = checked_among(among)
    fitted = Recommender.load(model)
    known = fitted.fitted.users
    wanted = [known.parse(text) for text in user or []] + ([] if users is None else read_users(users, known))
    found = fitted.recommend(
        wanted or None,
        k,
        among=meant,
        diversity=diversity,
        min_confidence=min_confidence,
        min_probability=min_probability,
        at=number_or_date(at),
    )
    columns = fitted.table_columns(found)
    give({name: columns[name] for name in RESULT_COLUMNS}, out=out, json=json, csv=csv)


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
    from ..errors import InputError

    if word not in ("new", "seen", "all"):
        raise InputError(f"--among is {word!r}; give new, seen or all.")
    return word


def evaluate(
    source: Source,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            "--protocol",
            metavar="P",
            help="leave-targets-out, leave-branches-out, few-shot[:P], generalised, temporal:DATE or new-products; "
            "may be repeated.",
            show_default="the first two as far as they apply",
        ),
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", metavar="0,1,2", help="Seeds, separated by commas.")] = "0,1,2",
    without: Annotated[
        str,
        typer.Option(
            "--without",
            metavar="NAME,…",
            help="Features, attributes, relations, vectors or text no method may know.",
        ),
    ] = "",
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Add newaisle without parts of it, linmap with them.")
    ] = False,
    encoder: EncoderName = _ENCODER,
    vectors: VectorFiles = None,
    relations: RelationsWord = None,
    min_similarity: MinSimilarity = None,
    users: Annotated[
        int | None, typer.Option("--users", min=10, metavar="N", help="Judge a random part of the users only.")
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, metavar="N", help="Processes to use; the figures do not depend on it.")
    ] = 1,
    kinds: KindWeights = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for a report with tables and pictures.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Hide targets whose sales are known and see who ranks them best without these sales.

    newaisle stands beside all baselines of the run: random, catalog-size, popularity, text-cosine, knn, kernel-ridge,
    linmap and the ceiling, which does have the sales. Each chooses its settings on pseudo-new targets inside the
    training data. Finished cells are kept in NEWAISLE_HOME, so that a stopped run resumes.

    For example:

        newaisle evaluate complete-journey --protocol leave-targets-out --seeds 0,1,2

        newaisle evaluate tables:my-shop --jobs 4 --out report

        newaisle evaluate tables:my-shop --without price --json > figures.json
    """
    from dataclasses import asdict

    from ..errors import InputError, SourceError
    from ..gnn.text.clusters import check_relations
    from ..loaders import load
    from .config import read_kinds
    from .evaluating import evaluate_source, figures, paired
    from .report import open_report, write_report
    from .settings import Settings

    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise InputError(f"--seeds is {seeds!r}; give whole numbers separated by commas, such as 0,1,2.") from None
    weights = read_kinds(kinds)
    files = read_vector_files(vectors)
    check_relations(relations, min_similarity)
    if out is not None:
        open_report(out)  # hours before there is anything to write
    with step(f"Loading {source}"):
        loaded = load(source)
    if loaded.interactions is None:
        raise SourceError(f"The source {source} has no interactions to evaluate with; add an interactions table.")
    settings = Settings()
    with step("Evaluating") as tell:
        evaluation = evaluate_source(
            loaded.graph,
            loaded.interactions,
            source=source,
            protocols=protocol,
            seeds=numbers,
            users=users,
            drop=[name for name in without.split(",") if name],
            as_of=loaded.as_of,
            ablate=ablate,
            encoder=encoder,
            vectors=files,
            relations=relations,
            min_similarity=min_similarity,
            encodings=settings.encodings,
            cells=settings.evaluation,
            jobs=jobs,
            tell=tell,
            kinds=weights,
        )
    rows = evaluation.rows
    if out is not None:
        write_report(evaluation, out)
        typer.echo(f"Wrote {out / 'report.md'}", err=True)
    if json:
        print_json([asdict(row) for row in rows])
        return
    for name, (columns, lines) in figures(rows).items():
        seeds_told = f"over {len(set(numbers))} seeds" if len(set(numbers)) > 1 else f"of seed {numbers[0]} alone"
        typer.echo(f"\n{name}, mean ± corrected standard error {seeds_told}")
        print_table(columns, lines)
    typer.echo("\nnewaisle minus the others, NDCG@20, paired on the same splits (ceiling: on its own held-out users)")
    print_table(["protocol", "against", "difference"], paired(rows))
    for name, reason in evaluation.left_out.items():
        typer.echo(f"\n{name} was left out. {reason}")
