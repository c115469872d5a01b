"""The tables of host replies in docs/hosts.md."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.host_replies.host_reply import HostReply

PAGE = Path(__file__).resolve().parents[3] / "docs" / "hosts.md"

_TABLE = re.compile(r"(?<=^### )(.+)\n(?:\n|\|.*\n)*", re.MULTILINE)


def replace_tables(page: str, sections: Mapping[str, Sequence[HostReply]]) -> str:
    """Return the page with the current table below the heading of each section."""

    def replace(match: re.Match[str]) -> str:
        if match[1] not in sections:
            return match[0]
        return f"{match[1]}\n\n{_table(sections[match[1]])}\n"

    return _TABLE.sub(replace, page).rstrip() + "\n"


def _table(replies: Sequence[HostReply]) -> str:
    lines = ["| the host | sends | Tercet |", "|---|---|---|"]
    for reply in replies:
        shown = reply.shown.replace("|", "\\|")
        fence = "``" if "`" in shown else "`"
        lines.append(f"| {reply.description} | {fence}{shown}{fence} | {reply.outcome} |")
    return "\n".join(lines) + "\n"
