"""The statements that the note stores in SQL databases share.

The parameters are numbered as asyncpg does (`$1`).
"""

NOTES = "SELECT user_id, note_id, title, text, version, changed_at, sequence, tags FROM notes"

INSERT_NOTE = """
INSERT INTO notes (user_id, note_id, version, title, text, tags, changed_at, sequence, profile)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

IS_EMBEDDED = """
SELECT 1 FROM notes
WHERE (user_id, note_id, version, title, text, tags) = ($1, $2, $3, $4, $5, $6)
AND profile IS NOT NULL
"""

UPDATE_PROFILE = """
UPDATE notes SET profile = $6
WHERE (user_id, note_id, version, title, text) = ($1, $2, $3, $4, $5)
"""

# A range can use the index, unlike `<>`; it is empty unless notes must be embedded again.
OTHER_PROFILE = """
SELECT profile FROM notes WHERE (profile < $2 OR profile > $2) AND user_id = $1 LIMIT 1
"""

OUTERMOST_PROFILES = """
SELECT (SELECT min(profile) FROM notes), (SELECT max(profile) FROM notes)
WHERE NOT EXISTS (SELECT 1 FROM chunks, deleted_notes, deleted_users WHERE false)
"""

IS_OUTDATED = """
(profile <> $1 OR profile IS NULL AND NOT EXISTS (
    SELECT 1 FROM chunks WHERE chunks.user_id = notes.user_id AND chunks.note_id = notes.note_id))
"""

INSERT_CHUNK = """
INSERT INTO chunks (user_id, note_id, ordinal, chunk_id, content, embedding, headings)
VALUES ($1, $2, $3, $4, $5, {parameter}, $7)
"""

INSERT_TOMBSTONE = """
INSERT INTO deleted_notes (user_id, note_id, version, changed_at, sequence, deleted_at)
VALUES ($1, $2, $3, $4, $5, {now})
"""

INSERT_DELETED_USER = """
INSERT INTO deleted_users AS stored (user_digest, changed_at, deleted_at) VALUES ($1, $2, {now})
ON CONFLICT (user_digest) DO UPDATE SET deleted_at = excluded.deleted_at, changed_at =
CASE WHEN stored.changed_at > excluded.changed_at AND stored.changed_at <= $3
THEN stored.changed_at ELSE excluded.changed_at END
"""

DELETE_OF_USER = """
DELETE FROM {table} WHERE user_id = $1 AND (changed_at <= $2 OR changed_at > $3)
"""

LEFT = """
SELECT 1 FROM notes WHERE user_id = $1 UNION ALL SELECT 1 FROM deleted_notes WHERE user_id = $1
"""
