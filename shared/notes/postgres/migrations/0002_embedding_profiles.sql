-- The embedding profile of each note's chunks, and embeddings of any dimensions.
-- NULL: the profile is unknown, or the note could not be embedded and has no chunks.

-- A default is stored once, so that no row is rewritten.
DO $$
DECLARE
    found integer := (
        SELECT atttypmod FROM pg_attribute
        WHERE attrelid = 'chunks'::regclass AND attname = 'embedding'
    );
BEGIN
    EXECUTE format(
        'ALTER TABLE notes ADD COLUMN profile text COLLATE "C" DEFAULT %L',
        CASE found WHEN :dimensions THEN :profile ELSE 'unknown' END
    );
END $$;

ALTER TABLE notes ALTER COLUMN profile DROP DEFAULT;

CREATE INDEX notes_profile ON notes (profile, user_id);

-- MAIN: in the row, as long as it fits into a page.
ALTER TABLE chunks ALTER COLUMN embedding TYPE halfvec;
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE MAIN;
