"""The two embedders of the `tercet` command on questions and notes in several languages.

The baseline of each figure is MiniLM. `languages_…` are labelled pairs of questions that the
matching rules decide at the embedder's threshold. `translated_…` search translations of ten sample
notes with questions of their language, and `cross_language_…` all sample notes, which are English,
with the same questions. `translated_quoted` is the share of questions for which the right note is
quoted, `translated_quoted_wrong` that of unanswerable questions for which any is.
`python -m tests.evaluation.languages` prints a table by language.
"""

import asyncio
import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from infra.local.embedder_choice import EmbedderChoice
from infra.local.minilm import MiniLMEmbedder
from infra.local.multilingual_e5 import MultilingualE5Embedder
from infra.local.note_changes import import_notes, note_updated
from infra.local.sample_notes import SampleSet, read_sample_notes
from shared.container import Container
from shared.inference.quotations.extractive import ExtractiveAnswerer
from shared.matching.decision import decide
from shared.notes.files.file_import import ImportedNote, read_note_files
from shared.question import Question
from shared.settings import Settings
from shared.vectors import cosines, stack
from tests.benchmarks.report import Metric
from tests.evaluation.datasets import AVAILABLE, rows
from tests.evaluation.embedding_cache import CachingEmbedder
from tests.evaluation.question_pairs import Pair, Score
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.question_templates import read_templates

FOLDER = Path(__file__).with_name("translations")
_TRAPS = Path(__file__).parent / "pairs" / "language_traps.txt"
LANGUAGES = ("de", "fr", "es", "ru", "zh")
_GROUPS = {
    "english": ("en", "en-fn", "en-names", "en-names2", "digits", "mixed"),
    "latin": ("de", "fr", "es", "it", "pt", "nl", "no", "da", "pl", "tr", "diacr"),
    "other": ("ru", "el", "he", "ar", "hi", "ja", "ko", "zh"),
}
_EMBEDDERS = {
    EmbedderChoice.MINILM: CachingEmbedder(MiniLMEmbedder()),
    EmbedderChoice.MULTILINGUAL: CachingEmbedder(MultilingualE5Embedder()),
}

METRICS = (
    {
        f"languages_wrong_matches_{group}": Metric(
            unit="of the one-word differences; baseline: MiniLM"
        )
        for group in _GROUPS
    }
    | {
        f"languages_rewordings_{group}": Metric(unit="share matched; baseline: MiniLM")
        for group in _GROUPS
    }
    | {
        "translated_first": Metric(unit="hit rate; baseline: MiniLM", budget=0.7, floor=True),
        "translated_first_five": Metric(unit="hit rate; baseline: MiniLM", budget=0.9, floor=True),
        "translated_quoted": Metric(unit="share; baseline: MiniLM", budget=0.3, floor=True),
        "translated_quoted_wrong": Metric(unit="share; baseline: MiniLM", budget=0.1),
        "cross_language_first": Metric(unit="hit rate; baseline: MiniLM", budget=0.5, floor=True),
        "cross_language_first_five": Metric(
            unit="hit rate; baseline: MiniLM", budget=0.6, floor=True
        ),
    }
)


class HitRates(NamedTuple):
    """The shares of questions whose note is the first one found, and among the first five.

    `quoted` and `quoted_wrong` are the shares of answerable and unanswerable questions.
    """

    first: float
    first_five: float
    quoted: float
    quoted_wrong: float


async def collect_metrics() -> dict[str, Metric]:
    """Measure both embedders."""
    measured: dict[EmbedderChoice, dict[str, float]] = {}
    for choice in EmbedderChoice:
        values = measured[choice] = {}
        for name, rates in (
            ("translated", [await translated_hits(choice, each) for each in LANGUAGES]),
            ("cross_language", [await cross_language_hits(choice, each) for each in LANGUAGES]),
        ):
            values |= {
                key: _mean(share)
                for key, share in zip(
                    (f"{name}_{field}" for field in HitRates._fields),
                    zip(*rates, strict=True),
                    strict=True,
                )
                if key in METRICS
            }
        if AVAILABLE:
            for group, score in (await pair_scores(choice, _GROUPS)).items():
                values[f"languages_wrong_matches_{group}"] = score.wrong
                values[f"languages_rewordings_{group}"] = score.kept / max(1, score.positives)
    minilm, multilingual = measured[EmbedderChoice.MINILM], measured[EmbedderChoice.MULTILINGUAL]
    return METRICS | {
        name: METRICS[name].with_value(value, minilm[name]) for name, value in multilingual.items()
    }


