"""Does a search find what carries the words? 50 queries made from parents and attributes of Complete Journey.

    python benchmarks/search.py [--seed 0] [--queries 50] [--table]

A query is the name of a category (20 of 50), the value of an attribute (15) or both (15); it asks for what stands below
the category, or has the attribute, or both. Judged is the share of these among the first 10 targets found. The same
queries with two letters swapped in their longest word show what misspelling costs.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from newaisle import CatalogGraph, load
from newaisle.api.settings import Settings
from newaisle.gnn.retrieval.text_search import TextSearch
from newaisle.gnn.text.encoder import TextEncoder
from newaisle.graph import Relation

K = 10
FEWEST = 5
SHARES = {"parent": 0.4, "attribute": 0.3, "both": 0.3}


class Query(NamedTuple):
    """A text and the positions of the targets that carry it."""

    kind: str
    text: str
    carriers: frozenset[int]


def main() -> None:
    """Judge the ways to search and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the choice of queries (default: %(default)s)")
    parser.add_argument("--queries", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--table", action="store_true", help="print the share for every query")
    given = parser.parse_args()
    graph = load("complete-journey").graph
    queries = made_from(graph, np.random.default_rng(given.seed), given.queries)
    misspelt = [query._replace(text=swapped(query.text, given.seed)) for query in queries]
    ways = searches(graph, TextEncoder(cache=Settings().encodings))
    if given.table:
        print_table(graph, ways, queries)
    targets = int((~graph.is_group).sum())
    print(f"\nshare of the first {K} that carry the query; {len(queries)} queries, {targets:,} targets")
    for title, asked in (("as they are", queries), ("misspelt", misspelt)):
        print(f"\n{title:25}", *(f"{kind:>10}" for kind in (*SHARES, "all")))
        for name, way in ways.items():
            shares = [(query.kind, judged(graph, way, query)) for query in asked]
            means = [np.mean([s for kind, s in shares if kind == wanted]) for wanted in SHARES]
            print(f"{name:25}", *(f"{mean:10.3f}" for mean in [*means, np.mean([s for _, s in shares])]))


def made_from(graph: CatalogGraph, random: np.random.Generator, count: int) -> list[Query]:
    """Queries from categories and attributes that a handful of targets carry, and from pairs of them."""
    leaves = frozenset(np.flatnonzero(~graph.is_group).tolist())
    own = graph.attributes
    above = [p for p in np.unique(graph.parents.indices).tolist() if len(graph.parents[[p]].indices)]  # no departments
    below = {p: leaves & frozenset(graph.below(p).tolist()) for p in above}
    below = {p: carriers for p, carriers in below.items() if len(carriers) >= FEWEST}
    has = graph.edges[Relation.HAS_ATTRIBUTE]
    carrying: dict[int, set[int]] = {}
    for target, attribute in zip(has.tail.tolist(), has.head.tolist(), strict=True):
        if re.search("[A-Za-z]", own[attribute].value):  # nobody searches for the number of a manufacturer
            carrying.setdefault(attribute, set()).add(target)
    having = {a: leaves & targets for a, targets in carrying.items() if len(leaves & targets) >= FEWEST}
    pairs = {
        (p, a): both for p in below for a in having if FEWEST <= len(both := below[p] & having[a]) < 0.8 * len(below[p])
    }
    names = graph.names
    kinds = {
        "parent": [(names[p].lower(), carriers) for p, carriers in below.items()],
        "attribute": [(own[a].value.lower(), carriers) for a, carriers in having.items()],
        "both": [(f"{own[a].value} {names[p]}".lower(), both) for (p, a), both in pairs.items()],
    }
    found = []
    for kind, made in kinds.items():
        for i in random.choice(len(made), round(SHARES[kind] * count), replace=False):
            found.append(Query(kind, made[i][0], frozenset(made[i][1])))  # noqa: PERF401
    return found


def swapped(text: str, seed: int) -> str:
    """The text with two neighbouring letters inside its longest word swapped."""
    word = max(re.findall("[a-z]+", text), key=len)
    if len(word) < 4:
        return text
    i = int(np.random.default_rng(seed + len(text)).integers(1, len(word) - 2))
    return text.replace(word, word[:i] + word[i + 1] + word[i] + word[i + 2 :], 1)


def searches(graph: CatalogGraph, encoder: TextEncoder) -> dict[str, Callable[[str], np.ndarray]]:
    """Name of a way -> worth of all targets for a text, float64 (n,)."""
    names, texts = encoder.encode([name.lower() for name in graph.names]), encoder.encode(graph.texts)
    values = [a.value.lower() if re.search("[A-Za-z]", a.value) else "" for a in graph.attributes]
    both, letters = TextSearch(graph, (names, texts), encoder.encode(values)), TextSearch(graph)

    def meaning(text: str) -> np.ndarray:
        return encoder.encode([text])[0]

    return {
        "cosine of names": lambda text: names @ meaning(text),
        "cosine of texts": lambda text: texts @ meaning(text),
        "newaisle without encoder": lambda text: -letters.matches(text).doubt,
        "newaisle": lambda text: -both.matches(text, meaning(text)).doubt,
    }


def first(graph: CatalogGraph, worth: np.ndarray) -> Sequence[int]:
    """The K best targets; groups are none."""
    order = np.argsort(-np.where(graph.is_group, -np.inf, worth), kind="stable")
    return [int(i) for i in order[:K]]


def judged(graph: CatalogGraph, way: Callable[[str], np.ndarray], query: Query) -> float:
    """Share of carriers among the first K, of as many as there can be."""
    return sum(i in query.carriers for i in first(graph, way(query.text))) / min(K, len(query.carriers))


def print_table(graph: CatalogGraph, ways: dict[str, Callable[[str], np.ndarray]], queries: Sequence[Query]) -> None:
    """One line per query."""
    print(f"{'query':55} {'carriers':>8}", *(f"{name:>25}" for name in ways))
    for query in queries:
        shares = (judged(graph, way, query) for way in ways.values())
        print(f"{query.text:55} {len(query.carriers):8}", *(f"{share:25.2f}" for share in shares))


if __name__ == "__main__":
    main()
