-- When an upstream was first seen to call the secret dead, or NULL. It is never taken back: a new value is a new secret.
ALTER TABLE secret_usage ADD COLUMN dead_since {i64};
-- The counts that are still there tell what was before.
UPDATE secret_usage SET dead_since =
    (SELECT min(t.minute) FROM tallies t WHERE t.secret = secret_usage.secret AND t.outcome = 'rejected');
