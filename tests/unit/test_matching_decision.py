"""Tests of the matching rules and of their decision."""

import csv
from pathlib import Path

import pytest

from shared.matching.decision import VETOES, decide, explain_decision
from shared.settings import Settings
from shared.text.canonical_form import canonical_form
from tests.support.fixed_pair_model import FixedPairModel
from tests.support.question_templates import read_templates

_EVALUATION = Path(__file__).parents[1] / "evaluation"
_REWORDED = _EVALUATION / "reworded.tsv"
_PAIRS = _EVALUATION / "pairs"

_REFUSED = [
    ("bible_references", "What does 1 Cor 13 teach?", "What does 2 Corinthians 13 teach?"),
    ("bible_references", "What does John 3:16 say?", "What does John 3 say?"),
    ("bible_references", "Who wrote Romans 8?", "Who wrote Romans 9?"),
    ("quantities", "What are the three offices of Christ?", "What are the 4 offices of Christ?"),
    ("quantities", "What is the third commandment?", "What is the 4th commandment?"),
    ("quantities", "Who won in 1998?", "Who won in 1999?"),
    ("quantities", "Which phone is best under 15k?", "Which phone is best under 20,000?"),
    ("quantities", "Do I take 5 mg?", "Do I take .5 mg?"),
    ("quantities", "What is the point (-3, 4)?", "What is the point (3, 4)?"),
    ("quantities", "Is Python 3.10 good?", "Is Python 3.1 good?"),
    ("quantities", "What is in section 1.10?", "What is in section 1.1?"),
    ("quantities", "Is my PIN 0123?", "Is my PIN 123?"),
    ("quantities", "Do I owe 2.000 euros?", "Do I owe 2 euros?"),
    ("notation", "What is (2 + 3) * 4?", "What is 2 + (3 * 4)?"),
    ("notation", "Is it 5! or more?", "Is it 5 or more?"),
    ("notation", "What is f'(x) good for?", "What is f(x) good for?"),
    ("notation", "What does rm -rf do?", "What does rm rf do?"),
    ("notation", "Is .NET good?", "Is net good?"),
    ("notation", "What is foo_bar?", "What is foo bar?"),
    ("notation", "Is 5 - 3 right?", "Is 5 3 right?"),
    ("notation", "Is 5 mW enough?", "Is 5 MW enough?"),
    ("notation", "Is IT hard?", "Is it hard?"),
    ("notation", "What are IT jobs?", "What are jobs?"),
    ("prepositions", "Where is Anna's letter?", "Where is the letter for Anna?"),
    ("prepositions", "What did he say on the phone?", "What did he say about the phone?"),
    ("prepositions", "What did he say on Monday?", "What did he say about Monday?"),
    ("objects", "Who sold us the boat?", "Who sold the boat for us?"),
    ("objects", "Who wrote us the letter?", "Who wrote the letter about us?"),
    ("objects", "Who told me about the house?", "Who told the house about me?"),
    ("verbs", "Does Ben like Mia?", "Is Ben like Mia?"),
    ("exchanged_words", "Where is the violin?", "Where is the viola?"),
    ("exchanged_words", "Is the roof attached?", "Is the roof detached?"),
    ("unknown_words", "When did I take diazepam?", "When did I take aspirin?"),
    ("unknown_words", "Why did Ben scythe it?", "Why did Ben varnish it?"),
    ("modals", "How fast can the tractor go?", "How fast may the tractor go?"),
    ("modals", "Is Mum willing to move?", "Is Mum able to move?"),
    ("negation", "Why didn't all guests come?", "Why did all guests not come?"),
    ("negation", "Who did not ask Ben to sing?", "Who did ask Ben not to sing?"),
    ("modals", "Is Ollie able to swim?", "Is Ollie allowed to swim?"),
    ("modals", "Who could sign the refund?", "Who needs to sign the refund?"),
    ("verbs", "What did I stop to eat in Lyon?", "What did I stop eating in Lyon?"),
    ("verbs", "Did I remember to lock it?", "Did I remember locking it?"),
    ("notation", "Where does Basil grow?", "Where does basil grow?"),
    ("units", "How many litres does it hold?", "How many gallons does it hold?"),
    ("degree", "Which films did I like?", "Which films did I like most?"),
    ("degree", "When is it 'few'?", "When is it 'a few'?"),
    ("contrasts", "Has my dad gone partly deaf?", "Has my dad gone completely deaf?"),
    ("degree", "Did most of the council agree?", "Did any of the council agree?"),
    ("modals", "Are Jews able to keep it?", "Are Jews obliged to keep it?"),
    ("antonyms", "Who fought alongside Gideon?", "Who fought against Gideon?"),
    ("notation", "What value does i++ have?", "What value does ++i have?"),
    ("notation", "Which mouse is Bb?", "Which mouse is bb?"),
    ("word_order", "Which later case is in the letter?", "Which case is in the later letter?"),
    ("word_order", "Who hired Anna?", "Who was hired by Anna?"),
    ("word_order", "Why did David rebuke Nathan?", "Why was David rebuked by Nathan?"),
    (
        "word_order",
        "If Ben calls Anna, what should I say?",
        "What should I say if Anna calls Ben?",
    ),
    ("antonyms", "Before we eat, what do we say?", "What do we say after we eat?"),
    ("prepositions", "What was my son's gift?", "What was the gift for my son?"),
    ("notation", "Where is Turkey?", "Where is turkey?"),
    ("notation", "Kennen Sie ihn?", "Kennen sie ihn?"),
    ("dates", "What did I do on 3 May?", "What did I do on 4 May?"),
    ("dates", "What do I do on Monday?", "What do I do on Tuesday?"),
    ("dates", "Is it open tomorrow?", "Is it open today?"),
    ("negation", "Why do people pray?", "Why don't people pray?"),
    ("negation", "Can I fly with a visa?", "Can I fly without a visa?"),
    ("negation", "Why can't I sleep?", "Why won't I sleep?"),
    ("antonyms", "What is required in the law?", "What is forbidden in the law?"),
    ("antonyms", "How do I lose weight?", "How do I gain weight?"),
    ("antonyms", "Was it under the Old Testament?", "Was it under the New Testament?"),
    ("antonyms", "Are they happy?", "Are they unhappy?"),
    ("antonyms", "Is the yoke heavy?", "Is the yoke light?"),
    ("tense", "Who is the king?", "Who was the king?"),
    ("pronouns", "What is my name?", "What is your name?"),
    ("pronouns", "What did he tell her?", "What did she tell him?"),
    ("word_order", "Did Paul write to Timothy?", "Did Timothy write to Paul?"),
    ("word_order", "How do I get from Rome to Corinth?", "How do I get to Rome from Corinth?"),
    ("word_order", "Who can be baptised?", "Who can baptise?"),
    ("quantities", "Did I save 5m?", "Did I save 5 million?"),
    ("units", "How far is 10 km?", "How far is 10 miles?"),
    ("units", "What year did we move?", "What month did we move?"),
    ("names", "Where does Simon live?", "Where does Simone live?"),
    ("names", "When did Mr. Golding pay?", "When did Mr. Gold pay?"),
    ("names", "When did Mr. Rich pay?", "When did Mr. Wealthy pay?"),
    ("names", "What did I promise Will?", "What did I promise?"),
    ("names", "What is the best Indian restaurant?", "What is the best restaurant in India?"),
    ("antonyms", "What is the dose for adults?", "What is the dose for children?"),
    ("modals", "What must elders do?", "What may elders do?"),
    ("modals", "When can I call Anna?", "When should I call Anna?"),
    ("modals", "What will Anna do in May?", "What would Anna do in May?"),
    ("conjunctions", "Do I need milk and eggs?", "Do I need milk or eggs?"),
    ("conjunctions", "Is it mine while I pay the rent?", "Is it mine if I pay the rent?"),
    ("degree", "Is the soup too hot?", "Is the soup hot?"),
    ("degree", "Is my mother better?", "Is my mother good?"),
    ("degree", "Is the older house ours?", "Is the old house ours?"),
    ("prepositions", "Who is the present from?", "Who is the present for?"),
    ("prepositions", "Is the shop open until Sunday?", "Is the shop open on Sunday?"),
    ("prepositions", "What is on the box?", "What is in the box?"),
    ("prepositions", "Who prays with Anna?", "Who prays for Anna?"),
    ("prepositions", "Who goes from the city of Bonn?", "Who goes to Bonn?"),
    ("pronouns", "When is our anniversary?", "When is their anniversary?"),
    ("pronouns", "What does he owe me?", "What do I owe him?"),
    ("objects", "Who owes me money?", "Who owes money?"),
    ("objects", "Who does he love?", "Who loves him?"),
    ("verbs", "What is Anna like?", "What does Anna like?"),
    ("verbs", "What will Anna be like?", "What will Anna like?"),
    ("verbs", "I would like tea", "I like tea"),
    ("verbs", "Did I get the flu?", "Did I have the flu?"),
    ("tense", "Have I paid the rent?", "Did I pay the rent?"),
    ("tense", "Who has the key?", "Who had the key?"),
    ("names", "How do I learn Java?", "How do I learn Python?"),
    ("modals", "Can I fast?", "Should I fast?"),
    ("names", "Do I need vitamin A?", "Do I need a vitamin?"),
    ("names", "What are US taxes?", "What are our taxes?"),
    ("notation", "What does John 3:16a say?", "What does John 3:16b say?"),
    ("verbs", "What does Tom do on Fridays?", "What does Tom have on Fridays?"),
    ("contrasts", "How do I spell necessary?", "How do I pronounce necessary?"),
    ("contrasts", "What did I buy at the shop?", "What did I rent at the shop?"),
    ("actions", "How do I recover a deleted account?", "How do I delete an account?"),
    ("actions", "How can I hack an account?", "How can I protect my account from hackers?"),
    ("attributes", "What is the meaning of life?", "What is life?"),
    ("attributes", "What is the price of a kitchen?", "What is a kitchen?"),
    ("attributes", "What is the lid of the pot?", "What is the handle of the pot?"),
    ("attributes", "Who is Anna's mother?", "Who is Anna?"),
    ("qualifiers", "What is the average price of a house?", "What is the price of a house?"),
    ("qualifiers", "What is the official name?", "What is the name?"),
    ("qualifiers", "Do all elders vote?", "Do elders vote?"),
    ("question_type", "How long is the pool?", "How wide is the pool?"),
    ("function_words", "Did I turn on the heating?", "Did I turn up the heating?"),
    ("function_words", "What is in this box?", "What is in that box?"),
    ("degree", "Who is the older man?", "Who is the oldest man?"),
    ("modals", "Does Ben swim?", "Can Ben swim?"),
    ("modals", "Who is the pastor?", "Who will be the pastor?"),
    ("antonyms", "Who is the oldest child?", "Who is the youngest child?"),
    ("quantities", "What did I do at 5 am?", "What did I do at 5 pm?"),
]

