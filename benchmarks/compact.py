"""What half precision and the static text encoder cost and save, on Complete Journey.

Every figure is NDCG@20 of one split, the hidden targets of seed 20. ``--without NAME,...`` (for example
``catalog_size,manufacturer,brand``) says what no fit may know.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import newaisle
from newaisle import Recommender
from newaisle.api.settings import Settings
from newaisle.gnn.propagation.propagate import propagate
from newaisle.gnn.text.catalog import encode_catalog
from newaisle.gnn.text.encoder import TextEncoder
from newaisle.gnn.text.weights import PACKAGED, STATIC
from newaisle.gnn.training.fit import fit_model
from newaisle.gnn.validation.metrics import ndcg
from newaisle.gnn.validation.splits import PROTOCOLS, make_split
from newaisle.graph.catalog.derive import without
from newaisle.loaders import LoadedSource

SEED = 20


def encoders(shop: LoadedSource, without_names: list[str]) -> None:
    """Speed and NDCG@20 of both encoders."""
    texts = sorted({*shop.graph.texts, *(name.lower() for name in shop.graph.names)})
    known = without(shop.graph, without_names) if without_names else shop.graph
    for name in (PACKAGED, STATIC):
        encoder = TextEncoder(name)
        encoder.encode(["warm up"])
        started = time.process_time()
        encoder.encode(texts[::8])
        speed = len(texts[::8]) / (time.process_time() - started)
        encoded = encode_catalog(shop.graph, name, Settings().encodings)
        phi, figures = propagate(known, encoded.texts, encoded.names), []
        for protocol in PROTOCOLS:
            split = make_split(protocol, shop.graph, shop.interactions.matrix(shop.graph), SEED)
            latent_model = fit_model(known, split.train, phi, protocols=[protocol])
            hits = split.test[split.users][:, split.candidates].toarray() > 0
            figures.append(
                ndcg(latent_model.factors.users[split.users] @ latent_model.vectors[split.candidates].T, hits)
            )
        told = ", ".join(f"{protocol} {figure:.4f}" for protocol, figure in zip(PROTOCOLS, figures, strict=True))
        print(f"{name}: {speed:,.0f} texts per CPU second; NDCG@20 {told}")


def precisions(shop: LoadedSource) -> None:
    """Size, time to load and NDCG@20 of one model saved in double and in half precision."""
    graph, history = shop.graph, shop.interactions
    split = make_split(PROTOCOLS[0], graph, history.matrix(graph), SEED)
    place = graph.ids.find(history.targets)[history.target]
    model = Recommender().fit(graph, history.where(~np.isin(place, split.hidden)))
    users = [model.fitted.users.values[row] for row in split.users]
    candidates = [graph.ids.values[i] for i in split.candidates]
    hits = split.test[split.users][:, split.candidates].toarray() > 0
    with TemporaryDirectory() as folder:
        for precision in ("float64", "float16"):
            path = Path(folder) / precision
            model.save(path, precision=precision)
            seconds = []
            for _ in range(5):
                started = time.process_time()
                loaded = Recommender.load(path)
                seconds.append(time.process_time() - started)
            size = sum(file.stat().st_size for file in path.iterdir()) / 1e6
            figure = ndcg(loaded.score(users, candidates), hits)
            print(f"{precision}: {size:.1f} MB, loaded in {min(seconds):.2f} s, NDCG@20 {figure:.4f}")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", default="", metavar="NAME,...")
    names = [name for name in parser.parse_args().without.split(",") if name]
    shop = newaisle.load("complete-journey")
    encoders(shop, names)
    if not names:
        precisions(shop)


if __name__ == "__main__":
    main()
