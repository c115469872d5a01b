"""What the note stores in SQL databases have in common: the writes and most reads.

The statements number their parameters as asyncpg does (`$1`).
"""
# ruff: noqa: D102 - `NoteStore` documents the methods

import logging
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from shared.errors import ReembeddingRequiredError, StoreUnavailableError
from shared.notes import sql_statements as sql
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.note import Chunk, Note
from shared.notes.sanitize import require_id, sanitize_text
from shared.notes.store import ALL_NOTES, NoteStore
from shared.notes.stored_order import delete_rows, read_version_state
from shared.notes.version_order import Order, latest_plausible, user_digest
from shared.tags import Tags, normalize_note_tags

if TYPE_CHECKING:
    from shared.vectors import Vector

T = TypeVar("T")
Connection = Any
"""asyncpg's connection, which ships no types, or one with its `execute`, `executemany`, `fetch`."""

_log = logging.getLogger(__name__)


class SQLNoteStore(NoteStore):
    """A `NoteStore` without the search, the connections and the dialect of one database."""

    NOW: str
    """Expression for the current time."""

    PURGE: str
    """Statement that deletes the rows of `{table}` that are at least `$1` seconds old."""

    READ_EMBEDDING = "embedding"
    EMBEDDING_PARAMETER = "$6"
    """Expressions for an embedding that is read, and for one that is the sixth parameter."""

    REEMBED_COMMAND: str
    """Embeds the notes again."""

    def __init__(self, profile: EmbeddingProfile, *, tombstone_seconds: float) -> None:
        self._profile = profile.text
        self._tombstone_seconds = tombstone_seconds
        self._logged_profile = ""

    @abstractmethod
    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` with a connection."""

    @abstractmethod
    async def run_transaction(self, user_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, one at a time for each user."""

    @abstractmethod
    def embedding_to_parameter(self, embedding: "Vector") -> Any:
        """Return an embedding as a parameter of a statement."""

    @abstractmethod
    def embedding_from_row(self, embedding: Any) -> "Vector":
        """Return an embedding that was read; raise ValueError if it is not canonical."""

    @abstractmethod
    def tags_to_parameter(self, tags: Tags) -> Any:
        """Return tags as a parameter of a statement."""

    @abstractmethod
    def tags_from_row(self, tags: Any) -> Tags:
        """Return tags that were read."""

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        statement = f"""
            SELECT chunk_id, content, {self.READ_EMBEDDING}, title, headings, tags
            FROM chunks JOIN notes USING (user_id, note_id)
            WHERE user_id = $1 AND note_id = $2 ORDER BY ordinal
        """  # noqa: S608 - a constant
        rows = await self.run(lambda connection: connection.fetch(statement, user_id, note_id))
        try:
            chunks = [
                Chunk(
                    *(chunk_id, note_id, content, self.embedding_from_row(embedding)),
                    *(title, headings, self.tags_from_row(tags)),
                )
                for chunk_id, content, embedding, title, headings, tags in rows
            ]
            if chunks:
                from shared.vectors import stack  # noqa: PLC0415 - see LAZY_IMPORTS

                stack([chunk.embedding for chunk in chunks])  # they must have equal dimensions
        except ValueError as error:
            raise StoreUnavailableError(
                "the note has embeddings that Tercet did not write: write the note again"
            ) from error
        return chunks

    async def replace_note(
        self, note: Note, chunks: Sequence[Chunk] | None, *, replaces: int | None = None
    ) -> bool:
        key = (note.user_id, note.note_id)
        content = (
            sanitize_text(note.title),
            sanitize_text(note.text),
            normalize_note_tags(note.tags),
        )
        *texts, tags = content
        profile = None if chunks is None else self._profile
        change = Order(note.version, note.changed_at, content, note.sequence)

        async def replace(connection: Connection) -> bool:
            state = await read_version_state(connection, *key, self.tags_from_row)
            if not state.accepts(change, replaces):
                return False
            stored = (*key, note.version, *texts, self.tags_to_parameter(tags))
            if chunks is None and await connection.fetch(sql.IS_EMBEDDED, *stored):
                return False
            await delete_rows(connection, *key)
            order = note.changed_at, note.sequence, profile
            await connection.execute(sql.INSERT_NOTE, *stored, *order)
            await self._insert_chunks(connection, note, chunks or ())
            return True

        return await self._write(note.user_id, replace)

    async def update_chunks(self, note: Note, chunks: Sequence[Chunk] | None) -> bool:
        key = (note.user_id, note.note_id)
        profile = None if chunks is None else self._profile

        async def update(connection: Connection) -> bool:
            stored = (*key, note.version, note.title, note.text)
            if await connection.execute(sql.UPDATE_PROFILE, *stored, profile) == "UPDATE 0":
                return False
            delete = "DELETE FROM chunks WHERE user_id = $1 AND note_id = $2"
            await connection.execute(delete, *key)
            await self._insert_chunks(connection, note, chunks or ())
            return True

        return await self._write(note.user_id, update)

    async def _insert_chunks(
        self, connection: Connection, note: Note, chunks: Sequence[Chunk]
    ) -> None:
        rows = [
            (
                *(note.user_id, note.note_id, ordinal, c.chunk_id, sanitize_text(c.content)),
                *(self.embedding_to_parameter(c.embedding), sanitize_text(c.headings)),
            )
            for ordinal, c in enumerate(chunks)
        ]
        await connection.executemany(
            sql.INSERT_CHUNK.format(parameter=self.EMBEDDING_PARAMETER), rows
        )

    async def count_outdated(self) -> int:
        statement = f"SELECT count(*) FROM notes WHERE {sql.IS_OUTDATED}"  # noqa: S608 - a constant
        ((count,),) = await self.run(lambda connection: connection.fetch(statement, self._profile))
        return int(count)

    async def list_outdated(self, after: tuple[str, str], limit: int) -> list[Note]:
        page = (
            f"{sql.IS_OUTDATED} AND (user_id, note_id) > ($2, $3)"
            " ORDER BY user_id, note_id LIMIT $4"
        )
        return await self._fetch_notes(page, self._profile, *after, limit)

    async def delete_note(
        self,
        user_id: str,
        note_id: str,
        *,
        version: int,
        changed_at: int,
        sequence: int | None = None,
        replaces: int | None = None,
    ) -> bool:
        deletion = Order(version, changed_at, sequence=sequence)

        async def delete(connection: Connection) -> bool:
            state = await read_version_state(connection, user_id, note_id, self.tags_from_row)
            if not state.accepts(deletion, replaces):
                return False
            if state.needs_tombstone(deletion):
                await delete_rows(connection, user_id, note_id)
                insert = sql.INSERT_TOMBSTONE.format(now=self.NOW)
                await connection.execute(insert, user_id, note_id, version, changed_at, sequence)
            return True

        return await self._write(user_id, delete)

    async def delete_user(self, user_id: str, *, changed_at: int) -> bool:
        async def delete(connection: Connection) -> bool:
            latest = latest_plausible()
            for table in ("notes", "deleted_notes"):
                delete = sql.DELETE_OF_USER.format(table=table)
                await connection.execute(delete, user_id, changed_at, latest)
            insert = sql.INSERT_DELETED_USER.format(now=self.NOW)
            await connection.execute(insert, user_digest(user_id), changed_at, latest)
            return not await connection.fetch(sql.LEFT, user_id)

        return await self._write(user_id, delete)

    async def get_note(self, user_id: str, note_id: str) -> Note | None:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        notes = await self._fetch_notes("user_id = $1 AND note_id = $2", user_id, note_id)
        return notes[0] if notes else None

    async def list_notes(
        self, user_id: str, *, after: str = "", limit: int = ALL_NOTES
    ) -> list[Note]:
        require_id("user_id", user_id)
        page = "user_id = $1 AND note_id > $2 ORDER BY note_id LIMIT $3"
        return await self._fetch_notes(page, user_id, after, limit)

    async def ping(self) -> None:
        ((*outermost,),) = await self.run(
            lambda connection: connection.fetch(sql.OUTERMOST_PROFILES)
        )
        for profile in {*outermost} - {None, self._profile}:
            raise self.reembedding_required(profile)

    def reembedding_required(self, stored: str) -> ReembeddingRequiredError:
        """Return the error for notes of the profile `stored`; log each profile once."""
        if stored != self._logged_profile:
            self._logged_profile = stored
            fields = {"stored_profile": stored, "profile": self._profile}
            _log.error("the notes must be embedded again", extra={"log_fields": fields})
        return ReembeddingRequiredError(
            "the notes were embedded with another model or other settings: run"
            f" {self.REEMBED_COMMAND}, or restore the former settings"
        )

    async def _fetch_notes(self, condition: str, *values: Any) -> list[Note]:
        statement = f"{sql.NOTES} WHERE {condition}"
        rows = await self.run(lambda connection: connection.fetch(statement, *values))
        return [Note(*(*fields, self.tags_from_row(tags))) for *fields, tags in rows]

    async def _write(self, user_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Purge old tombstones and run `work` in one transaction."""
        require_id("user_id", user_id)

        async def purge_and_work(connection: Connection) -> T:
            for table in ("deleted_notes", "deleted_users"):
                await connection.execute(self.PURGE.format(table=table), self._tombstone_seconds)
            return await work(connection)

        return await self.run_transaction(user_id, purge_and_work)
