-- What is wrong with the database: one row for each problem, with a detail for its message.
WITH
names (name) AS (VALUES ('notes'), ('chunks'), ('deleted_notes'), ('deleted_users')),
found AS (SELECT name, to_regclass(name) AS id FROM names),
-- A table of another program may have the same name.
columns (name, column_name) AS (
    VALUES ('notes', 'user_id'), ('notes', 'note_id'), ('notes', 'title'), ('notes', 'text'),
        ('notes', 'version'), ('notes', 'changed_at'), ('notes', 'profile'),
        ('notes', 'sequence'), ('deleted_notes', 'sequence'),
        ('notes', 'tags'),
        ('chunks', 'user_id'), ('chunks', 'note_id'), ('chunks', 'ordinal'),
        ('chunks', 'chunk_id'), ('chunks', 'content'), ('chunks', 'embedding'),
        ('chunks', 'headings'),
        ('deleted_notes', 'user_id'), ('deleted_notes', 'note_id'), ('deleted_notes', 'version'),
        ('deleted_notes', 'changed_at'), ('deleted_notes', 'deleted_at'),
        ('deleted_users', 'user_digest'), ('deleted_users', 'changed_at'),
        ('deleted_users', 'deleted_at')
),
missing AS (
    SELECT 1 FROM columns JOIN found USING (name) WHERE NOT EXISTS (
        SELECT 1 FROM pg_attribute
        WHERE attrelid = id AND attname = column_name AND NOT attisdropped
    ) LIMIT 1
),
extension AS (
    SELECT extversion, extnamespace, quote_ident(nspname) AS schema
    FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'vector'
),
path (schema) AS (SELECT btrim(split_part(current_setting('search_path'), ',', 1), ' "'))

SELECT 'no pgvector', '' WHERE NOT EXISTS (SELECT 1 FROM extension)
    AND NOT EXISTS (SELECT 1 FROM pg_available_extensions AS a WHERE a.name = 'vector')
UNION ALL
SELECT 'pgvector not created', '' WHERE NOT EXISTS (SELECT 1 FROM extension)
UNION ALL
SELECT 'old pgvector', extversion FROM extension WHERE NOT EXISTS (
    SELECT 1 FROM pg_type WHERE typname = 'halfvec' AND typnamespace = extnamespace
)
UNION ALL
SELECT 'pgvector forbidden', schema FROM extension
    WHERE NOT has_schema_privilege(extnamespace, 'USAGE')
UNION ALL
SELECT 'pgvector elsewhere', schema FROM extension WHERE to_regtype('halfvec') IS NULL
UNION ALL
SELECT 'no schema', schema FROM path
    WHERE schema NOT IN ('$user', '') AND to_regnamespace(quote_ident(schema)) IS NULL
UNION ALL
SELECT 'other owner', string_agg(relname, ', ' ORDER BY relname) FROM pg_class
    WHERE oid IN (SELECT id FROM found UNION SELECT to_regclass('migrations'))
    AND NOT pg_has_role(relowner, 'USAGE')
    HAVING count(*) > 0
UNION ALL
SELECT 'may not create', quote_ident(coalesce(current_schema(), 'public'))
    WHERE NOT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
UNION ALL
SELECT 'tables elsewhere', min(quote_ident(schemaname)) FROM (
    SELECT schemaname FROM pg_tables JOIN found ON tablename = name
    WHERE id IS NULL GROUP BY schemaname HAVING count(*) = 4
) AS complete HAVING count(*) > 0
UNION ALL
SELECT 'foreign tables', '' FROM missing WHERE CASE
    WHEN to_regclass('migrations') IS NULL THEN EXISTS (SELECT 1 FROM found WHERE id IS NOT NULL)
    ELSE 2 > (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('migrations')
        AND attname IN ('name', 'applied_at'))
    END
UNION ALL
SELECT 'no tables', '' FROM missing
UNION ALL
SELECT 'no privilege', string_agg(privilege || ' on ' || name, ', ' ORDER BY name, privilege)
    FROM found, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privileges (privilege)
    WHERE NOT has_table_privilege(id, privilege)
    HAVING count(*) > 0
UNION ALL
SELECT 'read-only', '' WHERE current_setting('transaction_read_only') = 'on'
