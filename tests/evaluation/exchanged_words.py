"""Questions that are the same but for one word: what the pair model lets through without vetoes.

The words are pairs of WordNet: opposites and kinds of one thing, and unrelated words of which the
pair model does not know both.
"""

from collections.abc import Mapping
from itertools import islice

from shared.matching.decision import decide
from shared.matching.pair_model.model import load_once
from tests.benchmarks.report import Metric
from tests.evaluation.question_pairs import SETTINGS
from tests.support.question_mutations import mutations

_PAIRS = 1_000
_KINDS = ("exchanged_words", "unknown_words")

METRICS = {
    f"{kind}_let_through": Metric(unit="share of pairs; naive: pair model alone", budget=0.01)
    for kind in _KINDS
}


def collect_metrics() -> Mapping[str, Metric]:
    """Decide on generated pairs with the real model."""
    model = load_once()
    measured = {}
    for kind in _KINDS:
        pairs = list(islice(mutations(kind, 1), _PAIRS))
        matched = sum(decide(*pair, model=model).is_match for pair in pairs)
        alone = sum(model.probability(*pair) >= SETTINGS.similarity_threshold for pair in pairs)
        name = f"{kind}_let_through"
        measured[name] = METRICS[name].with_value(matched / _PAIRS, alone / _PAIRS)
    return measured
