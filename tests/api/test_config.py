"""A recommender from a configuration: what it says, where mistakes stand, and the same model bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newaisle.api.config import Config, read_config
from newaisle.api.recommender import Recommender
from newaisle.errors import InputError
from newaisle.gnn.calibration.new_customers import NewCustomers
from newaisle.gnn.calibration.probability import PurchaseCalibration
from newaisle.gnn.factors.settings import FactorSettings
from newaisle.gnn.model.settings import ModelSettings
from newaisle.gnn.prior.kernel import KernelSettings
from newaisle.gnn.text.weights import PACKAGED

HAND_WRITTEN = """\
seed = 3
encoder = false      # no texts

[settings]
strength = 10
tau = 0.15

[settings.factors]
rank = 12
alpha = 1e1

[settings.kernel]
ridge = 0.1
weights = { ancestors = 0.5, "parent text" = 2 }

[settings.calibration]
knots = [
  0.1,
  0.2,
]
slopes = [1.0, 0.0, 2.5]
activity = -0.25
intercept = -4

[settings.new_customers]
intercept = -1
slope = 0.5
lowest = -2.0
highest = 3
"""
MEANT = Config(
    3,
    None,
    ModelSettings(
        FactorSettings(rank=12, alpha=10.0),
        KernelSettings({"ancestors": 0.5, "parent text": 2.0}, ridge=0.1),
        strength=10.0,
        tau=0.15,
        calibration=PurchaseCalibration((0.1, 0.2), (1.0, 0.0, 2.5), -0.25, -4.0),
        new_customers=NewCustomers(-1.0, 0.5, -2.0, 3.0),
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "model.toml"


def test_a_file_written_by_hand_says_what_it_means(file: Path) -> None:
    file.write_text(HAND_WRITTEN)
    assert read_config(file) == MEANT
    assert read_config(str(file)) == MEANT
    made = Recommender.from_config(file)
    assert (made.seed, made.encoder, made.settings) == (3, None, MEANT.settings)
    assert made.config == MEANT


def test_what_is_not_said_has_its_default(file: Path) -> None:
    file.write_text("")
    assert read_config(file) == Config() == Config(0, PACKAGED, None) == read_config({})
    assert Recommender.from_config({"seed": 7}).config == replace(Config(), seed=7)
    assert read_config({"settings": {"factors": {"rank": 4}}}).settings == ModelSettings(FactorSettings(rank=4))


@pytest.mark.parametrize("config", [Config(), MEANT, Config(1, 'a "quoted" folder/é', None)])
def test_what_is_written_is_read_again(file: Path, config: Config) -> None:
    file.write_text(config.to_toml(), encoding="utf-8")
    assert read_config(file) == config


def test_a_model_from_its_configuration_is_the_same_to_the_bit(searched: Any, journey: Any, file: Path) -> None:
    file.write_text(searched.config.to_toml(), encoding="utf-8")
    assert searched.settings is None
    assert searched.config.settings == searched.fitted.model.settings
    again = Recommender.from_config(file, cache=searched.cache).fit(journey.graph, journey.interactions)
    one, other = searched.fitted.model, again.fitted.model
    assert again.config == searched.config
    for name in ("vectors", "prior_share", "popularity_error"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.factors.users, other.factors.users)
    assert (one.longest, one.calibration) == (other.longest, other.calibration)


@pytest.mark.parametrize(
    ("line", "text", "sentence"),
    [
        (1, "sed = 3", "the configuration has no key 'sed'; did you mean seed?"),
        (
            1,
            "colour = 'red'",
            "the configuration has no key 'colour'; it knows seed, encoder, settings, kinds, relations, ",
        ),
        (2, "\nseed = 'x'", "seed is 'x'; give a whole number."),
        (1, "seed = 1.5", "seed is 1.5; give a whole number."),
        (1, "seed = true", "seed is True; give a whole number."),
        (1, "seed = -1", "seed is -1; give 0 or more."),
        (1, "encoder = 3", "encoder is 3; give a text."),
        (1, "settings = 3", "settings is 3; give a table."),
        (3, "[settings]\n\ntau = 0", "settings.tau is 0.0; give a number above 0."),
        (2, "[settings]\ntau = inf", "settings.tau is inf; give a finite number."),
        (2, "[settings]\nfactors.rank = 0", "settings.factors.rank is 0; give 1 or more."),
        (3, "[settings]\n[settings.factors]\nrnk = 8", "settings.factors has no key 'rnk'; did you mean rank?"),
        (2, "[settings.kernel.weights]\n'parent text' = -1", "settings.kernel.weights.parent text is -1.0; give 0 or"),
        (1, "settings.kernel.weights = 2", "settings.kernel.weights is 2; give a table of numbers."),
        (2, "[settings.kernel]\nweights = {text = 'x'}", "settings.kernel.weights.text is 'x'; give a number."),
        (1, "[settings.calibration]\nknots = [1]", "settings.calibration lacks slopes; give it, or leave calibration"),
        (
            4,
            "[settings.calibration]\nknots = [\n1]\nslopes = [1]\nactivity = 0\nintercept = 0",
            "settings.calibration.slopes has 1 numbers; give one per piece, 2.",
        ),
        (
            2,
            "[settings.calibration]\nslopes = 1\nknots = [1]\nactivity = 0\nintercept = 0",
            "settings.calibration.slopes is 1; give a list of numbers.",
        ),
    ],
)
def test_mistakes_are_told_with_file_line_and_key(file: Path, line: int, text: str, sentence: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError) as told:
        read_config(file)
    assert str(told.value).startswith(f"{file}, line {line}: {sentence}")


def test_mistakes_in_a_mapping_and_files_that_are_none(tmp_path: Path, file: Path) -> None:
    with pytest.raises(InputError, match=r"^The configuration: settings.factors.rank is '8'; give a whole number\.$"):
        Recommender.from_config({"settings": {"factors": {"rank": "8"}}})
    file.write_text("seed = 1\nseed = = 2\n")
    with pytest.raises(InputError, match=r"model.toml: is not TOML \(.*line 2.*\); correct it there\.$"):
        read_config(file)
    file.write_bytes(b"encoder = '\xff'")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_config(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path / "none.toml")
