"""The titles and texts that an import gives the notes of a real vault and of sermons.

The expected title is computed independently of the import, with a Markdown parser: the front
matter's `title`, else the first level-1 heading, else the file's name.
"""

import re
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

from shared.notes.files.file_import import read_note_files
from tests.benchmarks.report import Metric
from tests.support.data import DATA

FOLDERS = ("vault", "sermons")
_FRONT_MATTER = re.compile(r"---\n(.*?)^---\s*\n", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^title: *(\S.*?) *$", re.MULTILINE)
_MARKUP = re.compile(r"\A---\n|%%|<!--|\[\[|(?:^|\s)\^[\w-]+$", re.MULTILINE)

METRICS = {
    "vault_titles_right": Metric(unit="share of 153 notes", budget=1, floor=True),
    "vault_texts_without_markup": Metric(unit="share of 153 notes", budget=1, floor=True),
}


def collect_metrics() -> dict[str, Metric]:
    """Read both folders; print each wrong title."""
    right = clean = count = 0
    for name in FOLDERS:
        folder = DATA / "notes" / name
        if not folder.is_dir():
            return METRICS
        for note in read_note_files(folder).notes:
            count += 1
            expected = expected_title(folder / f"{note.note_id}.md")
            right += note.title == expected
            clean += not _MARKUP.search(note.text)
            if note.title != expected:
                print(f"  {name}/{note.note_id}: {note.title!r} instead of {expected!r}")
    values = {"vault_titles_right": right / count, "vault_texts_without_markup": clean / count}
    return {name: METRICS[name].with_value(value) for name, value in values.items()}


def expected_title(path: Path) -> str:
    """Return the title that a Markdown file must have."""
    text = path.read_text(encoding="utf-8")
    if block := _FRONT_MATTER.match(text):
        text = text[block.end() :]
        if title := _TITLE.search(block[1]):  # templates are not valid YAML
            return title[1].strip("'\"")
    tokens = MarkdownIt().parse(text)
    for opening, inline in pairwise(tokens):
        if (opening.type, opening.tag, opening.level) == ("heading_open", "h1", 0):
            return "".join(part.content for part in inline.children or ())
    return path.stem
