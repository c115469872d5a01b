"""Templates of questions about a topic.

They are modelled on questions to assistants and search engines, and not on the matching rules. The
templates of one family ask the same question. The first of MEANING are from the original request.
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
    """Return the families for a topic; MEANING is only for single words."""
    whole = [TEACHING, NOTES, OVERVIEW]
    return whole if " " in topic else [*whole, MEANING]
