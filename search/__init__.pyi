from .collection import Collection as Collection
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
from .hit import Hit as Hit

__all__ = ["Collection", "Evaluation", "Hit", "evaluate"]
