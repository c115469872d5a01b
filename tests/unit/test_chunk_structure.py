"""Tests of how the structure of Markdown decides where a note is split, and what is embedded."""

import pytest

from shared.notes.chunking.split import ChunkLimits, Passage, split_note
from shared.text.token_estimate import SPECIAL_TOKENS, estimate_wordpieces

FIVE = "One two three four five."


def passages(text: str, *, title: str = "", words: int = 200, tokens: int = 256) -> list[Passage]:
    return split_note(title, text, ChunkLimits(words, 0, tokens))


def contents(text: str, *, words: int = 200, tokens: int = 256) -> list[str]:
    return [passage.content for passage in passages(text, words=words, tokens=tokens)]


def test_title_and_headings_are_embedded_and_the_content_is_as_written() -> None:
    text = f"{FIVE}\n\n## Prayer\n\n### Why we *pray*\n\n{FIVE}\n\n### How\n\n{FIVE}\n"
    assert passages(text, title="Faith", words=12) == [
        Passage(FIVE, "", f"Faith\n{FIVE}"),
        Passage(
            f"## Prayer\n\n### Why we *pray*\n\n{FIVE}",
            "Prayer > Why we *pray*",
            f"Faith > Prayer > Why we *pray*\n## Prayer\n\n### Why we *pray*\n\n{FIVE}",
        ),
        Passage(f"### How\n\n{FIVE}", "Prayer > How", f"Faith > Prayer > How\n### How\n\n{FIVE}"),
    ]


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        (FIVE, ""),
        (f"# A\n{FIVE}", "A"),
        (f"A\n===\n\nB\n---\n{FIVE}", "A > B"),
        (f"# A ##\n\n{FIVE}", "A"),
        (f"# The *Title*\n\n{FIVE}", "The *Title*"),
        (f"# the title\n\n## A\n\n{FIVE}", "A"),
        (f"## A\n\n# B\n\n{FIVE}", "A"),
        (f"# A\n\n## B\n\n{FIVE}\n\n## C\n\n{FIVE}", "A > B"),
        (f"# A\n\n{FIVE}\n\n# B\n\n{FIVE}", "A"),
        (f"```\n# no heading\n```\n\n{FIVE}", ""),
        (f"#tag\n\n{FIVE}", ""),
        (f"- item\n---\n\n{FIVE}", ""),
        (f"#\n\n{FIVE}", ""),
    ],
)
def test_headings_are_those_over_the_beginning_of_the_passage(text: str, headings: str) -> None:
    (passage,) = passages(text, title="The title")
    assert (passage.content, passage.headings) == (text, headings)


def test_headings_of_the_beginning_are_those_of_the_section_that_it_continues() -> None:
    text = f"# A\n\n{FIVE} {FIVE} {FIVE}\n\n# B\n\n{FIVE}"
    second = passages(text, words=14)[1]
    assert second == Passage(f"{FIVE}\n\n# B\n\n{FIVE}", "A", f"A\n{FIVE}\n\n# B\n\n{FIVE}")


@pytest.mark.parametrize("text", ["", " \n", "\0"])
def test_note_of_a_title_alone_has_one_passage(text: str) -> None:
    title = " Wedding of\nAnna and Paul "
    assert passages(text, title=title) == [
        Passage("Wedding of Anna and Paul", "", "Wedding of Anna and Paul")
    ]
    assert passages(text) == []


def test_long_title_leaves_three_quarters_of_the_tokens_for_the_text() -> None:
    text = f"## {'heading ' * 300}\n\n{FIVE * 300}"
    for title in ("Title " * 160, "\u0442" * 1_000, ""):
        found = passages(text, title=title, words=1_000)
        assert "".join("".join(each.content.split()) for each in found) == "".join(text.split())
        for passage in found:
            location = passage.embedded.removesuffix(passage.content)
            assert estimate_wordpieces(location) <= 256 / 4
            assert estimate_wordpieces(passage.embedded) + SPECIAL_TOKENS <= 256


TABLE = "| name | phone |\n|------|------:|\n"
ROWS = [f"| Ben {n} | 555 {n} |\n" for n in range(9)]


@pytest.mark.parametrize("margin", ["", "> ", "  "], ids=["plain", "quoted", "indented"])
def test_parts_of_a_table_repeat_its_header(margin: str) -> None:
    head = "".join(margin + line for line in TABLE.splitlines(keepends=True))
    rows = [margin + row for row in ROWS]
    found = contents(f"Friends of mine.\n\n{head}{''.join(rows)}\nThe end.", tokens=50)
    assert len(found) >= 3
    assert all(head.strip() in part for part in found if "Ben" in part)
    kept = [line for part in found for line in part.splitlines() if "Ben" in line]
    assert [row.split() for row in kept] == [row.split() for row in rows]


