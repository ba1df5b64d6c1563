"""The command ``newaisle refresh``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from .options import SOURCES, ModelEncoder, Reading, StoreUrl, with_reading_options
from .output import print_json, print_line, print_table, step

if TYPE_CHECKING:
    from ...graph import CatalogGraph, RefreshReport, Store, WriteBack
    from ...progress import CountProgress
    from ..sync.jobs import Job, RefreshConfig


@with_reading_options
def refresh(
    reading: Reading,
    source: Annotated[str | None, typer.Option("--source", metavar="SOURCE", help=SOURCES, show_default=False)] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Name of the source in the store.", show_default="its kind"),
    ] = None,
    store: StoreUrl = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="DIR",
            help="A saved model whose embeddings of new and changed targets are written in the same transaction.",
            show_default=False,
        ),
    ] = None,
    encoder: ModelEncoder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report the changes without writing them.")] = False,
    max_delete: Annotated[
        str | None,
        typer.Option(
            "--max-delete",
            metavar="SHARE",
            help="Fail rather than remove a larger share of the source's targets.",
            show_default="5%",
        ),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="TIME",
            help="How long to wait for another refresh of the source, such as 5m.",
            show_default="30s",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="TOML file with the store and several sources, in place of --source.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON and nothing else to stdout: an object, with --config a list.")
    ] = False,
) -> None:
    """Update the graph store to match a source.

    Only the difference is written, in one transaction, and only nodes of the source are changed: run it every night.
    The report counts added, changed, moved and removed categories and products, and added and removed edges.

    Exit codes: 0 done or nothing to do, 2 bad source or usage, 3 more removals than --max-delete, 4 store unavailable,
    5 another refresh of the source is running, 1 any other error.

    For example:

        newaisle refresh --source shopify:taxonomy/dist --store bolt://localhost:7687

        newaisle refresh --source tables:catalog --name shop --dry-run

        newaisle refresh --source tables:catalog --model MODEL
    """
    from .process import refresh_codes

    with refresh_codes():
        todo = _todo(source, reading, name, store, (model, encoder), max_delete, wait, config)
        from ...graph import open_store
        from ...graph.store.report import check_removals
        from ..settings import Settings

        settings = Settings()
        loaded = [_load(job, dry_run) for job in todo.jobs]  # all first: a bad source must leave the store unchanged
        results: list[dict[str, Any]] = []
        try:
            with open_store(todo.store or settings.store, settings.credentials, home=settings.newaisle_home) as opened:
                for job, graph, write_back, phases in loaded:
                    report = _refreshed(opened, graph, job, write_back, dry_run)
                    report = replace(report, phases={**phases, **report.phases})
                    results.append(_for_programs(report, dry_run))
                    if not json:
                        _print(report, dry_run)
                    if dry_run:
                        check_removals(report, job.max_delete)
        finally:  # report what was done before an error, too
            if json and results:
                print_json(results if config else results[0])


def _todo(
    source: str | None,
    reading: Reading,
    name: str | None,
    store: str | None,
    model_and_encoder: tuple[Path | None, str | None],
    max_delete: str | None,
    wait: str | None,
    config: Path | None,
) -> RefreshConfig:
    from ..sync.jobs import Job, RefreshConfig, read_refresh_config, seconds, share

    if (source is None) is (config is None):
        raise typer.BadParameter("give either --source or --config.")
    model, encoder = model_and_encoder
    own = {"name": name, "model": model, "encoder": encoder, "schema": reading.schema, "sales": reading.sales}
    given: dict[str, Any] = {key: value for key, value in own.items() if value}
    for option, text, read in (("max_delete", max_delete, share), ("wait", wait, seconds)):
        if text is not None:
            try:
                given[option] = read(text)
            except ValueError as error:
                raise typer.BadParameter(str(error), param_hint=f"--{option.replace('_', '-')}") from None
    if config is not None:
        if given:
            raise typer.BadParameter(
                "with --config, --name, --model, --encoder, --max-delete, --wait and --sales belong in the config "
                "file, and what says how tables are written in a file that its key schema names."
            )
        file = read_refresh_config(config)
        return replace(file, store=store or file.store)
    if encoder is not None and model is None:
        raise typer.BadParameter("--encoder confirms the encoder of a model; give --model, too.")
    assert source is not None  # noqa: S101 - checked above
    return RefreshConfig((Job(source, **given),), store)


def _load(job: Job, dry_run: bool) -> tuple[Job, CatalogGraph, WriteBack | None, dict[str, float]]:
    """A source's graph under its name in the store, what a model writes with it, and the seconds both took."""
    from ...loaders import load

    started = time.perf_counter()
    with step(f"Loading {job.source}"):
        graph = load(job.source, schema=job.schema, sales=job.sales).graph.with_source(job.name)
    phases = {"load": time.perf_counter() - started}
    if job.model is None:
        return job, graph, None, phases
    from ..recommender import Recommender
    from ..sync.write_back import StoreView

    started = time.perf_counter()
    with step(f"Predicting with the model {job.model}"):
        model = Recommender.load(job.model, encoder=job.encoder)
        if dry_run:
            graph, write_back = model.related(graph), None
        else:
            view = StoreView.of(model.fitted, graph, model.cache)  # with the clusters of the model, made once
            graph, write_back = view.graph, view.write_back
    return job, graph, write_back, {**phases, "foresee": time.perf_counter() - started}


def _refreshed(
    store: Store, graph: CatalogGraph, job: Job, write_back: WriteBack | None, dry_run: bool
) -> RefreshReport:
    from ...graph import refresh as refresh_store

    if dry_run:
        with step(f"Comparing {graph.source}"):
            return store.plan(graph)
    with _rows(f"Refreshing {graph.source}") as progress:
        return refresh_store(
            store, graph, max_delete=job.max_delete, wait=job.wait, progress=progress, write_back=write_back
        )


@contextmanager
def _rows(title: str) -> Iterator[CountProgress]:
    """Show on standard error how many rows are written: a bar in a terminal, else plain lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with step(title) as report:
            yield lambda done, total: report(f"{done:,} of {total:,} rows")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)  # unknown until the comparison is done
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _for_programs(report: RefreshReport, dry_run: bool) -> dict[str, Any]:
    return {
        "source": report.source,
        **report.counts,
        "graph_hash": report.graph_hash,
        "run_id": report.run_id or None,
        "seconds": report.seconds,
        "phases": dict(report.phases),
        "dry_run": dry_run,
    }


def _print(report: RefreshReport, dry_run: bool) -> None:
    columns = ("source", *(name.replace("_", " ") for name in report.counts))
    print_table(columns, [[report.source, *report.counts.values()]])
    if not any(report.counts.values()):
        print_line("Nothing to do.")
    elif dry_run:
        print_line("Nothing was written (--dry-run).")
    slowest = max(report.phases, key=lambda phase: report.phases[phase])
    phases = ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in report.phases.items())
    print_line(f"{report.seconds:.2f} s: {phases}; slowest: {slowest}")
