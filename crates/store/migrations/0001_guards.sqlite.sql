-- What the database itself refuses, whoever writes: this binary, another one, or a person at a prompt.
--
-- BEFORE triggers, since they also fire ahead of OR REPLACE, OR IGNORE and ON CONFLICT DO UPDATE. Whoever opens the
-- file in another program has neither foreign keys nor recursive triggers, so nothing here relies on them.
-- The texts that are raised are the names of rules in `error.rs`.

-- Every unique column is asked about: OR REPLACE deletes the row in its way without a DELETE trigger.
CREATE TRIGGER secrets_name_is_used_once BEFORE INSERT ON secrets
WHEN EXISTS (SELECT 1 FROM secrets WHERE name = NEW.name OR id = NEW.id OR dek_id = NEW.dek_id)
BEGIN SELECT RAISE(ABORT, 'secret-name-taken'); END;

CREATE TRIGGER secrets_identity_is_fixed BEFORE UPDATE ON secrets
WHEN NEW.name IS NOT OLD.name OR NEW.id IS NOT OLD.id OR NEW.dek_id IS NOT OLD.dek_id
  OR NEW.format IS NOT OLD.format OR NEW.fingerprint IS NOT OLD.fingerprint
  OR NEW.created_at IS NOT OLD.created_at OR NEW.created_by IS NOT OLD.created_by
  OR NEW.successor_of IS NOT OLD.successor_of
BEGIN SELECT RAISE(ABORT, 'secret-is-write-once'); END;

-- The one change that a value can see is its destruction.
CREATE TRIGGER secrets_value_is_fixed BEFORE UPDATE ON secrets
WHEN NEW.ciphertext IS NOT OLD.ciphertext
 AND NOT (OLD.state = 'active' AND NEW.state = 'deleted' AND NEW.ciphertext IS NULL)
BEGIN SELECT RAISE(ABORT, 'secret-is-write-once'); END;

CREATE TRIGGER secrets_stay_deleted BEFORE UPDATE ON secrets
WHEN OLD.state = 'deleted'
 AND (NEW.state IS NOT OLD.state OR NEW.deleted_at IS NOT OLD.deleted_at
   OR NEW.kek_id IS NOT NULL OR NEW.wrapped_dek IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'secret-row-stays'); END;

CREATE TRIGGER secrets_rows_stay BEFORE DELETE ON secrets
BEGIN SELECT RAISE(ABORT, 'secret-row-stays'); END;

CREATE TRIGGER secrets_in_use_stay BEFORE UPDATE ON secrets
WHEN NEW.state = 'deleted' AND OLD.state = 'active'
 AND EXISTS (SELECT 1 FROM route_references WHERE secret = OLD.name)
BEGIN SELECT RAISE(ABORT, 'secret-is-referenced'); END;

CREATE TRIGGER route_references_name_a_live_secret BEFORE INSERT ON route_references
WHEN NOT EXISTS (SELECT 1 FROM secrets WHERE name = NEW.secret AND state = 'active')
BEGIN SELECT RAISE(ABORT, 'secret-not-found'); END;

CREATE TRIGGER route_references_go_on_naming_a_live_secret BEFORE UPDATE ON route_references
WHEN NOT EXISTS (SELECT 1 FROM secrets WHERE name = NEW.secret AND state = 'active')
BEGIN SELECT RAISE(ABORT, 'secret-not-found'); END;

CREATE TRIGGER route_revisions_are_numbered BEFORE INSERT ON route_revisions
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM route_revisions WHERE route = NEW.route)
BEGIN SELECT RAISE(ABORT, 'route-revisions-are-append-only'); END;

CREATE TRIGGER route_revisions_are_fixed BEFORE UPDATE ON route_revisions
BEGIN SELECT RAISE(ABORT, 'route-revisions-are-append-only'); END;

CREATE TRIGGER route_revisions_stay BEFORE DELETE ON route_revisions
BEGIN SELECT RAISE(ABORT, 'route-revisions-are-append-only'); END;

CREATE TRIGGER audit_is_numbered BEFORE INSERT ON audit
WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'audit-is-append-only'); END;

CREATE TRIGGER audit_is_fixed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit-is-append-only'); END;

CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit-is-append-only'); END;

CREATE TRIGGER revision_is_one BEFORE INSERT ON revision
WHEN EXISTS (SELECT 1 FROM revision)
BEGIN SELECT RAISE(ABORT, 'revision-goes-forward'); END;

-- The size is the audit's: no revision without its event.
CREATE TRIGGER revision_goes_forward BEFORE UPDATE ON revision
WHEN NEW.one IS NOT OLD.one OR NEW.revision < OLD.revision
  OR NEW.audit_size IS NOT (SELECT coalesce(max(sequence), 0) FROM audit) OR NEW.audit_size < OLD.audit_size
BEGIN SELECT RAISE(ABORT, 'revision-goes-forward'); END;

CREATE TRIGGER revision_stays BEFORE DELETE ON revision
BEGIN SELECT RAISE(ABORT, 'revision-goes-forward'); END;
