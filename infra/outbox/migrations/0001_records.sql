-- The tables whose changes are recorded, and the changes that are not delivered yet.
-- A record has no text: the relay reads the note as it is when the record is delivered.

CREATE SEQUENCE tercet_outbox.changes; -- CACHE 1, so that numbers have the order of the row's lock

CREATE TABLE tercet_outbox.sources (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation     regclass NOT NULL UNIQUE,
    user_column  text NOT NULL,
    id_column    text NOT NULL,
    title_column text NOT NULL,
    text_column  text NOT NULL,
    tags_column  text
);

CREATE TABLE tercet_outbox.records (
    sequence   bigint PRIMARY KEY DEFAULT nextval('tercet_outbox.changes'),
    source     integer NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    note_id    text COLLATE "C" NOT NULL,
    operation  text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts   integer NOT NULL DEFAULT 0, -- deliveries that failed
    retry_at   timestamptz NOT NULL DEFAULT '-infinity', -- 'infinity': the target refused it
    failure    text
);

CREATE INDEX records_user ON tercet_outbox.records (user_id, sequence);
CREATE INDEX records_failed ON tercet_outbox.records (user_id, sequence) WHERE attempts > 0;

-- Most rows are deleted soon after they are written.
ALTER TABLE tercet_outbox.records SET
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
