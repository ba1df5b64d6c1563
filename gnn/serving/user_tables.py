"""Users, their history and what they did since, as tables and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from ...arrays import FloatArray, IntArray
from ...errors import InputError
from ...graph import CatalogGraph, Id, Ids
from ...graph.catalog.arrow import cells
from ..online.events import LOG_COLUMNS, NO_FIRST, NO_LAST, EventLog
from .state import ModelState


@dataclass(frozen=True, eq=False)
class UserTables:
    """What :class:`~newaisle.gnn.serving.state.ModelState` knows of users, its fields of these names."""

    users: Ids
    newcomers: Ids
    bought: sp.csr_array
    signed: sp.csr_array
    event_log: EventLog


def user_tables(state: ModelState) -> dict[str, pa.Table]:
    """Tables ``users``, ``history``, ``newcomers`` and ``observed``; users and targets are rows and positions."""
    signed = state.signed
    quantity = np.zeros(signed.nnz)
    quantity[signed.data > 0] = state.bought.data  # the same pairs in the same order
    return {
        "users": pa.table({"id": list(state.users)}),
        "history": pa.table(
            {
                "user": np.repeat(np.arange(signed.shape[0]), np.diff(signed.indptr)),
                "target": signed.indices.astype(np.int64),
                "quantity": quantity,
                "weight": signed.data,
            }
        ),
        "newcomers": pa.table({"id": list(state.newcomers)}),
        "observed": pa.table({name: getattr(state.event_log, name) for name in LOG_COLUMNS}),
    }


def read_users(tables: Mapping[str, pa.Table], graph: CatalogGraph, longest_at_fit: float) -> UserTables:
    """What :func:`user_tables` wrote, of these columns and types; an InputError where no state has it."""
    users, newcomers = (tuple(cells(tables[name]["id"])) for name in ("users", "newcomers"))
    _check_ids(users, newcomers)
    history, observed = (
        {name: tables[table][name].to_numpy() for name in tables[table].column_names}
        for table in ("history", "observed")
    )
    bought, signed = _read_history(history, (len(users), len(graph)))
    if not bought.nnz:
        raise InputError("Nobody bought anything in the history.")
    _check_pairs("observed", observed, (len(users) + len(newcomers), len(graph)))
    for name in ("first", "last"):
        if len(observed[name]) and not NO_LAST <= observed[name].min() <= observed[name].max() <= NO_FIRST:
            raise InputError(f"The column {name!r} of the observed events has times out of range.")
    log = EventLog(**{name: observed[name] for name in LOG_COLUMNS}, longest=longest_at_fit)
    return UserTables(Ids(users, "user"), Ids(newcomers, "user"), bought, signed, log)


def _check_ids(users: tuple[Id, ...], newcomers: tuple[Id, ...]) -> None:
    """Check that ids are distinct and of one type, and those of users in order."""
    if len(Ids.of([*users, *newcomers], "user")) != len(users) + len(newcomers) or not users:
        raise InputError("The user ids are not distinct.")
    if list(users) != sorted(users):
        raise InputError("The user ids are not in ascending order.")


def _read_history(history: Mapping[str, FloatArray], shape: tuple[int, int]) -> tuple[sp.csr_array, sp.csr_array]:
    """What was bought, and the weights of that and of what was disliked, both CSR."""
    _check_pairs("history", history, shape)
    quantity, weight, user, target = (history[name] for name in ("quantity", "weight", "user", "target"))
    if not np.isfinite(quantity).all() or (quantity < 0).any():
        raise InputError("The history has quantities that are not finite or below 0.")
    bought, signed = (
        sp.csr_array((data[part], (user[part], target[part])), shape=shape)
        for data, part in ((quantity, weight > 0), (weight, weight != 0))
    )
    return bought, signed


def _check_pairs(what: str, columns: Mapping[str, FloatArray | IntArray], shape: tuple[int, int]) -> None:
    """Check that pairs of users and targets exist and ascend, each once, with weights from -1 to 1 that are not 0."""
    user, target, weight = (columns[name] for name in ("user", "target", "weight"))
    for column, size in ((user, shape[0]), (target, shape[1])):
        if len(column) and not 0 <= column.min() <= column.max() < size:
            raise InputError(f"The table {what!r} has users or targets that do not exist.")
    ascends = (np.diff(user) > 0) | ((np.diff(user) == 0) & (np.diff(target) > 0))
    if not ascends.all():
        raise InputError(f"The table {what!r} is not in ascending order of users and targets, each pair once.")
    if not (np.isfinite(weight) & (np.abs(weight) <= 1) & (weight != 0)).all():
        raise InputError(f"The table {what!r} has weights that are 0 or not from -1 to 1.")
