-- The number of a change in the sequence of the sender's database; NULL if the change has none.

ALTER TABLE notes ADD COLUMN sequence bigint;
ALTER TABLE deleted_notes ADD COLUMN sequence bigint;
