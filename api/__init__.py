"""The front door: the Recommender, evaluations and the command line."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .answers.explain.explanation import Explanation
    from .answers.explain.sentences import Because, Reason
    from .answers.users import Profile
    from .recommender import Recommender
    from .reports.custom_models import evaluate
    from .reports.evaluation import Evaluation, evaluate_source
    from .reports.options import EvaluationOptions
    from .reports.report import write_report

__all__ = [
    "Because",
    "Evaluation",
    "EvaluationOptions",
    "Explanation",
    "Profile",
    "Reason",
    "Recommender",
    "evaluate",
    "evaluate_source",
    "write_report",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Because": ".answers.explain.sentences",
        "Evaluation": ".reports.evaluation",
        "EvaluationOptions": ".reports.options",
        "Explanation": ".answers.explain.explanation",
        "Profile": ".answers.users",
        "Reason": ".answers.explain.sentences",
        "Recommender": ".recommender",
        "evaluate": ".reports.custom_models",
        "evaluate_source": ".reports.evaluation",
        "write_report": ".reports.report",
    },
)
