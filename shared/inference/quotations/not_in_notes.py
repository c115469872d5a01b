"""The answer to a question that the notes do not answer, in the question's language."""

from shared.text.languages import ENGLISH, detect_language

_ANSWERS = {
    ENGLISH: "I couldn't find that in your notes.",
    "de": "Das habe ich in deinen Notizen nicht gefunden.",
    "fr": "Je n'ai pas trouvé cela dans vos notes.",
    "es": "No he encontrado eso en tus notas.",
    "it": "Non l'ho trovato nelle tue note.",
    "pt": "Não encontrei isso nas suas notas.",
    "nl": "Dat heb ik niet in je notities gevonden.",
    "sv": "Jag hittade det inte i dina anteckningar.",
    "da": "Det fandt jeg ikke i dine noter.",
    "pl": "Nie ma tego w twoich notatkach.",
    "cs": "To ve vašich poznámkách není.",
    "tr": "Bunu notlarınızda bulamadım.",
    "ru": "В ваших заметках этого нет.",
    "ja": "ノートの中に見つかりませんでした。",
    "zh": "在您的笔记中没有找到相关内容。",
    "ko": "노트에서 찾지 못했습니다.",
    "ar": "لم أجد ذلك في ملاحظاتك.",
    "hi": "यह आपके नोट्स में नहीं मिला।",
}


def not_in_notes(question: str) -> str:
    """Return the answer, in English if the language is not known."""
    return _ANSWERS.get(detect_language(question), _ANSWERS[ENGLISH])


def finds_nothing(answer: str) -> bool:
    """Return whether an answer is one of `not_in_notes`."""
    return answer in _ANSWERS.values()