_OTHER_WORDS = [
    ("How many sacraments are there?", "What sacraments are there?"),
    ("What is baptism?", "Why baptism?"),
    ("How do I learn to swim?", "How do I learn to cook?"),
    ("What are the best places to visit?", "What are the best warm places to visit?"),
]
"""Questions that no veto rejects, but whose words differ."""

_SAME = [
    ("What is faith?", "Define faith."),
    ("What is faith?", "Explain faith to me."),
    ("What is faith?", "What does faith mean?"),
    ("What is this week's menu?", "What is the menu for this week?"),
    ("Who gave me the hat?", "Who gave the hat to me?"),
    ("Who bought me the hat?", "Who bought the hat for me?"),
    ("What does the Bible say on divorce?", "What does the Bible say about divorce?"),
    ("Can I park here?", "May I park here?"),
    ("Who wrote the Messiah?", "By whom was the Messiah written?"),
    ("Who discovered radium?", "Who was radium discovered by?"),
    ("Which team keeps the scripts?", "The scripts are kept by which team?"),
    ("Did Ravi approve the purchase order?", "Was the purchase order approved by Ravi?"),
    ("How does the liver break down sugar?", "How is sugar broken down by the liver?"),
    ("When it rains, what do I wear?", "What do I wear when it rains?"),
    ("According to Ann, why did Rome fall?", "Why did Rome fall, according to Ann?"),
    ("Didn't we already book the ferry?", "Did we not already book the ferry?"),
    ("What is the difference between RAM and ROM?", "How do RAM and ROM differ?"),
    ("How does RAM differ from ROM?", "How is RAM different from ROM?"),
    ("Does Lena eat meat?", "Does Lena eat any meat?"),
    ("Why wasn't the refund issued?", "Why was the refund not issued?"),
    ("What didn't Alice like about it?", "What did Alice not like about it?"),
    ("How long should the dough rest?", "How long should the dough rest for?"),
    ("How'd the talk end?", "How did the talk end?"),
    ("Who'd been at the demo?", "Who had been at the demo?"),
    ("What happened with the car?", "What happened to the car?"),
    ("Can you remind me what the tulips need?", "Remind me what the tulips need."),
    ("Is it true that Anna raised the rent?", "Did Anna raise the rent?"),
    ("What is haematology?", "What is hematology?"),
    (
        "Where are the oestrogen and paediatric notes?",
        "Where are the estrogen and pediatric notes?",
    ),
    ("Where is the manual for the TV?", "Where is the manual for the television?"),
    ("Who catalogued the letters?", "Who cataloged the letters?"),
    ("What is the wifi key?", "What is the key for the wifi?"),
    ("Did the Act of Providence help Man?", "Did the act of providence help man?"),
    ("Which is the third commandment?", "What's the 3rd commandment?"),
    ("What are the three offices of Christ?", "What are the 3 offices of Christ?"),
    ("What is 1 Cor 13 about?", "What is First Corinthians 13 about?"),
    ("What did I do on 25 December?", "What did I do on December 25th?"),
    ("What is the best way to learn Greek?", "How can I learn Greek?"),
    ("Could you please tell me who wrote Acts 2?", "Who wrote Acts 2?"),
    ("What doth the preface teach us?", "What does the preface teach us?"),
    (
        "What is the difference between grace and mercy?",
        "What's the difference between mercy and grace?",
    ),
    ("In Rome, what is the best church?", "What is the best church in Rome?"),
    ("Who lives in the city of Rome?", "Who lives in Rome?"),
    ("What do I say on the subject of grace?", "What do I say about grace?"),
    ("How do I fly from Rome to Corinth?", "How do I fly to Corinth from Rome?"),
    ("Why can't I sleep?", "Why cannot I sleep?"),
    ("Is it possible to fast?", "Can I fast?"),
    ("Do I owe 1,000 euros?", "Do I owe 1000 euros?"),
    ("Do I take .5 mg?", "Do I take 0.5 mg?"),
    ("Who is the US president?", "Who's the U.S. president?"),
    ("Who is the president of the US?", "Who is the president of the USA?"),
    ("What is baptism (the rite)?", "What is baptism, the rite?"),
    ("What types of prayer are there?", "What kinds of prayer are there?"),
    ("Why did the heating fail?", "Could you tell me why the heating failed?"),
    ("What subjects do you like?", "Tell me what subjects you like"),
    ("What is the duty of such as are baptised?", "What is the duty of those who are baptised?"),
    ("What is the best gift you give?", "What is the best gift you can give?"),
    ("What are the uses of silk?", "What are some of the uses of silk?"),
    ("Which is better, a cat or a dog?", "Which one is better, a cat or a dog?"),
    ("Where do I park?", "Where can I park?"),
    ("What is the number of verses in Ruth?", "How many verses are in Ruth?"),
    ("What is the duty which God requires?", "What is the duty that God requires?"),
    ("What was the result of the test?", "What were the results of the test?"),
    ("What did I eat on 3 May?", "What did I eat on May 3rd?"),
    ("Who was the first president of the United States?", "Who was the 1st president of the USA?"),
]


