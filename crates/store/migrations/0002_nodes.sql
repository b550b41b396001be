-- Nodes and leases: telemetry, written without a revision. Moments are by the database's clock.

-- `incarnation` and `revision` say which state a node serves; the revision is NULL where it serves nothing.
CREATE TABLE nodes (
    id            TEXT  NOT NULL PRIMARY KEY,
    name          TEXT  NOT NULL,
    role          TEXT  NOT NULL,
    version       TEXT  NOT NULL,
    run           TEXT  NOT NULL,
    started_at    {i64} NOT NULL,
    last_seen_at  {i64} NOT NULL,
    incarnation   TEXT  NOT NULL,
    revision      {i64},
    max_staleness {i64} NOT NULL,
    stopped_at    {i64},
    stopped_by    TEXT
) {table};

-- Who may do what must be done by one node at a time. The fencing number grows with each holder.
CREATE TABLE leases (
    name       TEXT  NOT NULL PRIMARY KEY,
    holder     TEXT  NOT NULL,
    fence      {i64} NOT NULL,
    expires_at {i64} NOT NULL
) {table};
