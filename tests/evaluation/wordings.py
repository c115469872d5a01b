"""Ways in which people put one question about a topic.

Written from how people ask assistants and search engines, not from what the guard accepts: one
that it refuses stays. Wordings of one family ask for the same; the first of `meaning` are those
that Tercet was first asked to recognise.
"""

TEACHING = (
    "What does the Bible say about {}?",
    "What does scripture teach about {}?",
    "What does God's word say about {}?",
    "What is the Bible's teaching on {}?",
    "Tell me what the Bible says about {}",
    "What do the scriptures say on the subject of {}?",
)
MEANING = (
    "What is {}?",
    "Define {}",
    "Explain {} to me",
    "What does {} mean?",
    "What is the meaning of {}?",
    "Can you explain what {} is?",
)
NOTES = (
    "What do my notes say about {}?",
    "What have I written about {}?",
    "Summarise my notes on {}",
    "What did I note down about {}?",
    "Show me what I wrote on {}",
)
OVERVIEW = (
    "Tell me about {}",
    "Can you tell me about {}?",
    "I would like to know more about {}",
    "Give me an overview of {}",
    "Please tell me something about {}",
)


def families(topic: str) -> list[tuple[str, ...]]:
    """Families that fit a topic: only of a single word does one ask what it means."""
    whole = [TEACHING, NOTES, OVERVIEW]
    return whole if " " in topic else [*whole, MEANING]
