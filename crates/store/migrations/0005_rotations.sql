-- Rotations. The log is the truth; the row holds what lists, publishing and the guards ask for, and follows from it.

-- `live` is 1 until it has ended. `traffic` is what gateways need to know of it, as JSON. `environment` is the one that it is
-- in or before. `cut_over_at` is the moment of its last promotion. `salt` is known to gateways alone.
CREATE TABLE rotations (
    id          TEXT  NOT NULL PRIMARY KEY,
    outgoing    TEXT  NOT NULL REFERENCES secrets (name),
    incoming    TEXT  NOT NULL REFERENCES secrets (name),
    salt        {i64} NOT NULL,
    started_at  {i64} NOT NULL,
    state       TEXT  NOT NULL,
    environment TEXT,
    state_since {i64} NOT NULL,
    cut_over_at {i64},
    live        {i64} NOT NULL CHECK (live IN (0, 1)),
    traffic     TEXT  NOT NULL,
    version     {i64} NOT NULL,
    changed     {i64} NOT NULL,
    seal        {blob}
) {table};
CREATE UNIQUE INDEX rotations_one_live ON rotations (outgoing) WHERE live = 1;
CREATE INDEX rotations_outgoing ON rotations (outgoing);
CREATE INDEX rotations_incoming ON rotations (incoming);
CREATE INDEX rotations_changed ON rotations (changed);
CREATE INDEX rotations_live ON rotations (live, id);
CREATE INDEX rotations_started_at ON rotations (started_at, id);

-- `sequence` is that of the audit event of the same change.
CREATE TABLE rotation_events (
    rotation TEXT  NOT NULL REFERENCES rotations (id),
    number   {i64} NOT NULL,
    at       {i64} NOT NULL,
    actor    TEXT  NOT NULL,
    sequence {i64} NOT NULL,
    event    TEXT  NOT NULL,
    seal     {blob},
    PRIMARY KEY (rotation, number)
) {table};

-- Telemetry: what gateways counted in rotations, by second at first and by minute later.
CREATE TABLE rotation_counts (
    rotation         TEXT  NOT NULL,
    environment      TEXT  NOT NULL,
    upstream         TEXT  NOT NULL,
    route            TEXT  NOT NULL,
    at               {i64} NOT NULL,
    alive            {i64} NOT NULL,
    pair             {i64} NOT NULL,
    both_dead        {i64} NOT NULL,
    unpaired         {i64} NOT NULL,
    refused          {i64} NOT NULL,
    unclear          {i64} NOT NULL,
    outgoing_alive   {i64} NOT NULL,
    outgoing_dead    {i64} NOT NULL,
    outgoing_unclear {i64} NOT NULL,
    kept             {i64} NOT NULL,
    needed_at        {i64},
    PRIMARY KEY (rotation, environment, upstream, route, at)
) {table};
CREATE INDEX rotation_counts_at ON rotation_counts (at);

-- Telemetry: how many requests, streams and tunnels that carry a secret are under way on a node.
CREATE TABLE open_uses (
    node   TEXT  NOT NULL,
    secret TEXT  NOT NULL,
    count  {i64} NOT NULL,
    PRIMARY KEY (node, secret)
) {table};
CREATE INDEX open_uses_secret ON open_uses (secret);
