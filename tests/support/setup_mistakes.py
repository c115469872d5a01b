"""Mistakes in the settings with the messages that name them: the tables of docs/troubleshooting.md.

`python -m tests.support.setup_mistakes` prints the tables.
"""

import sys
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake, the environment variables that make it, and the complete message."""

    what: str
    message: str
    environ: dict[str, str] = field(default_factory=dict)


_PASSWORD = (
    "has no valid host and port; percent-encode special characters in a password: / as %2F, # as"
    " %23, ? as %3F, @ as %40"
)
_REDIS, _DATABASE = "REDIS_CACHE_URL", "DATABASE_URL"
_KNOWN = (
    "application_name, channel_binding, database, dbname, gsslib, host,"
    " idle_in_transaction_session_timeout, idle_session_timeout, jit, krbsrvname, lock_timeout,"
    " options, passfile, password, port, role, schema, search_path, service, ssl,"
    " ssl_max_protocol_version, ssl_min_protocol_version, sslcert, sslcrl, sslkey, sslmode,"
    " sslnegotiation, sslpassword, sslrootcert, statement_timeout, target_session_attrs, timezone,"
    " user, work_mem"
)
_DATABASE_FORM = (
    "DATABASE_URL must have the form sqlite:///relative.db or sqlite:////absolute.db, without"
    " parameters, or postgresql://user:password@host:port/database"
)

AT_START = (
    Mistake(
        "A TTL without an end",
        "CACHE_QUERY_TTL must be at most 31536000 and at least 1, not 99999999999",
        {"CACHE_QUERY_TTL": "99999999999"},
    ),
    Mistake(
        "A number that is none",
        "HF_PROMPT_PRICE must be at most 1000000.0 and at least 0, not inf",
        {"HF_PROMPT_PRICE": "inf"},
    ),
    Mistake(
        "A Redis URL without a scheme",
        "REDIS_CACHE_URL must begin with redis:// or rediss:// or unix://",
        {_REDIS: "localhost:6379"},
    ),
    Mistake(
        "The URL of another service",
        "REDIS_CACHE_URL must begin with redis:// or rediss:// or unix://, not with https://",
        {_REDIS: "https://cache.example"},
    ),
    Mistake(
        "A Redis password with special characters",
        f"REDIS_CACHE_URL {_PASSWORD}",
        {_REDIS: "redis://:hush/word@cache:6379"},
    ),
    Mistake(
        "Decoded replies of Redis",
        "REDIS_CACHE_URL has decode_responses: remove it: Tercet stores bytes",
        {_REDIS: "redis://cache?decode_responses=true"},
    ),
    Mistake(
        "A time-out in the Redis URL",
        "REDIS_CACHE_URL has socket_timeout: set REDIS_CACHE_TIMEOUT instead",
        {_REDIS: "redis://cache?socket_timeout=5"},
    ),
    Mistake(
        "TLS options without TLS",
        "REDIS_CACHE_URL has ssl_cert_reqs: it needs a URL that begins with rediss:// (TLS)",
        {_REDIS: "redis://cache?ssl_cert_reqs=none"},
    ),
    Mistake(
        "A certificate file that is not there",
        "REDIS_CACHE_URL: ssl_ca_certs names a file that does not exist",
        {_REDIS: "rediss://cache?ssl_ca_certs=/nowhere.pem"},
    ),
    Mistake(
        "An unknown parameter of Redis",
        "REDIS_CACHE_URL has a parameter abortConnect, which Tercet does not support; it supports"
        " client_name, db, health_check_interval, password, protocol, socket_keepalive, username",
        {_REDIS: "redis://cache?abortConnect=false"},
    ),
    Mistake(
        "A Redis database with a name",
        "REDIS_CACHE_URL must end with the number of a database, for example /0",
        {_REDIS: "redis://cache/tercet"},
    ),
    Mistake(
        "A database of a cluster",
        "REDIS_CACHE_URL names database 5, but a cluster only has database 0",
        {_REDIS: "redis://cache/5", "REDIS_CACHE_CLUSTER": "true"},
    ),
    Mistake(
        "Two addresses of Redis",
        "REDIS_CACHE_HOST and REDIS_CACHE_PORT contradict REDIS_CACHE_URL: set either the URL, or"
        " host and port",
        {_REDIS: "redis://cache:6379/0", "REDIS_CACHE_HOST": "other"},
    ),
    Mistake(
        "A URL as host",
        "REDIS_CACHE_HOST must be a host name or an IP address only",
        {"REDIS_CACHE_HOST": "redis://cache"},
    ),
    Mistake("A database that is not supported", _DATABASE_FORM, {_DATABASE: "mysql://u:hush@h/d"}),
    Mistake(
        "The URL of an SQLAlchemy driver", _DATABASE_FORM, {_DATABASE: "postgresql+asyncpg://h/d"}
    ),
    Mistake("SQLite in memory", _DATABASE_FORM, {_DATABASE: "sqlite:///:memory:"}),
    Mistake(
        "A PostgreSQL password with special characters",
        f"DATABASE_URL {_PASSWORD}",
        {_DATABASE: "postgresql://u:hush#word@h/d"},
    ),
    Mistake(
        "An unknown parameter of PostgreSQL",
        f"DATABASE_URL has a parameter sslaccept, which Tercet does not support; it supports"
        f" {_KNOWN}",
        {_DATABASE: "postgresql://u:hush@h/d?sslaccept=strict"},
    ),
    Mistake(
        "A value of another driver",
        "DATABASE_URL: sslmode must be one of disable, allow, prefer, require, verify-ca,"
        " verify-full",
        {_DATABASE: "postgresql://u:hush@h/d?sslmode=no-verify"},
    ),
    Mistake(
        "A model URL that is none",
        "HF_CHAT_URL must begin with https:// or http://",
        {"HF_CHAT_URL": "nonsense"},
    ),
    Mistake(
        "A token with a line break inside",
        "HF_TOKEN must consist of visible ASCII characters, without spaces or line breaks",
        {"HF_TOKEN": "hf_hush\nhush"},
    ),
    Mistake(
        "A base path without a slash",
        "BASE_PATH must be a path such as /tercet: segments of letters, digits, '.', '_', '~' and"
        " '-', each after a slash",
        {"BASE_PATH": "tercet/"},
    ),
    Mistake(
        "A page instead of its origin",
        "CORS_ALLOW_ORIGINS must list origins such as https://app.example, without a path and in"
        " lower case, separated by commas",
        {"CORS_ALLOW_ORIGINS": "https://app.example/page"},
    ),
    Mistake(
        "Every origin in local mode",
        "CORS_ALLOW_ORIGINS must name each origin in local mode: any page could read the notes",
        {"CORS_ALLOW_ORIGINS": "*", "TERCET_LOCAL": "true"},
    ),
    Mistake(
        "Half of the token settings",
        "AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE must be set all, or none",
        {"AUTH_JWKS_URL": "https://issuer.example/keys"},
    ),
    Mistake(
        "An issuer with a mistyped URL",
        "AUTH_ISSUER must begin with https:// or http://, not with htps://",
        {
            "AUTH_ISSUER": "htps://issuer.example",
            "AUTH_JWKS_URL": "https://issuer.example/keys",
            "AUTH_AUDIENCE": "tercet",
        },
    ),
    Mistake(
        "A trace exporter without a scheme",
        "OTEL_EXPORTER_OTLP_ENDPOINT must begin with https:// or http://",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"},
    ),
)
"""The process does not start."""

REDIS_CONTACT = {
    "wrong_database": Mistake(
        "A database that Redis does not have",
        "the server does not have the database of REDIS_CACHE_URL: use /0",
    ),
    "unexpected_cluster": Mistake(
        "A cluster without REDIS_CACHE_CLUSTER",
        "the server is a node of a cluster: set REDIS_CACHE_CLUSTER=true",
    ),
    "no_cluster": Mistake(
        "A single server with REDIS_CACHE_CLUSTER",
        "the server is not a cluster: set REDIS_CACHE_CLUSTER=false",
    ),
    "missing_password": Mistake(
        "No password", "the server requires the password that REDIS_CACHE_URL lacks"
    ),
    "wrong_password": Mistake("A wrong password", "the server refused the user or the password"),
    "no_permission": Mistake(
        "A user without permissions",
        "the user lacks a permission: allow all commands but @admin, and all keys",
    ),
    "nothing_listens": Mistake(
        "A wrong port", "no server listens at the host and port of REDIS_CACHE_URL"
    ),
    "unknown_host": Mistake("A mistyped host", "the host of REDIS_CACHE_URL is unknown"),
}
"""Questions are answered without the cache; the log has the message once, and `/health` has it."""

POSTGRES_CONTACT = {
    "no_pgvector": Mistake(
        "A server without pgvector",
        "the server does not have pgvector: its administrator must install pgvector 0.7 or newer,"
        " then run CREATE EXTENSION vector in the database",
    ),
    "extension_not_created": Mistake(
        "A database without pgvector, and a role that may not create it: `infra.migrate`",
        "the database needs pgvector 0.7 or newer: its administrator must run CREATE EXTENSION"
        " vector",
    ),
    "old_pgvector": Mistake(
        "An old pgvector",
        "pgvector 0.5.1 is too old: its administrator must install pgvector 0.7 or newer, then run"
        " ALTER EXTENSION vector UPDATE in the database",
    ),
    "pgvector_elsewhere": Mistake(
        "pgvector in a schema of its own",
        "pgvector is in the schema extensions, which is not in the search path: run ALTER ROLE …"
        " SET search_path = …, extensions for the role of DATABASE_URL, or add"
        " ?search_path=…,extensions to DATABASE_URL",
    ),
    "pgvector_forbidden": Mistake(
        "pgvector in a schema that the role may not use",
        "the role of DATABASE_URL may not use the schema extensions of pgvector: its owner must"
        " run GRANT USAGE ON SCHEMA extensions TO the role",
    ),
    "not_migrated": Mistake(
        "No tables yet",
        "the database has neither pgvector nor the note store's tables: its administrator must run"
        " CREATE EXTENSION vector, then run python -m infra.migrate",
    ),
    "old_tables": Mistake(
        "Tables of an older version",
        "the note store's tables are not of this version: run python -m infra.migrate",
    ),
    "may_not_create": Mistake(
        "A role that may not create tables: `infra.migrate`",
        "the role of DATABASE_URL may not create tables in the schema public: its owner must run"
        " GRANT USAGE, CREATE ON SCHEMA public TO the role",
    ),
    "other_owner": Mistake(
        "Tables of another owner: `infra.migrate`",
        "another role owns chunks, deleted_notes, deleted_users, migrations, notes: run the"
        " migration with the owner's DATABASE_URL",
    ),
    "foreign_tables": Mistake(
        "Tables of another program",
        "tables of another program have the names of Tercet's: use another database, or another"
        " schema with ?schema= in DATABASE_URL",
    ),
    "foreign_migrations": Mistake(
        "The migrations of another program: `infra.migrate`",
        "tables of another program have the names of Tercet's: use another database, or another"
        " schema with ?schema= in DATABASE_URL",
    ),
    "no_schema": Mistake(
        "A schema that does not exist: `infra.migrate`",
        "the schema notes_of_tercet of the search path does not exist: run CREATE SCHEMA"
        " notes_of_tercet",
    ),
    "tables_elsewhere": Mistake(
        "Tables in another schema",
        "the note store's tables are in the schema tercet, which is not in the search path, or"
        " which the role of DATABASE_URL may not use: add ?schema=tercet to DATABASE_URL, or run"
        " GRANT USAGE ON SCHEMA tercet TO the role",
    ),
    "no_privilege": Mistake(
        "A role without a privilege",
        "the role of DATABASE_URL lacks a privilege on the note store's tables: grant SELECT,"
        " INSERT, UPDATE and DELETE (missing: INSERT on chunks, DELETE on deleted_users)",
    ),
    "read_only": Mistake(
        "A replica", "the note store is read-only: DATABASE_URL must lead to the primary server"
    ),
    "no_database": Mistake(
        "A database that does not exist",
        "the database that DATABASE_URL names does not exist: create it, then run python -m"
        " infra.migrate (InvalidCatalogNameError)",
    ),
    "refused_password": Mistake(
        "A wrong password",
        "the server refused the user, the password or the encryption of DATABASE_URL"
        " (InvalidPasswordError)",
    ),
    "database_host": Mistake("A mistyped host", "the host of DATABASE_URL is unknown (gaierror)"),
    "database_port": Mistake(
        "A wrong port",
        "no server listens at the host and port of DATABASE_URL (ConnectionRefusedError)",
    ),
}
"""`/health` and `infra.migrate` have the message, and requests fail with it (503)."""

SECRETS = {
    "no_value": Mistake(
        "A secret without a value",
        "the secret that HF_TOKEN_SECRET names has no value: put one, for example with aws"
        " secretsmanager put-secret-value",
    ),
    "empty": Mistake(
        "A secret that is empty",
        "the secret that HF_TOKEN_SECRET names has no value: put one, for example with aws"
        " secretsmanager put-secret-value",
    ),
    "binary": Mistake(
        "A binary secret", "the secret that HF_TOKEN_SECRET names must be text, not binary"
    ),
    "absent": Mistake(
        "A secret that does not exist",
        "the secret that HF_TOKEN_SECRET names cannot be read (ResourceNotFoundException): create"
        " it in eu-central-1, or name another",
    ),
}
"""The log has the message, and requests that need the secret fail."""

TABLES = {
    "At start": AT_START,
    "Redis": tuple(REDIS_CONTACT.values()),
    "PostgreSQL": tuple(POSTGRES_CONTACT.values()),
    "Secrets": tuple(SECRETS.values()),
}


def table(mistakes: "tuple[Mistake, ...]") -> str:
    """Return the mistakes as a table in Markdown."""
    rows = [f"| {each.what} | {each.message} |" for each in mistakes]
    return "\n".join(["| mistake | message |", "|---|---|", *rows])


if __name__ == "__main__":
    for title, mistakes in TABLES.items():
        sys.stdout.write(f"## {title}\n\n{table(mistakes)}\n\n")
