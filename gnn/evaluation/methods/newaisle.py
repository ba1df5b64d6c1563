"""newaisle as a compared method, and its ablations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy.sparse as sp

from ....arrays import FloatArray, IntArray
from ...calibration.forecast import Forecast
from ...factors.update import update_targets
from ...model.model import LatentFactorModel, prior_strength
from ...model.settings import ModelSettings
from ...propagation.features import FeatureBlocks
from ...training.fit import fit_model
from ...utils import chunks
from ...validation.splits import Split
from ..contracts import Make, MethodCatalog, MixedScorer, fitted
from .kernel_baselines import OnBlocks

_CHUNK = 500


class Newaisle(OnBlocks):
    """newaisle itself, zero-shot."""

    name = "newaisle"

    _model: LatentFactorModel | None = None

    @classmethod
    def offer(cls, catalog: MethodCatalog) -> Make:
        """The method with all blocks; its fit refuses a catalog without any."""
        return partial(cls, blocks=catalog.blocks)

    def fit(self, split: Split) -> None:
        """Fit the model, its settings chosen on validation folds hidden as the split hides."""
        self._model = self._fit(split)

    def _fit(self, split: Split, settings: ModelSettings | None = None) -> LatentFactorModel:
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
        """``p_u . q_c + |p_u| o_c``, float64 (users, targets): the cosine score before users get one length."""
        model = self.model
        return model.raw_scores(model.factors.user_vectors(users), targets)

    def purchase_probability(self, split: Split, users: IntArray, targets: IntArray) -> dict[str, FloatArray]:
        """The calibrated probability, and the articles' softmax."""
        model = self.model
        vectors, activity = model.factors.user_vectors(users), np.diff(split.train.indptr)[users]
        softmax = model.probabilities(model.score(vectors, targets), tau=1.0)
        return {"": model.purchase_probability(vectors, activity, targets), ":softmax": softmax}

    def forecast(self, split: Split, targets: IntArray) -> Forecast:
        """Expected buyers of some targets, and an 80 % interval."""
        return self.model.forecast(split.train, targets)

    @property
    def model(self) -> LatentFactorModel:
        """The fitted model."""
        return fitted(self._model)

    def revealed(self, split: Split, users: IntArray) -> Newaisle:
        """The method with its hidden targets updated by what some users bought of them and what not."""
        model, targets = self.model, split.listed
        if not len(users):
            return self
        exposure = np.zeros(split.test.shape[0])
        exposure[users] = 1.0
        sales = sp.csc_array(sp.diags_array(exposure) @ split.test[:, targets])
        sales.eliminate_zeros()
        settings, mean = model.settings, model.prior.mean[targets]
        gamma = settings.gamma(exposure.mean())
        strength = prior_strength(model.prior.variance[targets], gamma, settings)
        vectors, share = model.vectors.copy(), model.prior_share.copy()
        vectors[targets], share[targets] = update_targets(
            model.factors.users, sales, mean, strength, settings.factors, exposure
        )
        updated = replace(model, vectors=vectors, prior_share=share)
        longest = float(np.linalg.norm(updated.augmented_targets, axis=1).max())
        return self.with_model(replace(updated, longest=max(model.longest, longest)))

    @property
    def companions(self) -> dict[str, MixedScorer]:
        """The method without the balance of seen and new targets."""
        return {f"{self.name}-uncorrected": Uncorrected(self)}

    def with_model(self, model: LatentFactorModel) -> Newaisle:
        """The method with another fitted model."""
        other = Newaisle(self.seed, self.blocks)
        other._model = model
        return other

    def expected(self, split: Split, targets: IntArray) -> dict[str, FloatArray]:
        """Expected share of buyers among users with a history, confidence, distance from the nearest seen target."""
        level = self.purchase_probability(split, np.flatnonzero(np.diff(split.train.indptr)), targets)[""].mean(axis=0)
        distance = nearest_distance(self.blocks, targets, split.seen)
        return {"level": level, "confidence": self.model.confidence[targets], "distance": distance}


@dataclass(frozen=True, eq=False)
class Uncorrected:
    """newaisle without the offset of new targets."""

    newaisle: Newaisle

    def mixed(self, split: Split) -> Newaisle:  # noqa: ARG002
        """The same model without the offset."""
        model = self.newaisle.model
        return self.newaisle.with_model(replace(model, settings=replace(model.settings, offset=0.0)))


class Uninformed(Newaisle):
    """newaisle with factors from the sales alone, all other settings as they were chosen."""

    def fit(self, split: Split) -> None:
        """Fit with factors informed by the graph, and again without."""
        super().fit(split)
        chosen = self.model.settings
        self._model = self._fit(split, replace(chosen, factors=replace(chosen.factors, rounds=0)))


def nearest_distance(blocks: FeatureBlocks, targets: IntArray, seen: IntArray) -> FloatArray:
    """Distance of each target from the nearest seen one, float64 (targets,).

    Root of the mean over blocks of ``|phi_r(a) - phi_r(b)|^2``, unweighted, so comparable over seeds and settings.
    """
    nearest = np.empty(len(targets))
    for part in chunks(len(targets), _CHUNK):
        squares = sum(blocks.squared_distances(name, targets[part], seen).astype(np.float64) for name in blocks.names)
        nearest[part] = np.min(squares, axis=1)
    return np.asarray(np.sqrt(nearest / max(len(blocks.names), 1)))
