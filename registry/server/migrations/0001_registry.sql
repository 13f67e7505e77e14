-- Who publishes.
CREATE TABLE publisher (
    id      INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    created INTEGER NOT NULL                -- seconds since 1970, as every time here
) STRICT;

-- What a publisher's programs may do. The token itself is never stored.
CREATE TABLE token (
    id        INTEGER PRIMARY KEY,
    publisher INTEGER NOT NULL REFERENCES publisher (id),
    label     TEXT    NOT NULL,
    hash      BLOB    NOT NULL UNIQUE,      -- SHA-256 of the token
    actions   TEXT    NOT NULL,             -- comma-separated
    names     TEXT    NOT NULL,             -- a name pattern
    created   INTEGER NOT NULL,
    expires   INTEGER,
    revoked   INTEGER
) STRICT;

-- Namespaces and the keys that sign for them, as the fresh and claimed roles say or will say.
CREATE TABLE namespace (
    name      TEXT    PRIMARY KEY,
    publisher INTEGER REFERENCES publisher (id),
    level     TEXT    NOT NULL CHECK (level IN ('fresh', 'claimed')),
    keys      TEXT    NOT NULL,             -- JSON list of TUF key objects
    threshold INTEGER NOT NULL CHECK (threshold >= 1),
    created   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest version of every role file: root, targets, its delegations, snapshot, timestamp.
CREATE TABLE role (
    name    TEXT    PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 1),
    signed  INTEGER NOT NULL,
    file    BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Roles that were sent. One that was not rejected holds its version number for ever.
CREATE TABLE submission (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    role     TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    names    TEXT    NOT NULL,              -- the sender's name pattern
    file     BLOB    NOT NULL,
    received INTEGER NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('validating', 'accepted', 'published', 'rejected')),
    problem  TEXT                           -- RFC 9457, of a rejected one
) STRICT;
CREATE UNIQUE INDEX submission_version ON submission (role, version) WHERE state <> 'rejected';
CREATE INDEX submission_open ON submission (state) WHERE state IN ('validating', 'accepted');

-- Every target path that was ever released, with the bytes it stands for. Nothing leaves this table.
CREATE TABLE released (
    path     TEXT    PRIMARY KEY,
    sha256   BLOB    NOT NULL,
    length   INTEGER NOT NULL,
    released INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Apps' releases, for the people's list and the catalogue.
CREATE TABLE app_release (
    app       TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    channel   TEXT    NOT NULL,
    published INTEGER NOT NULL,
    length    INTEGER NOT NULL,
    sha256    BLOB    NOT NULL,
    name      TEXT    NOT NULL,
    summary   TEXT    NOT NULL,
    icon      TEXT,                         -- target path
    PRIMARY KEY (app, version)
) STRICT, WITHOUT ROWID;

-- Yanks and the like: the content of meta/advisories.json.
CREATE TABLE advisory (
    path      TEXT    PRIMARY KEY,
    kind      TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0    -- 1 once hosts can see it
) STRICT, WITHOUT ROWID;

-- Files of the public tree that are signed but perhaps not yet written, in the order to write them.
CREATE TABLE outbox (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    path  TEXT    NOT NULL,                 -- below public/
    bytes BLOB    NOT NULL
) STRICT;

-- Files that a newer version has replaced: hosts in the middle of a refresh may still want them.
CREATE TABLE superseded (
    path  TEXT    PRIMARY KEY,              -- below public/
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