async def translated_hits(choice: EmbedderChoice, language: str) -> HitRates:
    """Search the notes of a language with questions of the language."""
    notes = read_note_files(FOLDER / f"{language}.jsonl").notes
    return await _hit_rates(choice, notes, language)


async def cross_language_hits(choice: EmbedderChoice, language: str) -> HitRates:
    """Search English notes with questions of a language."""
    notes = [note for name in SampleSet for note in read_sample_notes(name)]
    return await _hit_rates(choice, notes, language)


async def pair_scores(
    choice: EmbedderChoice, groups: Mapping[str, Sequence[str]]
) -> dict[str, Score]:
    """Decide the pairs of each group of languages."""
    container = _open_container(choice)
    threshold = container.settings.candidate_cosine
    table = rows("pairs/languages_dev.tsv") + [
        {"language": language, "a": a, "b": b, "label": "0"}
        for language, a, b in read_templates(_TRAPS)
    ]
    scores = {}
    for group, languages in groups.items():
        pairs = []
        for row in (row for row in table if row["language"] in languages):
            a, b = Question.parse(row["a"]), Question.parse(row["b"])
            vector, other = await container.question_embedder.embed([a.embedded, b.embedded])
            cosine = float(cosines(vector, stack([other]))[0])
            pairs.append(Pair(a.wording, b.wording, row["label"] == "1", cosine))
        scores[group] = Score.of(
            pairs, lambda pair: pair.cosine >= threshold and decide(pair.a, pair.b).is_match
        )
    return scores


async def _hit_rates(
    choice: EmbedderChoice, notes: Iterable[ImportedNote], language: str
) -> HitRates:
    container = _open_container(choice)
    await import_notes(container, language, [note_updated(language, note) for note in notes])
    answerer = ExtractiveAnswerer.of(container.embedder, container.settings)
    places, quoted, quoted_wrong = [], [], []
    for question, note_id in _read_questions(language):
        (vector,) = await container.question_embedder.embed([Question.parse(question).embedded])
        sources = await container.store.search(language, vector, 100)
        answer = await answerer.answer(question, sources[:5])
        cited = {sources[number - 1].note_id for number in answer.cited}
        if note_id:
            places.append([*dict.fromkeys(each.note_id for each in sources)].index(note_id))
            quoted.append(note_id in cited)
        else:
            quoted_wrong.append(bool(cited))
    first = _mean(place < 1 for place in places)
    return HitRates(first, _mean(place < 5 for place in places), _mean(quoted), _mean(quoted_wrong))


def _open_container(choice: EmbedderChoice) -> Container:
    settings = Settings.from_env(choice.add_settings({"CACHE_ENABLED": "false"}))
    return Container(settings, store=MemoryNoteStore(), embedder=_EMBEDDERS[choice])


def _read_questions(language: str) -> list[tuple[str, str]]:
    with (FOLDER / "questions.tsv").open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["question"], row["note_id"]) for row in table if row["language"] == language]


def _mean(values: Iterable[float]) -> float:
    listed = [float(value) for value in values]
    return sum(listed) / len(listed)


async def _print_tables() -> None:
    languages = {each: (each,) for group in _GROUPS.values() for each in group}
    for choice in EmbedderChoice:
        for language in LANGUAGES:
            own, other = [
                await hits(choice, language) for hits in (translated_hits, cross_language_hits)
            ]
            print(
                f"{choice} {language}: own {own.first:.1f} {own.first_five:.1f}"
                f", English notes {other.first:.1f} {other.first_five:.1f}"
            )
        if AVAILABLE:
            for language, score in (await pair_scores(choice, languages)).items():
                print(
                    f"{choice} {language}: {score.wrong} of {score.negatives} traps let through"
                    f", {score.kept} of {score.positives} rewordings"
                )


if __name__ == "__main__":
    asyncio.run(_print_tables())