def test_header_that_fills_half_a_chunk_is_not_repeated() -> None:
    head = f"| {'name ' * 40} | phone |\n|---|---|\n"
    found = contents(head + "".join(ROWS), tokens=80)
    assert sum(part.startswith("| name") for part in found) == 1
    assert [line for part in found for line in part.splitlines() if "Ben" in line] == [
        row.strip() for row in ROWS
    ]


@pytest.mark.parametrize("margin", ["", "> ", "  "], ids=["plain", "quoted", "indented"])
@pytest.mark.parametrize(("fence", "language"), [("```", "python"), ("~~~~", "")])
def test_parts_of_code_stay_fenced(margin: str, fence: str, language: str) -> None:
    lines = [f"{margin}    x{n} = {n}  # no heading. No sentence" for n in range(12)]
    lines = [f"{margin}# comment", margin, *lines]
    code = "\n".join([f"{margin}{fence}{language}", *lines, f"{margin}{fence}"])
    parts = [part.splitlines() for part in contents(code, tokens=80)]
    assert len(parts) > 2
    assert {part[0].strip() for part in parts} == {f"{margin}{fence}{language}".strip()}
    assert {part[-1] for part in parts} == {f"{margin}{fence}"}
    assert [line for part in parts for line in part[1:-1]] == lines


def test_list_stays_with_its_intro_where_it_fits() -> None:
    shopping = "For the party:\n\n- cake\n- candles\n  - red ones\n- wine"
    assert contents(f"{FIVE}\n\n{shopping}\n\n{FIVE}", words=16) == [FIVE, shopping, FIVE]


def test_long_list_is_cut_between_outer_items() -> None:
    items = [f"- item {n}\n  - inner one\n  - inner two\n" for n in range(6)]
    for part in contents("Things:\n" + "".join(items), words=25):
        assert part.startswith(("Things:\n- item", "- item"))
        assert part.endswith("two")


def test_chunk_ends_before_the_highest_heading() -> None:
    text = f"## A\n\n{FIVE}\n\n## B\n\n{FIVE}\n\n### Inner\n\n{FIVE}\n\n## C\n\n{FIVE}"
    assert [part.split("\n")[0] for part in contents(text, words=14)] == [
        "## A",
        "## B",
        "## C",
    ]


@pytest.mark.parametrize("words", range(4, 20))
def test_heading_never_ends_a_chunk(words: int) -> None:
    text = "\n\n".join(f"## Heading {n}\n\n{FIVE}\n\n### Inner\n\n- a\n- b" for n in range(5))
    assert all("#" not in part.splitlines()[-1] for part in contents(text, words=words))


def test_empty_sections_are_cut_before_the_next_heading() -> None:
    parts = contents("\n\n".join(f"## Heading {n}" for n in range(50)), words=10)
    assert len(parts) > 15
    assert all(line.startswith("## H") for part in parts for line in part.split("\n\n"))


HEX, BASE64 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "aB3dE5gHi7Kl+n/PqR9tU1vWx2Yz" * 2
PEM = f"{BASE64}\n{BASE64}\n{BASE64}"


@pytest.mark.parametrize(
    ("text", "embedded"),
    [
        (f"Checksum {HEX} of it", "Checksum \u2026 of it"),
        (f"Key {BASE64}== of Ben", "Key \u2026 of Ben"),
        (f"Key\n{PEM}\nof Ben", "Key\n\u2026\nof Ben"),
        (f"![a cat](data:image/png;base64,{BASE64}) sleeps", "![a cat](\u2026) sleeps"),
        ("![x](data:image/svg+xml;utf8,%3Csvg) y", "![x](\u2026) y"),
        ("| a |\n|--------|\n| b |", "| a |\n|\u2026|\n| b |"),
        ("Chapter 1 ........ 5", "Chapter 1 \u2026 5"),
        (f"{'x' * 100} and {'Ha' * 60}", "\u2026 and \u2026"),
        *(
            (text, text)
            for text in (
                "see /Users/Ann/Documents/Projects/2023/Photos/Summer/IMG-holiday-0001",
                "AbstractSingletonProxyFactoryBeanGeneratorOfThings2",
                "Rindfleischetikettierungs\u00fcberwachungsaufgaben\u00fcbertragungsgesetz",
                "id 123e4567-e89b-12d3-a456-426614174000",
                "https://example.com/a/long/path/with-many-words/and-a-name?query=text&more=yes",
                "Rufnummer 0049301234567890, IBAN DE02120300000000202051",
                "\u0e01" * 150,
                "Well... --- |---|",
            )
        ),
    ],
)
def test_endless_strings_are_quoted_and_not_embedded(text: str, embedded: str) -> None:
    assert passages(text) == [Passage(text, "", embedded)]


def test_endless_strings_take_up_no_chunks() -> None:
    picture = f"![](data:image/png;base64,{BASE64 * 2_000})"
    assert contents(f"{FIVE}\n\n{picture}\n\n{FIVE}") == [f"{FIVE}\n\n![](\u2026)\n\n{FIVE}"]
    assert len(contents("\n".join(f"file{n}.txt {HEX}" for n in range(20)))) == 1
