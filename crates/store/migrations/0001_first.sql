-- The schema on one page. Moments are milliseconds since 1970, truth values are 0 or 1, lists are JSON.
-- `changed` is the revision that last changed a published row; publishing reads what is newer than what it has.

-- One row, locked first by every transaction that writes.
CREATE TABLE revision (
    one         {i64} NOT NULL PRIMARY KEY CHECK (one = 1),
    incarnation TEXT  NOT NULL,
    revision    {i64} NOT NULL,
    audit_size  {i64} NOT NULL
) {table};

-- Things about the database itself, such as the wrapped fingerprint key.
CREATE TABLE meta (
    name  TEXT   NOT NULL PRIMARY KEY,
    value {blob} NOT NULL
) {table};

CREATE TABLE environments (
    name         TEXT  NOT NULL PRIMARY KEY,
    display_name TEXT  NOT NULL,
    rank         {i64} NOT NULL,
    protected    {i64} NOT NULL CHECK (protected IN (0, 1)),
    is_default   {i64} NOT NULL CHECK (is_default IN (0, 1)),
    version      {i64} NOT NULL,
    changed      {i64} NOT NULL
) {table};
CREATE INDEX environments_changed ON environments (changed);

-- A row is never deleted and a name never used again. The sealed parts come last: they are long and seldom read.
CREATE TABLE secrets (
    name               TEXT  NOT NULL PRIMARY KEY,
    id                 TEXT  NOT NULL UNIQUE,
    kind               TEXT  NOT NULL,
    class              TEXT  NOT NULL,
    description        TEXT  NOT NULL,
    owner              TEXT  NOT NULL,
    tags               TEXT  NOT NULL,
    successor_of       TEXT  REFERENCES secrets (name),
    environments       TEXT,
    allowed_hosts      TEXT,
    sensitive          {i64} NOT NULL CHECK (sensitive IN (0, 1)),
    probe              TEXT,
    expires_at         {i64},
    strict_expiry      {i64} NOT NULL CHECK (strict_expiry IN (0, 1)),
    rotate_every       {i64},
    rotation_due_at    {i64},
    temporary          {i64} NOT NULL CHECK (temporary IN (0, 1)),
    state              TEXT  NOT NULL CHECK (state IN ('active', 'deleted')),
    fingerprint        TEXT  NOT NULL,
    created_at         {i64} NOT NULL,
    created_by         TEXT  NOT NULL,
    deleted_at         {i64},
    last_referenced_at {i64},
    version            {i64} NOT NULL,
    changed            {i64} NOT NULL,
    format             {i64} NOT NULL,
    dek_id             TEXT  NOT NULL UNIQUE,
    kek_id             TEXT,
    wrapped_dek        {blob},
    ciphertext         {blob},
    CHECK ((state = 'active') = (kek_id IS NOT NULL)),
    CHECK ((state = 'active') = (wrapped_dek IS NOT NULL)),
    CHECK ((state = 'active') = (ciphertext IS NOT NULL)),
    CHECK ((state = 'deleted') = (deleted_at IS NOT NULL))
) {table};
CREATE INDEX secrets_changed ON secrets (changed);
CREATE INDEX secrets_successor_of ON secrets (successor_of);
CREATE INDEX secrets_created_at ON secrets (created_at, name);
CREATE INDEX secrets_kek_id ON secrets (kek_id);

-- The tags and environments of secrets once more, for filters. Derived from the lists in `secrets`.
CREATE TABLE secret_labels (
    kind   TEXT NOT NULL CHECK (kind IN ('tag', 'environment')),
    label  TEXT NOT NULL,
    secret TEXT NOT NULL REFERENCES secrets (name),
    PRIMARY KEY (kind, label, secret)
) {table};
CREATE INDEX secret_labels_secret ON secret_labels (secret);

CREATE TABLE routes (
    name       TEXT  NOT NULL PRIMARY KEY,
    spec       TEXT  NOT NULL,
    created_at {i64} NOT NULL,
    updated_at {i64} NOT NULL,
    version    {i64} NOT NULL,
    changed    {i64} NOT NULL
) {table};
CREATE INDEX routes_changed ON routes (changed);

-- Every state that a route was in; `spec` is NULL for its deletion. Numbers go on when a name is used again.
CREATE TABLE route_revisions (
    route  TEXT  NOT NULL,
    number {i64} NOT NULL,
    at     {i64} NOT NULL,
    actor  TEXT  NOT NULL,
    action TEXT  NOT NULL,
    spec   TEXT,
    PRIMARY KEY (route, number)
) {table};

