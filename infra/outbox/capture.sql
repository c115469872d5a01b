DECLARE
    old_user text; old_note text; new_user text; new_note text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
            RAISE EXCEPTION 'the outbox cannot see every note in a snapshot: truncate the table in'
                ' a READ COMMITTED transaction, or use DELETE';
        END IF;
        EXECUTE format(
            'INSERT INTO tercet_outbox.records (source, user_id, note_id, operation)'
            ' SELECT {source}, left(%1$I::text, {max_user}), %2$I::text, ''deleted'' FROM %3$I.%4$I'
            ' WHERE %1$I IS NOT NULL AND %2$I IS NOT NULL',
            {user_literal}, {id_literal}, TG_TABLE_SCHEMA, TG_TABLE_NAME
        );
    ELSE
        IF TG_OP <> 'INSERT' THEN
            old_user := left(OLD.{user}::text, {max_user}); old_note := OLD.{id}::text;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            new_user := left(NEW.{user}::text, {max_user}); new_note := NEW.{id}::text;
        END IF;
        -- A note that moves to another user or id is deleted in one place and created in another.
        IF old_user IS NOT NULL AND old_note IS NOT NULL
            AND (old_user, old_note) IS DISTINCT FROM (new_user, new_note)
        THEN
            INSERT INTO tercet_outbox.records (source, user_id, note_id, operation)
            VALUES ({source}, old_user, old_note, 'deleted');
        END IF;
        IF new_user IS NOT NULL AND new_note IS NOT NULL THEN
            INSERT INTO tercet_outbox.records (source, user_id, note_id, operation)
            VALUES ({source}, new_user, new_note, CASE
                WHEN (old_user, old_note) IS DISTINCT FROM (new_user, new_note) THEN 'created'
                ELSE 'updated' END);
        END IF;
    END IF;
    PERFORM pg_notify('tercet_outbox', '');
    RETURN NULL;
END
