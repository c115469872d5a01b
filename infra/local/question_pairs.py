"""Match decisions for pairs of questions, without a language model."""

import csv
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import InvalidRequestError
from shared.matching.decision import explain_decision
from shared.question import Question
from shared.text.vocabulary_packs import load_packs
from shared.vectors import cosines, stack

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.settings import Settings

_BATCH = 500  # pairs that are embedded together


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Read the columns `a` and `b` of a file with tab-separated values, without quoting.

    Raises:
        InvalidRequestError: the file is unreadable, a column is missing or a row is malformed; the
            message has the line number.
    """
    pairs = []
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            rows = csv.DictReader(file, dialect="excel-tab", quoting=csv.QUOTE_NONE)
            columns = rows.fieldnames or ()
            for name in ("a", "b"):
                if name not in columns:
                    found = ", ".join(columns) or "none"
                    raise InvalidRequestError(f"{path}, line 1: no column {name}; columns: {found}")
            for row in rows:
                if None in row or None in row.values():
                    raise InvalidRequestError(
                        f"{path}, line {rows.line_num}: expected {len(columns)} columns"
                        f" ({', '.join(columns)})"
                    )
                pairs.append((row["a"], row["b"]))
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{path} is not UTF-8") from None
    return pairs


async def explain_pairs(
    pairs: Sequence[tuple[str, str]], embedder: "Embedder", settings: "Settings"
) -> AsyncIterator[dict[str, Any]]:
    """Yield the result of `explain_decision` for each pair, in order.

    A pair with an invalid question does not match.

    Raises:
        InferenceError: the embedding model failed.
    """
    threshold, packs = settings.similarity_threshold, load_packs(settings.vocabulary_packs)
    for start in range(0, len(pairs), _BATCH):
        batch = [(_parse(a), _parse(b)) for a, b in pairs[start : start + _BATCH]]
        texts = list(dict.fromkeys(text for pair in batch for text, _ in pair if text))
        vectors = dict(zip(texts, await embedder.embed(texts), strict=True)) if texts else {}
        for (a, error_a), (b, error_b) in batch:
            if error_a or error_b:
                reason = f"a: {error_a}" if error_a else f"b: {error_b}"
                yield {"cosine": 0.0, "match": False, "reason": reason, "rules": {}}
                continue
            cosine = float(cosines(vectors[a], stack([vectors[b]]))[0])
            yield explain_decision(a, b, cosine, threshold=threshold, packs=packs)


def _parse(text: str) -> tuple[str, str]:
    """Return the canonical form, or "" and the error message."""
    try:
        return Question.parse(text).normal, ""
    except InvalidRequestError as error:
        return "", str(error)
