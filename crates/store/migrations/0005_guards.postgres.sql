-- As in the other engine's file.

CREATE FUNCTION guard_secrets_in_rotation() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.state = 'deleted' AND OLD.state = 'active' AND EXISTS (SELECT 1 FROM rotations
        WHERE live = 1 AND state <> 'withdrawn' AND (outgoing = OLD.name OR incoming = OLD.name)) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'secret-in-rotation';
    END IF;
    RETURN NEW;
END
$guard$;

-- FOR SHARE: a deletion that is under way beside this statement is waited for, and then seen.
CREATE FUNCTION guard_rotations_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
DECLARE found_names INTEGER;
BEGIN
    PERFORM 1 FROM secrets WHERE name IN (NEW.outgoing, NEW.incoming) AND state = 'active' FOR SHARE;
    SELECT count(*) INTO found_names FROM secrets
        WHERE name IN (NEW.outgoing, NEW.incoming) AND state = 'active';
    IF found_names <> 2 THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'secret-not-found';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE FUNCTION guard_rotations_update() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF OLD.live = 0 AND (NEW.live <> 0 OR NEW.state IS DISTINCT FROM OLD.state)
        OR NEW.id IS DISTINCT FROM OLD.id OR NEW.outgoing IS DISTINCT FROM OLD.outgoing
        OR NEW.incoming IS DISTINCT FROM OLD.incoming OR NEW.salt IS DISTINCT FROM OLD.salt
        OR NEW.version < OLD.version THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'rotations-go-forward';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE FUNCTION guard_rotation_events_insert() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF NEW.number IS DISTINCT FROM
        (SELECT coalesce(max(number), 0) + 1 FROM rotation_events WHERE rotation = NEW.rotation) THEN
        RAISE EXCEPTION USING ERRCODE = 'KR001', MESSAGE = 'rotation-events-are-append-only';
    END IF;
    RETURN NEW;
END
$guard$;

CREATE TRIGGER secrets_in_rotation_stay BEFORE UPDATE ON secrets FOR EACH ROW EXECUTE FUNCTION guard_secrets_in_rotation();
CREATE TRIGGER rotations_begin_with_live_secrets BEFORE INSERT ON rotations FOR EACH ROW EXECUTE FUNCTION guard_rotations_insert();
CREATE TRIGGER rotations_stay_ended BEFORE UPDATE ON rotations FOR EACH ROW EXECUTE FUNCTION guard_rotations_update();
CREATE TRIGGER rotations_stay BEFORE DELETE ON rotations FOR EACH ROW EXECUTE FUNCTION guard_refuse('rotations-go-forward');
CREATE TRIGGER rotations_table_stays BEFORE TRUNCATE ON rotations FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse('rotations-go-forward');
CREATE TRIGGER rotation_events_are_numbered BEFORE INSERT ON rotation_events FOR EACH ROW EXECUTE FUNCTION guard_rotation_events_insert();
CREATE TRIGGER rotation_events_are_fixed BEFORE UPDATE ON rotation_events FOR EACH ROW EXECUTE FUNCTION guard_refuse('rotation-events-are-append-only');
CREATE TRIGGER rotation_events_stay BEFORE DELETE ON rotation_events FOR EACH ROW EXECUTE FUNCTION guard_refuse('rotation-events-are-append-only');
CREATE TRIGGER rotation_events_table_stays BEFORE TRUNCATE ON rotation_events FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse('rotation-events-are-append-only');
