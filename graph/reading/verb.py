"""The word for what users do with targets, in the forms that sentences need."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError

_PAST = {
    "buy": "bought",
    "eat": "eaten",
    "hear": "heard",
    "read": "read",
    "ride": "ridden",
    "see": "seen",
    "take": "taken",
    "wear": "worn",
}
_VOWELS = "aeiou"


@dataclass(frozen=True)
class Verb:
    """A verb such as buy or read.

    Attributes:
        base: its plain form, one word or more: read, sign up for.
        past: its past participle, as in "nobody has read it"; empty for the regular one, or a common irregular one.

    Raises:
        InputError: a form is not made of words.
    """

    base: str = "buy"
    past: str = ""

    def __post_init__(self) -> None:
        for form in (self.base, *([self.past] if self.past else [])):
            if not all(word.replace("-", "").isalpha() for word in form.split(" ")):
                raise InputError(f"The verb {form!r} is not made of words; give its plain form, such as read.")

    @property
    def buys(self) -> str:
        """What one user does: reads, watches, tries."""
        word, space, rest = self.base.partition(" ")
        if word.endswith(("s", "x", "z", "ch", "sh", "o")):
            word += "es"
        elif word.endswith("y") and word[-2:-1] not in _VOWELS:
            word = f"{word[:-1]}ies"
        else:
            word += "s"
        return word + space + rest

    @property
    def bought(self) -> str:
        """What was done with a target: read, watched, tried."""
        if self.past:
            return self.past
        word, space, rest = self.base.partition(" ")
        if word in _PAST:
            word = _PAST[word]
        elif word.endswith("y") and word[-2:-1] not in _VOWELS:
            word = f"{word[:-1]}ied"
        else:
            word += "d" if word.endswith("e") else "ed"
        return word + space + rest

    @property
    def buyers(self) -> str:
        """Who does it: buyers, else users."""
        return "buyers" if self.base == Verb.base else "users"

    @property
    def customers(self) -> str:
        """Who may do it: customers, else users."""
        return "customers" if self.base == Verb.base else "users"

    @property
    def sell(self) -> str:
        """What a target does: sell, else be read, be watched."""
        return "sell" if self.base == Verb.base else f"be {self.bought}"

    @property
    def sales(self) -> str:
        """What a target has then: sales, else users."""
        return "sales" if self.base == Verb.base else "users"
