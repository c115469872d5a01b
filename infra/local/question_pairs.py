"""Whether one cached answer would serve two questions, decided as for a question that is asked."""

import csv
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import InvalidRequestError
from shared.matching.decision import decide
from shared.question import Question
from shared.text.vocabulary_packs import VocabularyPack, load_packs
from shared.vectors import cosines, stack

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.settings import Settings

_TOGETHER = 500  # pairs embedded at once


@dataclass(frozen=True, slots=True)
class PairDecision:
    """The decision on one pair; `refusals` has the reason of each rule, None where it passes."""

    cosine: float
    match: bool
    reason: str
    refusals: dict[str, str | None] = field(default_factory=dict)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Read columns `a` and `b` of a file of tab-separated values; quotes are characters.

    Raises:
        InvalidRequestError: it cannot be read, a column is missing, or a row has other columns
            than the header; says in which line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{path} is not UTF-8 at byte {error.start:,}") from None
    rows = csv.reader((line.rstrip("\r") for line in lines), "excel-tab", quoting=csv.QUOTE_NONE)
    header = next(rows, [])
    missing = [name for name in ("a", "b") if name not in header]
    if missing:
        raise InvalidRequestError(
            f"{path}, line 1: no column {' and no column '.join(missing)} among"
            f" {', '.join(header) or 'no columns at all'}; the first line names the columns,"
            " with tabs between them"
        )
    place_a, place_b = header.index("a"), header.index("b")
    pairs = []
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise InvalidRequestError(
                f"{path}, line {rows.line_num}: {len(row)} columns instead of {len(header)}"
                f" ({', '.join(header)})"
            )
        pairs.append((row[place_a], row[place_b]))
    return pairs


async def decide_pairs(
    pairs: Sequence[tuple[str, str]], embedder: "Embedder", settings: "Settings"
) -> AsyncIterator[PairDecision]:
    """Decide each pair, in order; what nobody can ask matches nothing.

    No language model takes part.

    Raises:
        InferenceError: the questions could not be embedded.
    """
    threshold, packs = settings.similarity_threshold, load_packs(settings.vocabulary_packs)
    for start in range(0, len(pairs), _TOGETHER):
        asked = [(_normal(a), _normal(b)) for a, b in pairs[start : start + _TOGETHER]]
        texts = list(dict.fromkeys(text for pair in asked for text, _ in pair if text))
        vectors = dict(zip(texts, await embedder.embed(texts), strict=True)) if texts else {}
        for (a, wrong_a), (b, wrong_b) in asked:
            if a and b:
                cosine = float(cosines(vectors[a], stack([vectors[b]]))[0])
                yield _decision(a, b, cosine, threshold, packs)
            else:
                yield PairDecision(
                    0.0, match=False, reason=f"a: {wrong_a}" if wrong_a else f"b: {wrong_b}"
                )


def _decision(
    a: str, b: str, cosine: float, threshold: float, packs: tuple[VocabularyPack, ...]
) -> PairDecision:
    decision = decide(a, b, packs)
    if cosine < threshold:
        reason = f"cosine below {threshold:g}"
        return PairDecision(cosine, match=False, reason=reason, refusals=decision.refusals)
    return PairDecision(
        cosine, match=decision.is_match, reason=decision.reason, refusals=decision.refusals
    )


def _normal(text: str) -> tuple[str, str]:
    """The normal form, or what is wrong with the text."""
    try:
        return Question.parse(text).normal, ""
    except InvalidRequestError as error:
        return "", str(error)
