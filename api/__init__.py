"""The front door: the Recommender, evaluations and the command line."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .because import Because, Reason
    from .evaluating import Evaluation, evaluate_source
    from .explanation import Explanation
    from .own_models import evaluate
    from .recommender import Recommender
    from .report import write_report
    from .users import Profile

__all__ = [
    "Because",
    "Evaluation",
    "Explanation",
    "Profile",
    "Reason",
    "Recommender",
    "evaluate",
    "evaluate_source",
    "write_report",
]

_MODULES = {
    "Because": "because",
    "Evaluation": "evaluating",
    "Explanation": "explanation",
    "Profile": "users",
    "Reason": "because",
    "Recommender": "recommender",
    "evaluate": "own_models",
    "evaluate_source": "evaluating",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    # loaded when first asked for: the command line must not wait for torch
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
