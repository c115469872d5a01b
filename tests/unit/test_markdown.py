"""Reduction of Obsidian and Logseq Markdown to its text, and the title of a note."""

import pytest

from shared.notes.files.markdown import parse_markdown

UUID = "64f1a2b3-1234-4321-abcd-123456789abc"


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("---\ntitle: From front matter\n---\n# Heading\n", "From front matter"),
        ("---\nTitle: '007'\n---\n", "007"),
        ("---\ntitle: 2024-05-01\n---\n", "2024-05-01"),
        ("---\ntitle: >\n  two\n  lines\ntags: [a, b]\n---\n", "two lines"),
        ("---\ntitle: Notes: a draft\ntags:\n  - x\n---\n# Heading\n", "Notes: a draft"),
        ('---\ntitle: "{{title}}: x" y\n---\n', '"{{title}}: x" y'),
        ("---\nmore:\n  title: nested\n---\n# Heading\n", "Heading"),
        ("---\ntitle:\n---\n# Heading\n", "Heading"),
        ("---\ntitle: [a]\n---\n# Heading\n", "Heading"),
        ("Intro\n\n## Lower\n\n# First\n\n# Second\n", "First"),
        ("## Only lower\n", ""),
        ("# Closed ##\n", "Closed"),
        ("# C#\n", "C#"),
        ("#hashtag\n# \n# Real\n", "Real"),
        ("Underlined\n=====\n\n# Later", "Underlined"),
        ("- # In a list\n> # In a quote\n# Real\n", "Real"),
        ("```bash\n# install dependencies first\n```\n# Real\n", "Real"),
        ("~~~\n# a\n```\n# b\n~~~~\n# Real\n", "Real"),
        ("- item\n  ```\n  # no\n  ```\n\n# Real\n", "Real"),
        ("> ```\n> # no\n> ```\n# Real\n", "Real"),
        ("Text\n\n    # indented code\n\n# Real\n", "Real"),
        ("```\n# never closed\n", ""),
        ("<!--\n# hidden\n-->\n%%\n# hidden too\n%%\n# Real\n", "Real"),
        ("# The `ls -l` **command** of [Unix](https://x.y)\n", "The ls -l command of Unix"),
        ("# *See* [[Linux|GNU]]\n", "See GNU"),
        ("# A <!-- draft --> title ^abc123\n", "A title"),
        ("# snake_case and 2 * 3 * 4\n", "snake_case and 2 * 3 * 4"),
        ("title:: Logseq page\ntags:: x\n\n- block\n", "Logseq page"),
    ],
)
def test_title_is_front_matter_then_first_level_1_heading(source: str, title: str) -> None:
    assert parse_markdown(source).title == title
    assert parse_markdown(source.replace("\n", "\r\n")).title == title
    assert parse_markdown(source.replace("\n", "\r")).title == title


@pytest.mark.parametrize(
    ("source", "tags"),
    [
        ("---\ntags: [a, B c]\n---\n", ["a", "B c"]),
        ("---\nTags:\n  - a\n  - '#b'\nother: [x]\n---\n", ["a", "#b"]),
        ("---\ntags:\n- 2024\n- a\n---\n", ["2024", "a"]),
        ("---\ntags: a, b c\n---\n", ["a", "b", "c"]),
        ("---\ntag: a\n---\n", ["a"]),
        ("---\ntags: bible/romans/8\n---\n", ["bible", "bible/romans", "bible/romans/8"]),
        ("---\ntags: /a//b/\n---\n", ["a", "a/b"]),
        ("---\ntags:\n---\n", []),
        ("---\ntags: null\n---\n", []),
        ("---\ntags: []\n---\n", []),
        ("---\nmore:\n  tags: [nested]\n---\n", []),
        ("---\ntitle: Notes: a draft\ntags:\n  - a\n  - 'b'\n---\n", ["a", "b"]),
        ("---\ntitle: Notes: a draft\ntags: [a, b]\n---\n", ["a", "b"]),
        ("tags:: a, [[b c]], #d\n\n- block\n  tags:: e\n", ["a", "b c", "d"]),
        ("#inline is content\n", []),
        ("tags: content\n", []),
    ],
)
def test_tags_are_those_of_front_matter_and_page_properties(source: str, tags: list[str]) -> None:
    assert list(parse_markdown(source).tags) == tags
    assert list(parse_markdown(source.replace("\n", "\r\n")).tags) == tags


@pytest.mark.parametrize(
    "block",
    [
        "tags: [a, b]\naliases:\n  - Bob\ndate: 2024-01-01",
        "author: '[[Kevin Kelly]]'\nrating:",
        "title: one: two\n# comment",  # not valid YAML
        "title: {{title}}\ndate: {{date}}",
        "key: [never closed\nother: x",
        "tags:\n\t- a tab",
        "",
    ],
)
def test_front_matter_is_not_content(block: str) -> None:
    assert parse_markdown(f"---\n{block}\n---\n\nBody --- here\n").text == "Body --- here\n"
    assert parse_markdown(f"---\n{block}\n...\nBody").text == "Body"


