"""Reports what the outbox holds, and delivers refused records again."""

from typing import TYPE_CHECKING

from infra.outbox.install import TRIGGERS

if TYPE_CHECKING:
    from shared.notes.sql_store import Connection

_STATUS = """
SELECT relation::text AS name, count(r.sequence) AS pending,
    count(*) FILTER (WHERE attempts > 0) AS failed,
    count(*) FILTER (WHERE retry_at = 'infinity') AS refused,
    coalesce(extract(epoch FROM now() - min(r.changed_at)), 0)::bigint AS oldest,
    (SELECT count(*) FROM pg_trigger WHERE tgrelid = relation AND tgenabled IN ('O', 'A')
     AND tgname LIKE 'tercet\\_outbox\\_%') AS triggers
FROM tercet_outbox.sources AS s LEFT JOIN tercet_outbox.records AS r ON r.source = s.id
GROUP BY relation ORDER BY 1
"""

_FAILURES = """
SELECT failure, count(*) FROM tercet_outbox.records WHERE attempts > 0
GROUP BY failure ORDER BY count(*) DESC LIMIT 5
"""

_RETRY = """
UPDATE tercet_outbox.records SET attempts = 0, retry_at = '-infinity' WHERE attempts > 0
"""


def _recording(triggers: int) -> str:
    if triggers >= len(TRIGGERS):
        return ""
    return "; some changes are not recorded: run install" if triggers else "; not recorded any more"


async def report(connection: "Connection") -> str:
    """Return a line for each table, and the most frequent reasons of failures."""
    lines = [
        f"{row['name']}: {row['pending']} to deliver, the oldest {row['oldest']} s old;"
        f" {row['failed']} failed, of which {row['refused']} are not delivered again"
        + _recording(row["triggers"])
        for row in await connection.fetch(_STATUS)
    ]
    lines += [
        f"  {count} records: {failure}" for failure, count in await connection.fetch(_FAILURES)
    ]
    return "\n".join(lines) or "no table is installed"


async def retry(connection: "Connection") -> str:
    """Make failed records ready again, and wake the relay."""
    async with connection.transaction():
        tag = await connection.execute(_RETRY)
        await connection.execute("SELECT pg_notify('tercet_outbox', '')")
    return f"{tag.split()[-1]} records are delivered again"
