//! Why something sealed does not open.

/// Why something sealed does not open. Says what to do, and never anything about the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The keyring has no such key.
    #[error(
        "it is wrapped with the key {kek_id:?}, which is not in the KEK file: add that key's line below the current one"
    )]
    UnknownKek {
        /// The id of the missing key, as stored.
        kek_id: String,
    },
    /// Ciphertext, wrapped key, name, id or limits are not those that were sealed together, or a key of the
    /// same id is another key.
    #[error(
        "it is not what was sealed: its row was edited or swapped, or the KEK file holds another key under this id"
    )]
    Tampered,
    /// Written in a format that this version does not know.
    #[error("it is sealed in format {0}, which this version does not know: use a newer one")]
    Format(i64),
}