@pytest.mark.parametrize(
    "text",
    [
        "---\nA paragraph between rules.\n---\nBody",
        "---\n# A heading between rules\nand its text\n---\nBody",
        "---\nkey: value\n\nnever closed",
        "Body\n---\nkey: value\n---\n",
        "----\nkey: value\n----\n",
    ],
)
def test_text_between_rules_that_is_not_front_matter_is_kept(text: str) -> None:
    assert parse_markdown(text).text == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        # wikilinks and embeds
        ("See [[Page]], [[Page|the page]] and [[a/b]].", "See Page, the page and a/b."),
        ("[[Page#Part]] [[#Part]] [[Page#^abc123]]", "Page > Part Part Page"),
        ("[[C#]] [[2023-09-12]] [[notes]]s", "C# 2023-09-12 notess"),
        ("![[Page]] ![[a.png|300]] ![[a.png|A cat|300x200]]", "Page a.png A cat"),
        (
            "a ![[Films.base]] ![[Films.base#Seen]] [[Films.base]] ![[b.base|All]]",
            "a Films.base All",
        ),
        ("| [[a\\|b]] | c |", "| b | c |"),
        ("{{embed [[Page]]}} and {{embed ((" + UUID + "))}}", "Page and"),
        # comments
        ("a %%hidden%% b", "a b"),
        ("a <!-- hidden --> b", "a b"),
        ("one\n%%\nhidden\n\n```\nhidden\n```\n%%\ntwo", "one\ntwo"),
        ("one\n\n<!-- hidden\n\nhidden -->\n\ntwo", "one\n\n\ntwo"),
        ("- <!-- hidden -->\n- two", "- two"),
        ("你好%%隐藏%%", "你好"),
        # callouts
        ("> [!note] Title\n> Text", "> Title\n> Text"),
        ("> [!warning]- [[Title]]\n> Text", "> Title\n> Text"),
        ("> [!tip]\n> Text", "> Tip\n> Text"),
        ("> > [!NOTE]+ Inner", "> > Inner"),
        ("- > [!quote|right] Said", "- > Said"),
        # block ids
        ("A statement. ^abc123", "A statement."),
        ("> Quote\n\n^my-quote\n\nNext", "> Quote\n\n\nNext"),
        (f"As in (({UUID})).", "As in ."),
        # Logseq
        (f"- Buy milk\n  id:: {UUID}\n  collapsed:: true\n- Next", "- Buy milk\n- Next"),
        ("- x\n  :LOGBOOK:\n  CLOCK: [2024-01-01 Mon 10:00]\n  :END:\n- y", "- x\n- y"),
        ("alias:: a, b\npublic:: true\n- x", "- x"),
        # HTML
        ("a<br>b<br/>c", "a\nb\nc"),
        ("| a<br>b | c |", "| a b | c |"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ('<div align="center">\n<b>Bold</b> <kbd>Ctrl</kbd>\n</div>', "Bold Ctrl"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", " a  b"),
        ('<a href="https://x.y/z">the form</a>', "[the form](https://x.y/z)"),
        ("<img src='a.png' alt='A cat' width=20>", "A cat"),
        ("10<sup>-6</sup> m, r<sup>n</sup>, H<sub>2</sub>O", "10^-6 m, r^n, H2O"),
        ("the 1<sup>st</sup> day", "the 1st day"),
        ("<style>p { color: red }</style>Text<script>x()</script>", "Text"),
        ("<details open><summary>More</summary>Text</details>", "More\nText"),
    ],
)
def test_markup_is_reduced_to_its_text(source: str, text: str) -> None:
    assert parse_markdown(source).text == text
    assert parse_markdown(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "`[[Page]] %%x%% <b>y</b> <!-- z -->`",
        "`` ` [[Page]] ``",
        "```md\n[[Page]]\nid:: x\n%%\n<!--\n```",
        "~~~\n<b>x</b>\n```\n%%a%%\n~~~",
        "- item\n  ```\n  [[Page]] ^abc123\n  ```",
        "Text\n\n    [[Page]] <b>x</b>\n\tid:: y\n\nMore",
        "$$\n[[1]] %%a%% <b>\n$$",
        r"Sum $a_{[[i]]} <b>c</b>$ here",
        "| a | b |\n|---|---|\n| 1 | `x|y` |",
        "x < 5 and List<String> and Map<b> and vector<a, b>",
        "cp <source> <target>, see <title>",
        "if a<b and c>d",
        "names[7] x[[1]] m = [[1, 2], [3, 4]] [[]]",
        "growth of 5%% and 7%% in a year",
        "a %% b",
        "%% Section A\nx = 1\n%% Section B\ny = 2",
        "<!-- never closed\n\nText",
        "area = r ^2\nE = m c ^n",
        "author:: Kevin\nRating:: 8\nmap :: a -> b",
        "[link](https://x.y) ![image](a.png) [^1]\n\n[^1]: Note #tag ==x== **b** ~~c~~",
        "- [ ] open\n- [x] done\n\n> quote\n\n***",
        r"\[[not a link]] \`[a]\` C:\path\[x]",
        "Don`t and can`t",
        "<https://example.com> <me@example.com>",
        "It costs $5 to $10 and [a] & b &amp; c",
        "trailing spaces  \n\n\n\n  and blank lines\n",
    ],
)
def test_code_formulas_tables_and_what_may_be_content_are_unchanged(text: str) -> None:
    assert parse_markdown(text).text == text


def test_characters_that_cannot_be_stored_are_sanitized_before() -> None:
    assert parse_markdown("a\0\ud800b").text == "a\ufffdb"
