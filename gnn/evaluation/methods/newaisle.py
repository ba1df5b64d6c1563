"""newaisle itself as a compared method, and its ablations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from ....arrays import FloatArray, IntArray
from ...factors.update import update_targets
from ...model.model import LatentFactorModel, prior_strength
from ...model.settings import ModelSettings
from ...propagation.features import FeatureBlocks
from ...training.fit import fit_model
from ...validation.splits import Split
from ..contracts import fitted
from .kernel_baselines import OnBlocks

_CHUNK = 500
"""Targets compared with all seen ones at once."""


class Newaisle(OnBlocks):
    """newaisle itself, zero-shot."""

    name = "newaisle"

    _model: LatentFactorModel | None = None

    def fit(self, split: Split) -> None:
        """Fit the space, its settings chosen on pseudo-new targets hidden as the split hides."""
        self._model = self._fit(split)

    def _fit(self, split: Split, settings: ModelSettings | None = None) -> LatentFactorModel:
        """The space, its settings chosen where none are given."""
        return fit_model(
            split.graph,
            split.train,
            self.blocks,
            seed=self.seed,
            settings=settings,
            protocols=(split.protocol,),
            signed=split.signed,
        )

    def score(self, split: Split, users: IntArray, targets: IntArray) -> FloatArray:  # noqa: ARG002
        """``p_u . q_c + |p_u| o_c``, float64 (users, targets): the cosine score before users are scaled to one length.

        Raises:
            ModelError: it was not fitted.
        """
        model = fitted(self._model)
        return model.unscaled(model.factors.user_vectors(users), targets)

    def chance(self, split: Split, users: IntArray, targets: IntArray) -> dict[str, FloatArray]:
        """The calibrated probability, and beside it the articles' softmax.

        Raises:
            ModelError: it was not fitted.
        """
        model = fitted(self._model)
        vectors, activity = model.factors.user_vectors(users), np.diff(split.train.indptr)[users]
        softmax = model.probabilities(model.score(vectors, targets), tau=1.0)
        return {"": model.chance(vectors, activity, targets), ":softmax": softmax}

    @property
    def model(self) -> LatentFactorModel:
        """The model.

        Raises:
            ModelError: it was not fitted.
        """
        return fitted(self._model)

    def revealed(self, split: Split, users: IntArray) -> Newaisle:
        """Itself, its hidden targets updated by what some users bought of them and what not.

        Raises:
            ModelError: it was not fitted.
        """
        model, targets = fitted(self._model), split.listed
        if not len(users):
            return self
        exposure = np.zeros(split.test.shape[0])
        exposure[users] = 1.0
        shown = sp.csc_array(sp.diags_array(exposure) @ split.test[:, targets])
        shown.eliminate_zeros()
        settings, mean = model.settings, model.prior.mean[targets]
        gamma = settings.gamma(exposure.mean())
        strength = prior_strength(model.prior.variance[targets], gamma, settings)
        vectors, share = model.vectors.copy(), model.share.copy()
        vectors[targets], share[targets] = update_targets(
            model.factors.users, shown, mean, strength, settings.factors, exposure
        )
        told = replace(model, vectors=vectors, share=share)
        longest = float(np.linalg.norm(told.answers, axis=1).max())
        return self._as(replace(told, longest=max(model.longest, longest)))

    def without_offset(self) -> Newaisle:
        """Itself, nothing taken from the scores of seen targets.

        Raises:
            ModelError: it was not fitted.
        """
        model = fitted(self._model)
        return self._as(replace(model, settings=replace(model.settings, offset=0.0)))

    def _as(self, model: LatentFactorModel) -> Newaisle:
        told = Newaisle(self.seed, self.blocks)
        told._model = model
        return told

    def expected(self, split: Split, targets: IntArray) -> dict[str, FloatArray]:
        """What a report draws: expected share of buyers among users with a history, confidence, distance from the seen.

        Raises:
            ModelError: it was not fitted.
        """
        level = self.chance(split, np.flatnonzero(np.diff(split.train.indptr)), targets)[""].mean(axis=0)
        distance = nearest_distance(self.blocks, targets, split.seen)
        return {"level": level, "confidence": fitted(self._model).confidence[targets], "distance": distance}


class Uninformed(Newaisle):
    """newaisle with factors that know the sales alone, all other settings as they were chosen."""

    def fit(self, split: Split) -> None:
        """Fit with the graph's say in the factors, and again without."""
        super().fit(split)
        chosen = self.model.settings
        self._model = self._fit(split, replace(chosen, factors=replace(chosen.factors, rounds=0)))


def nearest_distance(blocks: FeatureBlocks, targets: IntArray, seen: IntArray) -> FloatArray:
    """How far each target is from the most similar seen one, float64 (targets,).

    The root of the mean over blocks of ``|phi_r(a) - phi_r(b)|^2``: it knows nothing of fitted weights, so it means the
    same for every seed and setting.
    """
    nearest = np.empty(len(targets))
    for first in range(0, len(targets), _CHUNK):
        part = targets[first : first + _CHUNK]
        squares = sum(blocks.squared_distances(name, part, seen).astype(np.float64) for name in blocks.names)
        nearest[first : first + _CHUNK] = np.min(squares, axis=1)
    return np.asarray(np.sqrt(nearest / max(len(blocks.names), 1)))
