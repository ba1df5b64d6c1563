"""All numbers that the model depends on besides data and seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...arrays import FloatArray
from ..calibration.forecast import ConformalInterval
from ..calibration.new_customers import NewCustomers
from ..calibration.probability import PurchaseCalibration
from ..factors.settings import FactorSettings
from ..prior.kernel import KernelSettings


@dataclass(frozen=True)
class ModelSettings:
    """All numbers that the model depends on besides data and seed."""

    factors: FactorSettings = field(default_factory=FactorSettings)
    kernel: KernelSettings = field(default_factory=KernelSettings)
    strength: float = 30.0  # gamma, the weight of the prior of a new target against its first sales
    seen_strength: float = 30.0  # the same for targets with sales at fit
    level: float = 0.0  # weight of the predicted popularity, the same for all users, in the scores
    offset: float = 0.0  # subtracted from the scores of all seen targets, so that new ones can share a list with them
    tau: float = 1.0  # temperature of the cosine-softmax
    calibration: PurchaseCalibration | None = None  # None fits it to the seen targets, each predicted from the others
    new_customers: NewCustomers | None = None  # None fits it likewise
    spread: ConformalInterval | None = None  # of the number of buyers; None fits it likewise

    def gamma(self, exposure: FloatArray) -> FloatArray:
        """Weight of priors against sales: ``strength^(1 - e) seen_strength^e``, float64 (targets,).

        e is the exposure, the share of all users and of the training window, 1 for targets with sales at fit: the more
        users could have bought a target, the more of its sales the prior predicted already.
        """
        return np.asarray(self.strength ** (1.0 - exposure) * self.seen_strength**exposure)

    def as_new(self, mean: FloatArray, popularity: FloatArray) -> FloatArray:
        """``[mu, o]`` of new targets, float64 (targets, rank + 1), of mu (targets, rank) and popularity (targets,)."""
        return np.column_stack([mean, (self.level * popularity).astype(mean.dtype)])
