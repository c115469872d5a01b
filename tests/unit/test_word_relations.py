"""Relations of words, and how their list is made from WordNet's files."""

import re
from pathlib import Path

import pytest

from infra import word_relations as maker
from shared.text import sorted_lines, word_relations
from shared.text.word_relations import (
    are_kinds_of_one_thing,
    are_opposites,
    are_related,
    base_forms,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("attached", "detached"),
        ("singular", "plural"),
        ("rude", "polite"),  # by "impolite", which "rude" is similar to
        ("sunrises", "sunset"),
        ("aerobic", "anaerobic"),
        ("leave", "arrive"),
    ],
)
def test_opposites(one: str, other: str) -> None:
    assert are_opposites(one, other)
    assert are_opposites(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("violin", "viola"),
        ("violins", "violas"),
        ("stove", "oven"),
        ("diazepam", "triazolam"),
        ("notebook", "laptop"),
        ("embassy", "consulate"),
    ],
)
def test_kinds_of_one_thing(one: str, other: str) -> None:
    assert are_kinds_of_one_thing(one, other)
    assert are_kinds_of_one_thing(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bought", "purchasing"),
        ("film", "movies"),
        ("kid", "children"),
        ("women", "lady"),
        ("lorry", "truck"),
        ("photo", "picture"),
        ("creepiest", "scariest"),
        ("violin", "fiddle"),
    ],
)
def test_related_words_are_neither_opposites_nor_kinds_of_one_thing(one: str, other: str) -> None:
    for left, right in ((one, other), (other, one)):
        assert are_related(left, right)
        assert not are_opposites(left, right)
        assert not are_kinds_of_one_thing(left, right)


@pytest.mark.parametrize(("one", "other"), [("xyzzy", "plugh"), ("", ""), ("it", "him")])
def test_words_that_are_not_listed_have_no_relation(one: str, other: str) -> None:
    assert not are_related(one, other)
    assert not are_opposites(one, other)
    assert not are_kinds_of_one_thing(one, other)


def test_base_forms_of_regular_and_irregular_forms() -> None:
    assert list(base_forms("wolves")) == ["wolves", "wolf"]
    assert {"running", "run"} <= set(base_forms("running"))
    assert "hike" in base_forms("hiking")
    assert "happy" in base_forms("happiest", comparisons=True)
    assert "beak" not in base_forms("beaker")


def test_list_is_sorted_and_each_word_has_relations_or_base_forms() -> None:
    lines = sorted_lines._load(word_relations.FILE).decode("ascii").splitlines()
    words = [line.split()[0] for line in lines]
    assert words == sorted(set(words))
    relations = r"(?:-|[nvar][0-9a-z]+(?:,[nvar][0-9a-z]+)*)"
    shape = re.compile(
        rf"[a-z]{{2,}} (?:={{1}}[a-z]+(?:,[a-z]+)*|{relations}(?: {relations}){{3}})"
    )
    assert all(map(shape.fullmatch, lines))


_LICENCE = "  1 This software and database is being provided to you  \n"
_DATA = {
    "data.noun": """\
00000001 06 n 01 instrument 0 000 | a device
00000002 06 n 02 viola 0 Tenor_Violin 0 001 @ 00000001 n 0000 | a bowed instrument
00000003 06 n 02 violin 0 fiddle 0 002 @ 00000001 n 0000 + 00000005 v 0201 | another one
""",
    "index.noun": """\
instrument n 1 1 @ 1 0 00000001
viola n 1 1 @ 1 0 00000002
tenor_violin n 1 1 @ 1 0 00000002
violae n 1 1 @ 1 0 00000001
violin n 1 1 @ 1 0 00000003
fiddle n 1 1 @ 1 0 00000003
""",
    "noun.exc": "violae viola\nfiddlen fiddle\n",
    "data.verb": "00000005 36 v 01 fiddle 0 001 + 00000003 n 0102 01 + 02 00 | play\n",
    "index.verb": "fiddle v 1 1 + 1 0 00000005\n",
    "data.adj": """\
00000006 00 a 01 loud 0 001 ! 00000007 a 0101 | not soft
00000007 00 a 01 soft(p) 0 001 ! 00000006 a 0101 | not loud
00000008 00 s 01 blaring 0 001 & 00000006 a 0000 | very loud
""",
    "index.adj": """\
loud a 1 1 ! 1 0 00000006
soft a 1 1 ! 1 0 00000007
blaring a 1 1 & 1 0 00000008
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("noun", "verb", "adj", "adv"):
        for file in (f"data.{name}", f"index.{name}"):
            (tmp_path / file).write_text(_LICENCE + _DATA.get(file, ""), "latin-1")
        (tmp_path / f"{name}.exc").write_text(_DATA.get(f"{name}.exc", ""), "latin-1")
    return tmp_path


def test_relations_are_read_from_the_files_of_wordnet(folder: Path) -> None:
    wordnet = maker.WordNet.read(folder)
    thing, viola, violin = (f"n0000000{number}" for number in (1, 2, 3))
    loud, soft, blaring = (f"a0000000{number}" for number in (6, 7, 8))
    assert wordnet.relations("viola") == ({viola}, {thing}, {thing}, set())
    assert wordnet.relations("violin") == ({violin}, {thing}, {thing}, set())
    assert wordnet.relations("fiddle") == (
        {violin, "v00000005"},
        {thing},
        {thing, violin, "v00000005"},  # the noun and the verb are derived from each other
        set(),
    )
    assert wordnet.relations("violae") == ({thing, viola}, {thing}, {thing}, set())
    assert wordnet.relations("soft") == ({soft}, set(), set(), {loud})
    assert wordnet.relations("blaring") == ({blaring}, set(), {loud}, {soft})


def test_lines_are_sorted_by_word_and_name_base_forms(folder: Path) -> None:
    lines = maker.render(maker.WordNet.read(folder)).splitlines()
    assert [line.split()[0] for line in lines] == [
        *("blaring", "fiddle", "fiddlen", "instrument", "loud", "soft", "viola", "violae", "violin")
    ]
    assert "fiddlen =fiddle" in lines
    assert "soft a1 - - a0" in lines


def test_file_is_written(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "list.gz"
    monkeypatch.setattr(word_relations, "FILE", file)
    monkeypatch.setattr("sys.argv", ["word_relations", str(folder)])
    maker.main()
    assert sorted_lines.find_line(file, "fiddlen") == "fiddlen =fiddle"
    assert sorted_lines.find_line(file, "zither") is None
