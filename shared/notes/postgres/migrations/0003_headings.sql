-- The headings over each chunk, such as 'Prayer > Why we pray'.

ALTER TABLE chunks ADD COLUMN headings text NOT NULL DEFAULT '';