@pytest.mark.parametrize(("rule", "a", "b"), _REFUSED)
def test_difference_is_vetoed_whatever_the_pair_model_returns(rule: str, a: str, b: str) -> None:
    model = FixedPairModel(1.0)
    decision = decide(a, b, model=model)
    assert not decision.is_match
    assert decision.rejections[rule]
    assert not model.asked


@pytest.mark.parametrize(("a", "b"), _SAME)
def test_same_words_match_without_a_model(a: str, b: str) -> None:
    assert decide(a, b).reason == "the same words"


@pytest.mark.parametrize(("a", "b"), _OTHER_WORDS)
def test_other_words_do_not_match_without_a_model(a: str, b: str) -> None:
    assert not decide(a, b).is_match


@pytest.mark.parametrize(
    ("a", "b"),
    [
        *_OTHER_WORDS,
        ("What is the recipe for banana bread?", "How do I make banana bread?"),
        ("Where does Tom live?", "What is Tom's address?"),
        ("I would like to close my account", "I want to close my account"),
        ("How do I improve my grades?", "What helps with better marks?"),
        ("Did Abraham Lincoln free the slaves?", "Was it Lincoln who ended slavery for them?"),
    ],
)
@pytest.mark.parametrize(("probability", "is_match"), [(0.86, True), (0.84, False)])
def test_probability_decides_on_other_words(
    a: str, b: str, probability: float, *, is_match: bool
) -> None:
    decision = decide(a, b, model=FixedPairModel(probability), threshold=0.85)
    assert (decision.is_match, decision.probability) == (is_match, probability)
    assert decision.reason == f"pair model: probability {probability}"


