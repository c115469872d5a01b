"""What can be quoted from a passage of Markdown."""

import pytest

from shared.inference.quotations.quotable_units import find_units

LONG = "This sentence is long enough to be a line of wrapped prose in a note of anyone"


@pytest.mark.parametrize(
    ("passage", "texts"),
    [
        ("One. Two.", ["One.", "Two."]),
        (f"{LONG}\ngoes on. Two.", [f"{LONG} goes on.", "Two."]),
        ("Phone: 555\nMail: a@b.c", ["Phone: 555", "Mail: a@b.c"]),
        ("- milk\n- [ ] eggs\n  and salt", ["milk; eggs and salt", "milk", "eggs and salt"]),
        ("Buy:\n\n1. milk\n2. eggs", ["Buy: milk; eggs", "milk", "eggs"]),
        (f"Buy:\n- {LONG * 3}.\n- milk", [f"{LONG * 3}.", "milk"]),
        (f"- {LONG * 4}. Two.\n- x", [f"{LONG * 4}.", "Two.", "x"]),
        ("|A|B|\n|-|:-:|\n|1|2|\n|3\\|4||", ["A: 1; B: 2", "A: 3|4"]),
        ("Way:\n|A|B|\n|-|-|\n|1|2|", ["Way:", "A: 1; B: 2"]),
        ("Fares.\n| Bus | 2 |\n| | 5 |\n\n> | Tram | 3 |", ["Fares.", "Bus; 2", "5", "Tram; 3"]),
        ("The norms:\n|x| = |y|", ["The norms:", "|x| = |y|"]),
        ("Run:\n```sh\nls -l\n```\nDone.", ["Run: ls -l", "ls -l", "Done."]),
        ("```\nif x:\n    y()\n```", ["if x:\n    y()"]),
        ("~~~\n" + "x = 1\n" * 50, ["x = 1"] * 50),
        (
            "It rises.[^1]\nWarm it. #bread\n\n[^1]: A book.",
            ["It rises.", "Warm it. #bread", "A book."],
        ),
        ("\u4e00\u4e8c\u3002\u4e09\u56db\uff01", ["\u4e00\u4e8c\u3002", "\u4e09\u56db\uff01"]),
        ("> [!note] Title\n> It is quoted.", ["Title", "It is quoted."]),
        ("# Heading\n\nText.\n\nOther\n=====\n---\n***\n", ["Text."]),
        ("# Only **a** heading #", ["Only a heading"]),
        (
            "---\ntitle: x\ntags: [a]\n---\n**We** [[Pear|prune]] <b>it</b>. ^abc123",
            ["We prune it."],
        ),
        ("It %%not%% ends <!-- here -->there.", ["It ends there."]),
        ("x" * 2_000, ["x" * 500 + "\u2026"]),
        (f"{'word ' * 200}end", [f"{'word ' * 99}word\u2026"]),
        ("", []),
        ("---\n***\n|\n", []),
    ],
)
def test_units_are_texts_without_markup(passage: str, texts: list[str]) -> None:
    assert [unit.text for unit in find_units(passage)] == texts


def test_heading_and_introduction_are_the_context_of_a_unit() -> None:
    units = find_units("# Food\n\nBuy:\n- milk\n- eggs\n\n## Drink\nTea.")
    assert units == [
        ("Buy: milk; eggs", "Food"),
        ("milk", "Food Buy:"),
        ("eggs", "Food Buy:"),
        ("Tea.", "Drink"),
    ]
