-- Notes, their chunks, and tombstones of deleted notes and users.
-- Ids sort by code point ("C"), as they do in Python and in SQLite.

CREATE TABLE notes (
    user_id    text COLLATE "C" NOT NULL,
    note_id    text COLLATE "C" NOT NULL,
    title      text NOT NULL,
    text       text NOT NULL,
    version    bigint NOT NULL,
    changed_at bigint NOT NULL, -- microseconds since 1970 UTC
    PRIMARY KEY (user_id, note_id)
);

CREATE TABLE chunks (
    user_id   text COLLATE "C" NOT NULL,
    note_id   text COLLATE "C" NOT NULL,
    ordinal   integer NOT NULL,
    chunk_id  text COLLATE "C" NOT NULL,
    content   text NOT NULL,
    embedding halfvec(:dimensions) NOT NULL,
    PRIMARY KEY (user_id, note_id, ordinal),
    FOREIGN KEY (user_id, note_id) REFERENCES notes ON DELETE CASCADE
);

-- A search reads all embeddings of a user: store them in the row, not in the TOAST table.
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN;

CREATE INDEX chunks_user ON chunks (user_id);

CREATE TABLE deleted_notes (
    user_id    text COLLATE "C" NOT NULL,
    note_id    text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    changed_at bigint NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, note_id)
);

CREATE INDEX deleted_notes_age ON deleted_notes (deleted_at);

CREATE TABLE deleted_users (
    user_digest bytea PRIMARY KEY, -- SHA-256 of the user id
    changed_at  bigint NOT NULL,
    deleted_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX deleted_users_age ON deleted_users (deleted_at);
