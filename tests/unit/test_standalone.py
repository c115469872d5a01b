"""Which questions stand alone."""

import pytest

from shared.conversation import MAX_HISTORY_CHARACTERS, MAX_TURNS, Turn, latest_turns
from shared.text.standalone import stands_alone

HISTORY = ["How is the refund of my duplicate fee paid?", "It is paid to your card."]


@pytest.mark.parametrize(
    "question",
    [
        # replies
        *("why?", "yes please", "go ahead", "ok sure", "the second one", "Celts", "more"),
        *("let's do the first one", "book the first slot", "no, nothing. what should I do?"),
        # openings
        *("and in 2021?", "And what about York?", "What about Hebrew?", "how come?", "But why so?"),
        *("ok, downgrade me then", "Which one is cheaper?", "in that case what do I pay?"),
        # ellipsis
        *("Regional differences", "How many teams?", "any awards", "population back then"),
        # pronouns and demonstratives
        *("When was he born?", "is it open on Sunday?", "Can women play it?", "What are they?"),
        *("does that cost extra?", "What speed would I get there?", "why don't you provide that?"),
        *("Is this the best river?", "who wrote those?", "What did she tell them?"),
        # what the conversation contains
        *("how long will the refund take?", "What did you mean?", "Can you give more details?"),
        *("What is the difference?", "What was the previous answer?", "Tell me more"),
        *("I'll take the 5GB one, how do I add it?", "Ok I'll go for 5GB, how do I add it?"),
        # open
        *("how do I verify?", "what will I pay?", "Is there an early exit fee?", "Is it better?"),
        *("What are the benefits?", "Which is cheaper?", "do I need to do anything before I go?"),
        # other languages
        *("Und wann wurde er geboren?", "\u00bfY cu\u00e1ndo naci\u00f3?", "\u4ed6\u662f\u8c01"),
    ],
)
def test_a_question_that_may_need_its_history_does_not_stand_alone(question: str) -> None:
    assert not stands_alone(question, HISTORY)


@pytest.mark.parametrize(
    "question",
    [
        *("What is adoption?", "What is the chief end of man?", "Define the word faith"),
        *("How does God execute his decrees?", "Who wrote Romans?", "What did I write about hope?"),
        *("Is PulseFit open on Christmas Day?", "Can I use Tunely on an Apple Watch?"),
        *(
            "What did I do this week?",
            "Is it true that guinea pigs swim?",
            "What's the wifi password?",
        ),
        "How long does it take to get to York?",
        "Who are those who believe?",
        "What is the book that Anna lent me?",
        "Are there mountains in Holland?",
        "So what is the capital of France?",
        "Is Herpes a lethal disease and how is it transmitted?",
        "How many people died trying to cross the Berlin Wall?",
        "How do I report a scam call claiming to be from Harbour Bank?",
        "what are the contents of a child's garden of verses",
        "Explain how the cotton gin works",
    ],
)
def test_a_specific_question_stands_alone(question: str) -> None:
    assert stands_alone(question, HISTORY)


def test_a_question_depends_on_a_history_that_contains_its_noun() -> None:
    question = "What's the deposit for?"
    assert not stands_alone("When is the deposit returned?", ["The deposit is £50."])
    assert stands_alone("When is the deposit of York returned?", ["The deposit is £50."])
    assert not stands_alone(question, ["The deposit is £50."])


def turns(count: int, characters: int = 1) -> list[Turn]:
    return [Turn("user", chr(97 + number % 26) * characters) for number in range(count)]


def test_the_latest_turns_within_both_limits_are_used() -> None:
    assert latest_turns(turns(MAX_TURNS)) == tuple(turns(MAX_TURNS))
    assert latest_turns(turns(50)) == tuple(turns(50)[-MAX_TURNS:])
    assert latest_turns(turns(5, 7_000)) == tuple(turns(5, 7_000)[-2:])
    assert latest_turns(turns(2, MAX_HISTORY_CHARACTERS)) == tuple(turns(2, 16_000)[-1:])
    assert latest_turns([]) == ()


def test_of_a_latest_turn_that_is_too_long_the_end_remains() -> None:
    (turn,) = latest_turns([Turn("user", "a"), Turn("assistant", "b" * 16_000 + "end")])
    assert turn.role == "assistant"
    assert len(turn.content) == MAX_HISTORY_CHARACTERS
    assert turn.content.endswith("end")
