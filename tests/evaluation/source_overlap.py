"""Measures `has_common_sources`: how well common sources separate rewordings from other questions.

The pairs have a cosine of 0.85 or more. Each question's five sources are compared with the other's.
For each rule the share of accepted rewordings and of accepted other questions is measured. Labels
are mechanical: two topics are different, even "light" and "being a light".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

from shared.matching.decision import decide
from shared.notes.note import Source
from shared.semantic_match import has_common_sources
from shared.text.canonical_form import canonical_form
from shared.vectors import cosines, stack
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.datasets import AVAILABLE, rows, topics
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import (
    ExactSearch,
    all_chunks,
    import_notes,
    open_container,
)
from tests.evaluation.intents import FILES, Intents
from tests.evaluation.question_templates import TEACHING, families
from tests.support.data import devotionals

Pair = tuple[str, str]
Searched = tuple[Pair, Sequence[Source], Sequence[Source]]
"""A pair with the sources of its first and of its second question."""

Rule = Callable[[Sequence[Source], Sequence[Source]], bool]

_THRESHOLD = 0.85
_K = 5
_REWORDED_TOPICS = 150
_TOPICS = 1_000
_EXAMPLES = 10
_PHRASINGS = 8  # of each intent


def _common(own: Sequence[Source], theirs: Sequence[Source]) -> int:
    ids = {source.chunk_id for source in theirs}
    return sum(source.chunk_id in ids for source in own)


def _first_among(own: Sequence[Source], theirs: Sequence[Source]) -> bool:
    return own[0].chunk_id in {source.chunk_id for source in theirs}


RULES: dict[str, Rule] = {
    "1 of 5": lambda own, theirs: _common(own, theirs) >= 1,
    "2 of 5": lambda own, theirs: _common(own, theirs) >= 2,
    "3 of 5": lambda own, theirs: _common(own, theirs) >= 3,
    "4 of 5": lambda own, theirs: _common(own, theirs) >= 4,
    "first": _first_among,
    "both first": lambda own, theirs: _first_among(own, theirs) and _first_among(theirs, own),
    "first, 2": lambda own, theirs: _first_among(own, theirs) and _common(own, theirs) >= 2,
    "first, 3": lambda own, theirs: _first_among(own, theirs) and _common(own, theirs) >= 3,
    "has_common_sources": has_common_sources,
}

METRICS = {
    "source_overlap_kept": Metric(unit="share of rewordings that pass the rules"),
    "source_overlap_let_through": Metric(unit="share of other questions that pass the rules"),
}


def catechism_pairs() -> dict[str, list[Pair]]:
    """Return labelled pairs of catechism questions."""
    return {
        f"catechism, {label}": [(row["a"], row["b"]) for row in rows(f"pairs/catechism_{name}.tsv")]
        for label, name in (("same", "cross_positives"), ("other", "hard_negatives"))
    }


def topic_pairs() -> dict[str, list[Pair]]:
    """Return pairs of one topic in two wordings, and of two topics in one wording."""
    names = [name for name, _ in topics()[:_TOPICS]]
    reworded = [
        (one.format(topic), other.format(topic))
        for topic in names[:_REWORDED_TOPICS]
        for family in families(topic)
        for one, other in combinations(family, 2)
    ]
    neighbours = [(TEACHING[0].format(a), TEACHING[0].format(b)) for a, b in combinations(names, 2)]
    return {"topics, same": reworded, "topics, other": neighbours}


def intent_pairs(name: str, intents: Intents) -> dict[str, list[Pair]]:
    """Return pairs of phrasings of one intent, and of two intents."""
    texts = [
        (text, intent)
        for intent, phrasings in intents.phrasings.items()
        for text in phrasings[:_PHRASINGS]
    ]
    pairs: dict[str, list[Pair]] = {f"{name}, same": [], f"{name}, other": []}
    for (a, one), (b, other) in combinations(texts, 2):
        pairs[f"{name}, {'same' if one == other else 'other'}"].append((a, b))
    return pairs


async def select_near(pairs: Mapping[str, list[Pair]]) -> dict[str, list[Pair]]:
    """Return the pairs that can match: different canonical forms, and a cosine at the threshold."""
    texts = sorted({text for group in pairs.values() for pair in group for text in pair})
    vectors = stack(await EMBEDDER.questions(texts))
    alike = {
        text: {texts[row] for row in (cosines(vector, vectors) >= _THRESHOLD).nonzero()[0]}
        for text, vector in zip(texts, vectors, strict=True)
    }
    return {
        label: [
            (a, b) for a, b in group if b in alike[a] and canonical_form(a) != canonical_form(b)
        ]
        for label, group in pairs.items()
    }


async def search_pairs(
    notes: Mapping[str, str], pairs: Mapping[str, list[Pair]]
) -> dict[str, list[Searched]]:
    """Return each pair in both orders, with the sources of both questions."""
    texts = sorted({text for group in pairs.values() for pair in group for text in pair})
    vectors = await EMBEDDER.questions(texts)
    async with open_container() as container:
        await import_notes(container, "one", notes)
        search = ExactSearch(dict(zip(texts, vectors, strict=True)), _K)
        found = search(await all_chunks(container, "one"))
    return {
        label: [
            (pair, found[pair[0]], found[pair[1]])
            for one in group
            for pair in (one, (one[1], one[0]))
        ]
        for label, group in pairs.items()
    }


async def measure() -> dict[str, list[Searched]]:
    """Search all pairs: catechisms and topics in the readings, intents in their own notes."""
    readings = {reading["note_id"]: reading["text"] for reading in devotionals()}
    measured = await search_pairs(readings, await select_near(catechism_pairs() | topic_pairs()))
    for name in FILES:
        intents = Intents.load(name)
        measured |= await search_pairs(
            intents.notes, await select_near(intent_pairs(name, intents))
        )
    return measured


def _row(label: str, group: Iterable[Searched]) -> str:
    found = [(own, theirs) for _, own, theirs in group]
    shares = (
        f"{sum(rule(*pair) for pair in found) / len(found):10.1%}" if found else f"{'-':>10}"
        for rule in RULES.values()
    )
    return f"  {label:<22}{len(found):6}{''.join(shares)}"


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print all rules with and without the matching rules."""
    if not AVAILABLE:
        return METRICS
    measured = await measure()
    passing = {
        label: [
            one
            for one in group
            if decide(canonical_form(one[0][0]), canonical_form(one[0][1])).is_match
        ]
        for label, group in measured.items()
    }
    for title, groups in (("all", measured), ("rules pass", passing)):
        print(f"  {title:<22}{'':6}{''.join(f'{name:>10}' for name in RULES)}")
        for label, group in groups.items():
            print(_row(label, group))
    for label, group in passing.items():
        accepted = [pair for pair, own, theirs in group if has_common_sources(own, theirs)]
        for a, b in accepted[:_EXAMPLES] if label.endswith("other") else ():
            print(f"    labelled {label!r}: {a!r} would get the answer to {b!r}")
    values = {}
    for name, label in (("source_overlap_kept", "same"), ("source_overlap_let_through", "other")):
        pairs = [one for key, group in passing.items() if key.endswith(label) for one in group]
        share = sum(has_common_sources(own, theirs) for _, own, theirs in pairs) / len(pairs)
        values[name] = METRICS[name].with_value(share)
    return values


if __name__ == "__main__":
    run("tests.evaluation", ("source_overlap",), BUILD / "eval.json", ())
