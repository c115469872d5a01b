"""Noise, typing slips, words that differ by one letter, and spelling."""

import pytest

from shared.matching.decision import decide, explain_decision
from shared.settings import Settings
from tests.support.fixed_pair_model import FixedPairModel


@pytest.mark.parametrize(
    ("noisy", "plain"),
    [
        ("Hi there, what is grace please", "What is grace?"),
        ("um, what is grace?", "What is grace?"),
        ("What is grace? Thanks a lot!", "what is grace"),
        ("Good morning! Where is the um key?", "Where is the key?"),
        ("Um... hi all, uh what is grace?", "Hmm, what is grace?"),
        ("Hello hello how is Anna", "dear team, how is Anna? cheers"),
        ("Please, what is grace", "What is grace? Please!"),
    ],
)
def test_noise_never_costs_a_match(noisy: str, plain: str) -> None:
    decision = decide(noisy, plain, model=FixedPairModel(0.0))
    assert (decision.is_match, decision.is_certain) == (True, True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good morning routine ideas", "Good evening routine ideas"),
        ("Good morning routine ideas", "routine ideas"),
        ("Hello Kitty price", "Kitty price"),
        ("Dear John letter", "John letter"),
        ("What is UM tuition?", "What is tuition?"),
        ("How is an HMM trained?", "How is an UM trained?"),
        ("Who wrote Please Please Me?", "Who wrote me?"),
        ("What does umm mean?", "What does hmm mean?"),
        ("How do I say thanks?", "How do I say cheers?"),
        ("Who is Ty?", "Who is"),
    ],
)
def test_content_is_no_noise(one: str, other: str) -> None:
    assert not decide(one, other, model=FixedPairModel(0.0)).is_match


@pytest.mark.parametrize(
    ("noisy", "plain"),
    [
        ("How do I request a repeat perscription?", "How do I request a repeat prescription?"),
        ("How do I cancle my order?", "How do I cancel my order?"),
        ("Um, what is the wifi pasword?", "What is the wifi password?"),
        ("Where is my invioce?", "Where is my invoice?"),
        ("What does my rpayer list say?", "What does my prayer list say?"),
        ("Where is the spare kye?", "Where is the spare key?"),
    ],
)
def test_slip_costs_no_match_if_the_model_does_not_contradict(noisy: str, plain: str) -> None:
    for cosine in (0.9, 0.3):
        for probability, is_match in ((0.35, True), (0.34, False)):
            model = FixedPairModel(probability)
            found = explain_decision(noisy, plain, cosine, settings=Settings(), model=model)
            assert (found["match"], found["reason"]) == (is_match, "the same but for slips")


@pytest.mark.parametrize(
    ("noisy", "plain"),
    [
        ("Where is the restaraunt in Rome?", "Where is the restaurant in Rome?"),
        ("How is it definately done?", "How is it definitely done?"),
    ],
)
def test_two_slips_in_a_long_word_cost_no_match(noisy: str, plain: str) -> None:
    assert decide(noisy, plain, model=FixedPairModel(0.35)).reason == "the same but for slips"


@pytest.mark.parametrize(
    ("one", "other"),
    [("oxycontin", "oxycodone"), ("rivaroxaban", "apixaban"), ("mitosis", "meiosis")],
)
def test_another_long_word_is_no_slip(one: str, other: str) -> None:
    question = "What did I write about {}?"
    model = FixedPairModel(1.0)
    assert not decide(question.format(one), question.format(other), model=model).is_match


_ONE_LETTER = [
    ("chlorine", "chloride"),
    ("nitrate", "nitrite"),
    ("leek", "leak"),
    ("thyme", "theme"),
    ("hangar", "hanger"),
    ("silicone", "silicon"),
    ("human", "humane"),
    ("past", "paste"),
    ("lactase", "lactose"),
    ("statue", "statute"),
    ("vegan", "began"),
    ("yoga", "toga"),
]


@pytest.mark.parametrize(("one", "other"), _ONE_LETTER)
@pytest.mark.parametrize("question", ["What is {}?", "Where did I put the note about the {}?"])
def test_another_word_is_no_slip(question: str, one: str, other: str) -> None:
    decision = decide(question.format(one), question.format(other), model=FixedPairModel(1.0))
    assert not decision.is_match
    assert decision.rejections["letters"] == f"letters: {one} / {other}"


@pytest.mark.parametrize(
    ("one", "other"),
    [("venmo", "venom"), ("tumblr", "tumbler"), ("gmail", "email"), ("ssd", "sad")],
)
def test_brand_that_resembles_a_word_is_no_slip(one: str, other: str) -> None:
    question = "What did I write about {}?"
    assert not decide(question.format(one), question.format(other)).is_match
    model = FixedPairModel(1.0)
    assert not decide(question.format(one), question.format(other), model=model).is_match


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("favourite colours", "favorite colors"),
        ("theatre programme", "theater program"),
        ("organisation of the centre", "organization of the center"),
        ("neighbours who apologised", "neighbors who apologized"),
        ("grey tyres", "gray tires"),
        ("defence of our saviour", "defense of our savior"),
    ],
)
def test_british_and_american_spelling_are_the_same_words(british: str, american: str) -> None:
    question = "What do my notes say about my {}?"
    assert decide(question.format(british), question.format(american)).reason == "the same words"


def test_contraction_without_an_apostrophe_is_no_slip() -> None:
    model = FixedPairModel(0.35)
    one, other = "Why doesnt the app start?", "Why doesn't the app start?"
    assert decide(one, other, model=model).reason == "the same words"