-- The next three are derived from `spec`, so that the database itself can hold rules about them.
-- `environment` is '' for a mention in the base that no environment inherits.
CREATE TABLE route_references (
    secret      TEXT NOT NULL REFERENCES secrets (name),
    route       TEXT NOT NULL REFERENCES routes (name),
    environment TEXT NOT NULL,
    field       TEXT NOT NULL,
    PRIMARY KEY (secret, route, environment, field)
) {table};
CREATE INDEX route_references_route ON route_references (route);
CREATE INDEX route_references_environment ON route_references (environment, secret);

CREATE TABLE route_environments (
    environment TEXT NOT NULL REFERENCES environments (name),
    route       TEXT NOT NULL REFERENCES routes (name),
    PRIMARY KEY (environment, route)
) {table};
CREATE INDEX route_environments_route ON route_environments (route);

CREATE TABLE route_hosts (
    host  TEXT NOT NULL PRIMARY KEY,
    route TEXT NOT NULL REFERENCES routes (name)
) {table};
CREATE INDEX route_hosts_route ON route_hosts (route);

CREATE TABLE clients (
    name         TEXT  NOT NULL PRIMARY KEY,
    description  TEXT  NOT NULL,
    environments TEXT  NOT NULL,
    routes       TEXT  NOT NULL,
    allowed_ips  TEXT  NOT NULL,
    rate_limit   TEXT,
    expires_at   {i64},
    disabled     {i64} NOT NULL CHECK (disabled IN (0, 1)),
    created_at   {i64} NOT NULL,
    version      {i64} NOT NULL,
    changed      {i64} NOT NULL
) {table};
CREATE INDEX clients_changed ON clients (changed);

-- A key is kept as its SHA-256: enough for 256 random bits.
CREATE TABLE client_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    client     TEXT   NOT NULL REFERENCES clients (name),
    digest     {blob} NOT NULL UNIQUE,
    created_at {i64}  NOT NULL,
    revoked_at {i64}
) {table};
CREATE INDEX client_keys_client ON client_keys (client);

CREATE TABLE tokens (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    digest     {blob} NOT NULL UNIQUE,
    created_at {i64}  NOT NULL,
    created_by TEXT   NOT NULL,
    expires_at {i64},
    revoked_at {i64}
) {table};

-- What was deleted and at which revision; publishing reads it.
CREATE TABLE tombstones (
    kind     TEXT  NOT NULL CHECK (kind IN ('route', 'environment', 'client')),
    name     TEXT  NOT NULL,
    revision {i64} NOT NULL,
    PRIMARY KEY (kind, name)
) {table};
CREATE INDEX tombstones_revision ON tombstones (revision);

-- `record` is canonical JSON (RFC 8785), `leaf` its hash (RFC 9162); the columns between them are for filters.
CREATE TABLE audit (
    sequence {i64}  NOT NULL PRIMARY KEY,
    at       {i64}  NOT NULL,
    actor    TEXT   NOT NULL,
    action   TEXT   NOT NULL,
    subject  TEXT   NOT NULL,
    record   TEXT   NOT NULL,
    leaf     {blob} NOT NULL
) {table};
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_action ON audit (action);
CREATE INDEX audit_subject ON audit (subject);

-- Answers to be given again. `request` is a keyed digest; `body` never holds a key or token that is shown once.
CREATE TABLE idempotency (
    owner      TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    request    {blob} NOT NULL,
    status     {i64}  NOT NULL,
    body       TEXT   NOT NULL,
    created_at {i64}  NOT NULL,
    PRIMARY KEY (owner, key)
) {table};
CREATE INDEX idempotency_created_at ON idempotency (created_at);

-- Telemetry: written without a revision, and free to outlive what it counts.
CREATE TABLE tallies (
    secret      TEXT  NOT NULL,
    minute      {i64} NOT NULL,
    route       TEXT  NOT NULL,
    environment TEXT  NOT NULL,
    outcome     TEXT  NOT NULL,
    count       {i64} NOT NULL,
    PRIMARY KEY (secret, minute, route, environment, outcome)
) {table};
CREATE INDEX tallies_minute ON tallies (minute);

CREATE TABLE binding_usage (
    secret       TEXT  NOT NULL,
    route        TEXT  NOT NULL,
    environment  TEXT  NOT NULL,
    last_used_at {i64},
    use_count    {i64} NOT NULL,
    PRIMARY KEY (secret, route, environment)
) {table};

CREATE TABLE secret_usage (
    secret       TEXT  NOT NULL PRIMARY KEY,
    last_used_at {i64},
    use_count    {i64} NOT NULL
) {table};