@pytest.mark.parametrize(("probability", "is_match"), [(0.35, True), (0.34, False)])
def test_same_words_need_a_lower_probability(probability: float, *, is_match: bool) -> None:
    model = FixedPairModel(probability)
    assert decide("What is faith?", "Define faith", model=model).is_match is is_match


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Who has the rose?", "Who has the rise?"),
        ("Where is Simno?", "Where is Simon?"),
        ("What is my mother's estate?", "What is my mother's state?"),
    ],
)
def test_another_word_or_name_is_no_slip(a: str, b: str) -> None:
    assert not decide(a, b, model=FixedPairModel(0.0)).is_match


def _language_pairs() -> list[tuple[str, str, str]]:
    with (_PAIRS / "languages.tsv").open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            (row["language"], row["a"], row["b"])
            for row in table
            if row["label"] == "0" and not row["language"].startswith("en")
            if canonical_form(row["a"]) != canonical_form(row["b"])  # one identity
        ]


@pytest.mark.parametrize(
    ("language", "a", "b"), [*_language_pairs(), *read_templates(_PAIRS / "language_traps.txt")]
)
def test_one_other_word_in_another_language_never_matches(language: str, a: str, b: str) -> None:
    assert not decide(a, b, model=FixedPairModel(1.0)).is_match, language


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Was ist, nach Paulus, Glaube?", "Was ist nach Paulus Glaube?"),
        (
            "\u4fe1\u4ef0\u3068\u306f\u4f55\u3067\u3059\u304b\u3002",
            "\u4fe1\u4ef0\u3068\u306f\u4f55\u3067\u3059\u304b?",
        ),
    ],
)
def test_same_words_in_another_language_match(a: str, b: str) -> None:
    assert decide(a, b, model=FixedPairModel(0.0)).is_match


