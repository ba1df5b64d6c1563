"""All numbers that the model depends on besides data and seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...arrays import FloatArray
from ..calibration.forecast import ConformalInterval
from ..calibration.probability import PurchaseCalibration
from ..factors.settings import FactorSettings
from ..prior.kernel import KernelSettings


@dataclass(frozen=True)
class ModelSettings:
    """All numbers that the space depends on besides data and seed.

    Attributes:
        factors: rank, confidence, regularisation.
        kernel: weights of the blocks and the ridge.
        strength: gamma, how strongly the prior of a new target holds against its first sales.
        seen_strength: the same for targets with sales at fit.
        level: how much of the predicted level, one for everybody, is added to the scores.
        offset: what is taken from the scores of all seen targets, so that new ones can share a list with them.
        tau: temperature of the cosine-softmax.
        calibration: from a score to the chance of a purchase; None fits it to the seen targets, each predicted from the
            others.
        spread: how far numbers of buyers are from the expected ones; None reads it off the seen targets likewise.
    """

    factors: FactorSettings = field(default_factory=FactorSettings)
    kernel: KernelSettings = field(default_factory=KernelSettings)
    strength: float = 30.0
    seen_strength: float = 30.0
    level: float = 0.0
    offset: float = 0.0
    tau: float = 1.0
    calibration: PurchaseCalibration | None = None
    spread: ConformalInterval | None = None

    def gamma(self, exposure: FloatArray) -> FloatArray:
        """How strongly priors hold against sales: ``strength^(1 - e) seen_strength^e``.

        The more users could have bought a target, the more its sales tell what its prior tells already.

        Args:
            exposure: e, the share of all users and of the training window, 1 for targets with sales at fit, float64
                (targets,).
        """
        return np.asarray(self.strength ** (1.0 - exposure) * self.seen_strength**exposure)

    def as_new(self, mean: FloatArray, level: FloatArray) -> FloatArray:
        """What new targets answer by: mu and what is added for everybody, float64 (targets, rank + 1).

        Args:
            mean: mu, float64 (targets, rank).
            level: predicted levels, float64 (targets,).
        """
        return np.column_stack([mean, (self.level * level).astype(mean.dtype)])
