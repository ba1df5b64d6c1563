"""The language of a catalog's texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]{2,}")
_LEAST_WORDS = 12
_MOST_WORDS = 2000
_SAMPLE_WORDS = 40
_MOST_SAMPLES = 20


@dataclass(frozen=True)
class TextLanguage:
    """The most frequent language of some samples of words.

    Attributes:
        code: ISO 639-1, such as ``en``.
        samples: how many were judged, each of about 40 different words.
        share: of the samples in this language, 0 to 1.
    """

    code: str
    samples: int
    share: float


def language_of(texts: Iterable[str]) -> TextLanguage | None:
    """Judge the most frequent different words of texts; None where they are fewer than 12, or cannot be judged."""
    counted = Counter(word for text in texts for word in _WORD.findall(text.lower()))
    words = [word for word, _ in counted.most_common(_MOST_WORDS)]
    if len(words) < _LEAST_WORDS:
        return None
    import py3langid  # only where texts are judged: its model takes most of a second to read

    samples = max(1, min(_MOST_SAMPLES, len(words) // _SAMPLE_WORDS))
    try:
        found = Counter(py3langid.classify(" ".join(words[first::samples]))[0] for first in range(samples))
    except OSError:  # it unpacks its model to the temporary folder, which may be full or read-only
        return None
    code, count = found.most_common(1)[0]
    return TextLanguage(code, samples, count / samples)