def test_vetoes_reject_nearly_all_questions_that_differ_in_one_place() -> None:
    pairs = list(read_templates(_PAIRS / "traps.txt"))[::4]  # deciding on all takes seconds
    matched = [pair for pair in pairs if decide(*pair[1:], model=FixedPairModel(1.0)).is_match]
    assert len(matched) < 0.04 * len(pairs)
    assert sum(decide(*pair[1:]).is_match for pair in matched) < 0.005 * len(pairs)


def test_accents_are_no_difference_of_unknown_words() -> None:
    pair = "Where is the café in Porto?", "Where is the cafe in Porto?"
    assert decide(*pair, model=FixedPairModel(0.9)).is_match


def test_reason_names_the_difference() -> None:
    decision = decide("what is required in the law", "what is forbidden in the law")
    assert decision.reason == "antonyms: required / forbidden"


@pytest.mark.parametrize(
    ("one", "other", "synonyms"),
    [
        ("What is the tip for the waiter?", "What is the advice for the waiter?", "tip / advic"),
        ("Where is the code for the door?", "Where is the program for the door?", "code / program"),
        ("What is the fee?", "What is the price?", "fee / price"),
        ("What is the answer?", "What is the reply?", "answer / repli"),
        ("Which site do we build on?", "Which website do we build on?", "site / websit"),
    ],
)
def test_synonyms_need_the_threshold(one: str, other: str, synonyms: str) -> None:
    assert decide(one, other).reason == f"synonyms: {synonyms}"
    assert not decide(one, other, model=FixedPairModel(0.84)).is_match
    assert decide(one, other, model=FixedPairModel(0.85)).is_match


