-- What the database itself refuses, whoever writes: this binary, another one, or a person at a prompt.
--
-- The same rules as in the other engine's file, under the same names. At each start the functions' bodies are compared
-- with this text, and the triggers with it as the server writes them: conditions therefore stand in the functions, and
-- a line that begins a function or a trigger is written as it is, up to its end.
-- A TRUNCATE calls no trigger for rows, and is refused by triggers of its own.
-- The texts that are raised are the names of rules in `error.rs`.

CREATE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = TG_ARGV[0]; END
$guard$;

CREATE FUNCTION guard_secrets_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF EXISTS (SELECT 1 FROM secrets WHERE name = NEW.name OR id = NEW.id OR dek_id = NEW.dek_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'secret-name-taken';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE FUNCTION guard_secrets_identity() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.name IS DISTINCT FROM OLD.name OR NEW.id IS DISTINCT FROM OLD.id OR NEW.dek_id IS DISTINCT FROM OLD.dek_id
        OR NEW.format IS DISTINCT FROM OLD.format OR NEW.fingerprint IS DISTINCT FROM OLD.fingerprint
        OR NEW.created_at IS DISTINCT FROM OLD.created_at OR NEW.created_by IS DISTINCT FROM OLD.created_by
        OR NEW.successor_of IS DISTINCT FROM OLD.successor_of THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'secret-is-write-once';
    END IF;
    RETURN NEW;
END
$guard$;

-- The one change that a value can see is its destruction.
CREATE FUNCTION guard_secrets_value() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.ciphertext IS DISTINCT FROM OLD.ciphertext
        AND NOT (OLD.state = 'active' AND NEW.state = 'deleted' AND NEW.ciphertext IS NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'secret-is-write-once';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE FUNCTION guard_secrets_deleted() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF OLD.state = 'deleted'
        AND (NEW.state IS DISTINCT FROM OLD.state OR NEW.deleted_at IS DISTINCT FROM OLD.deleted_at
            OR NEW.kek_id IS NOT NULL OR NEW.wrapped_dek IS NOT NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'secret-row-stays';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE FUNCTION guard_secrets_in_use() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.state = 'deleted' AND OLD.state = 'active'
        AND EXISTS (SELECT 1 FROM route_references WHERE secret = OLD.name) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'secret-is-referenced';
    END IF;
    RETURN NEW;
END
$guard$;

-- FOR SHARE: a deletion that is under way beside this statement is waited for, and then seen.
CREATE FUNCTION guard_references() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    PERFORM 1 FROM secrets WHERE name = NEW.secret AND state = 'active' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'secret-not-found';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE FUNCTION guard_route_revisions_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.number IS DISTINCT FROM
        (SELECT coalesce(max(number), 0) + 1 FROM route_revisions WHERE route = NEW.route) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'route-revisions-are-append-only';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE FUNCTION guard_audit_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.sequence IS DISTINCT FROM (SELECT coalesce(max(sequence), 0) + 1 FROM audit) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'audit-is-append-only';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE FUNCTION guard_revision_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF EXISTS (SELECT 1 FROM revision) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'revision-goes-forward';
    END IF;
    RETURN NEW;
END
$guard$;

-- The size is the audit's: no revision without its event.
CREATE FUNCTION guard_revision_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.one IS DISTINCT FROM OLD.one OR NEW.revision < OLD.revision
        OR NEW.audit_size IS DISTINCT FROM (SELECT coalesce(max(sequence), 0) FROM audit)
        OR NEW.audit_size < OLD.audit_size THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'revision-goes-forward';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE TRIGGER secrets_name_is_used_once BEFORE INSERT ON secrets FOR EACH ROW EXECUTE FUNCTION guard_secrets_insert();
CREATE TRIGGER secrets_identity_is_fixed BEFORE UPDATE ON secrets FOR EACH ROW EXECUTE FUNCTION guard_secrets_identity();
CREATE TRIGGER secrets_value_is_fixed BEFORE UPDATE ON secrets FOR EACH ROW EXECUTE FUNCTION guard_secrets_value();
CREATE TRIGGER secrets_stay_deleted BEFORE UPDATE ON secrets FOR EACH ROW EXECUTE FUNCTION guard_secrets_deleted();
CREATE TRIGGER secrets_rows_stay BEFORE DELETE ON secrets FOR EACH ROW EXECUTE FUNCTION guard_refuse('secret-row-stays');
CREATE TRIGGER secrets_table_stays BEFORE TRUNCATE ON secrets FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse('secret-row-stays');
CREATE TRIGGER secrets_in_use_stay BEFORE UPDATE ON secrets FOR EACH ROW EXECUTE FUNCTION guard_secrets_in_use();

CREATE TRIGGER route_references_name_a_live_secret BEFORE INSERT ON route_references FOR EACH ROW EXECUTE FUNCTION guard_references();
CREATE TRIGGER route_references_go_on_naming_a_live_secret BEFORE UPDATE ON route_references FOR EACH ROW EXECUTE FUNCTION guard_references();

CREATE TRIGGER route_revisions_are_numbered BEFORE INSERT ON route_revisions FOR EACH ROW EXECUTE FUNCTION guard_route_revisions_insert();
CREATE TRIGGER route_revisions_are_fixed BEFORE UPDATE ON route_revisions FOR EACH ROW EXECUTE FUNCTION guard_refuse('route-revisions-are-append-only');
CREATE TRIGGER route_revisions_stay BEFORE DELETE ON route_revisions FOR EACH ROW EXECUTE FUNCTION guard_refuse('route-revisions-are-append-only');
CREATE TRIGGER route_revisions_table_stays BEFORE TRUNCATE ON route_revisions FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse('route-revisions-are-append-only');

CREATE TRIGGER audit_is_numbered BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION guard_audit_insert();
CREATE TRIGGER audit_is_fixed BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION guard_refuse('audit-is-append-only');
CREATE TRIGGER audit_stays BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION guard_refuse('audit-is-append-only');
CREATE TRIGGER audit_table_stays BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse('audit-is-append-only');

CREATE TRIGGER revision_is_one BEFORE INSERT ON revision FOR EACH ROW EXECUTE FUNCTION guard_revision_insert();
CREATE TRIGGER revision_goes_forward BEFORE UPDATE ON revision FOR EACH ROW EXECUTE FUNCTION guard_revision_update();
CREATE TRIGGER revision_stays BEFORE DELETE ON revision FOR EACH ROW EXECUTE FUNCTION guard_refuse('revision-goes-forward');
CREATE TRIGGER revision_table_stays BEFORE TRUNCATE ON revision FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse('revision-goes-forward');
