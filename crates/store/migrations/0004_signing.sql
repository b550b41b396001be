-- Whether a client signs its requests: 'required', or NULL for one that sends its key.
ALTER TABLE clients ADD COLUMN signing TEXT;
