-- Of one table. The installer replaces the names in braces by quoted names and by lists of expressions.
-- SECURITY DEFINER: the roles that write notes need no privilege on the outbox.

CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off {settings}
AS {body};

REVOKE ALL ON FUNCTION {function}() FROM PUBLIC;

DROP TRIGGER IF EXISTS tercet_outbox_rows ON {table};
DROP TRIGGER IF EXISTS tercet_outbox_updates ON {table};
DROP TRIGGER IF EXISTS tercet_outbox_truncate ON {table};

CREATE TRIGGER tercet_outbox_rows AFTER INSERT OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION {function}();

-- As text: not every type has an operator `=`, and some have one that ignores case.
CREATE TRIGGER tercet_outbox_updates AFTER UPDATE ON {table}
FOR EACH ROW WHEN (ROW({old}) IS DISTINCT FROM ROW({new})) EXECUTE FUNCTION {function}();

CREATE TRIGGER tercet_outbox_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {function}();
