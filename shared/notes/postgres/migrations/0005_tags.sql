-- The tags of each note. The default is stored once, so that no row is rewritten.

ALTER TABLE notes ADD COLUMN tags text[] NOT NULL DEFAULT '{}';

-- Not checked for the rows that have the default.
ALTER TABLE notes ADD CONSTRAINT tags_are_a_list
    CHECK (array_ndims(tags) = 1 AND array_position(tags, NULL) IS NULL) NOT VALID;