def test_number_of_one_thing_is_no_question_for_how_many() -> None:
    assert not decide("What is the number of the bus?", "How many buses are there?").is_match


def test_decision_has_a_result_of_every_rule() -> None:
    assert set(decide("what is faith", "who is paul").rejections) == set(VETOES)


@pytest.mark.parametrize(
    ("a", "b"), [("what is it", "what was that"), ("I am not sure", "Do you know?")]
)
def test_questions_of_function_words_alone_do_not_match(a: str, b: str) -> None:
    assert not decide(a, b, model=FixedPairModel(0.84)).is_match
    assert not decide(a, b).is_match


def test_reworded_pairs_mostly_match_and_different_pairs_never_do() -> None:
    with _REWORDED.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    decided = [(row["label"] == "1", decide(row["a"], row["b"]).is_match) for row in rows]
    assert not any(passed for same, passed in decided if not same)
    passed = [passed for same, passed in decided if same]
    assert sum(passed) >= 0.75 * len(passed)


def test_explanation_has_cosine_match_reason_and_rules() -> None:
    explanation = explain_decision(
        "What is faith?", "Define faith", 0.91, settings=Settings(), model=FixedPairModel(0.9)
    )
    assert explanation | {"rules": None} == {
        "cosine": 0.91,
        "probability": 0.9,
        "match": True,
        "reason": "the same words",
        "rules": None,
    }
    assert set(explanation["rules"]) == {*VETOES, "unknown_words"}


def test_explanation_below_the_floor_is_no_match() -> None:
    explanation = explain_decision("What is faith?", "Define faith", 0.79, settings=Settings())
    assert not explanation["match"]
    assert explanation["reason"] == "cosine below 0.8"
    sure = FixedPairModel(1.0)
    explanation = explain_decision(
        "What is faith?", "Define faith", 0.69, settings=Settings(), model=sure
    )
    assert not explanation["match"]
    assert explanation["reason"] == "cosine below 0.7"


@pytest.mark.parametrize(
    ("other", "probability", "is_match"),
    [
        ("Define faith", 0.85, True),
        ("Define faith", 0.84, False),
        ("How would you explain faith to a child?", 0.92, True),
        ("How would you explain faith to a child?", 0.91, False),
        ("What is not faith?", 1.0, False),
    ],
)
def test_distant_question_needs_a_higher_probability(
    other: str, probability: float, *, is_match: bool
) -> None:
    model = FixedPairModel(probability)
    assert decide("What is faith?", other, model=model, distant=True).is_match is is_match
    explanation = explain_decision("What is faith?", other, 0.75, settings=Settings(), model=model)
    assert explanation["match"] is is_match


def test_distant_question_needs_the_threshold_if_that_is_higher() -> None:
    model = FixedPairModel(0.93)
    other = "How would you explain faith to a child?"
    assert not decide("What is faith?", other, model=model, threshold=0.95, distant=True).is_match


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What have I written about grace?", "What do my notes say about grace?", True),
        ("What did I note down about grace?", "Show me what I wrote on grace", True),
        ("Tell me what I've jotted down regarding grace", "What did I write about grace?", True),
        ("What have I written about grace?", "What have you written about grace?", False),
        ("What have I not written about grace?", "What have I written about grace?", False),
        ("What did I write to Anna?", "What do my notes say to Anna?", False),
        ("When did I write about grace?", "When do my notes say about grace?", False),
        ("What did I write on the wall?", "What did I write about the wall?", False),
        ("What did I write on Rome?", "What do my notes say about Rome?", False),
        ("What did I write on facebook?", "What do my notes say about facebook?", False),
        ("What did I write on 3 May?", "What did I write about 3 May?", False),
        ("What did I write on monday?", "What did I write about monday?", False),
    ],
)
def test_question_about_own_writing_matches_a_question_about_own_notes(
    one: str, other: str, *, same: bool
) -> None:
    assert decide(one, other).is_match is same


def test_pair_model_compares_questions_about_own_writing_as_questions_about_notes() -> None:
    model = FixedPairModel(0.9)
    decide("What did I note down about mercy?", "Show me what I wrote on hope", model=model)
    asked = ("What do my notes say about mercy?", "Show me what my notes say on hope")
    assert model.asked == [asked]
