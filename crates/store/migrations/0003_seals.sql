-- Seals of the rows that say where traffic goes and who may call: a keyed digest of all other columns. NULL in rows from
-- before; these are sealed at the next start, but for revisions, which nobody may touch: one without a seal is history to
-- read, and cannot be rolled back to.
ALTER TABLE environments ADD COLUMN seal {blob};
ALTER TABLE routes ADD COLUMN seal {blob};
ALTER TABLE route_revisions ADD COLUMN seal {blob};
ALTER TABLE clients ADD COLUMN seal {blob};
ALTER TABLE client_keys ADD COLUMN seal {blob};
ALTER TABLE tokens ADD COLUMN seal {blob};
