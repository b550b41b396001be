-- As in the other engine's file.

CREATE TRIGGER secrets_in_rotation_stay BEFORE UPDATE ON secrets
WHEN NEW.state = 'deleted' AND OLD.state = 'active' AND EXISTS (SELECT 1 FROM rotations
  WHERE live = 1 AND state <> 'withdrawn' AND (outgoing = OLD.name OR incoming = OLD.name))
BEGIN SELECT RAISE(ABORT, 'secret-in-rotation'); END;

CREATE TRIGGER rotations_begin_with_live_secrets BEFORE INSERT ON rotations
WHEN (SELECT count(*) FROM secrets WHERE name IN (NEW.outgoing, NEW.incoming) AND state = 'active') <> 2
BEGIN SELECT RAISE(ABORT, 'secret-not-found'); END;

CREATE TRIGGER rotations_stay_ended BEFORE UPDATE ON rotations
WHEN OLD.live = 0 AND (NEW.live <> 0 OR NEW.state IS NOT OLD.state)
  OR NEW.id IS NOT OLD.id OR NEW.outgoing IS NOT OLD.outgoing OR NEW.incoming IS NOT OLD.incoming
  OR NEW.salt IS NOT OLD.salt OR NEW.version < OLD.version
BEGIN SELECT RAISE(ABORT, 'rotations-go-forward'); END;

CREATE TRIGGER rotations_stay BEFORE DELETE ON rotations
BEGIN SELECT RAISE(ABORT, 'rotations-go-forward'); END;

CREATE TRIGGER rotation_events_are_numbered BEFORE INSERT ON rotation_events
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM rotation_events WHERE rotation = NEW.rotation)
BEGIN SELECT RAISE(ABORT, 'rotation-events-are-append-only'); END;

CREATE TRIGGER rotation_events_are_fixed BEFORE UPDATE ON rotation_events
BEGIN SELECT RAISE(ABORT, 'rotation-events-are-append-only'); END;

CREATE TRIGGER rotation_events_stay BEFORE DELETE ON rotation_events
BEGIN SELECT RAISE(ABORT, 'rotation-events-are-append-only'); END;
