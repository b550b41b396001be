//! The words of the playbooks: which steps there are, in which order, and what to type.

use super::{REMOVE_PASSWORD, REVOKE_TOKEN, Sort, UPDATE_ROUTES};
use crate::rotation::action::WORKS;
use crate::rotation::rotation::Rotation;

/// One step, before anything is known about it.
pub(super) struct Line {
    pub(super) word: &'static str,
    pub(super) title: &'static str,
    pub(super) what: &'static str,
    pub(super) command: Option<String>,
    pub(super) outside: bool,
}

/// The steps of a playbook, with the names of this rotation in the commands.
pub(super) fn script(sort: Sort, rotation: &Rotation) -> Vec<Line> {
    let mut lines = vec![generate(sort, rotation), create(rotation), update(rotation), test(sort, rotation)];
    lines.push(Line {
        word: "monitor",
        title: "Wait until the soak is over",
        what: "Nothing to do: until then the outgoing credential has to stay valid, because the way back needs it. The \
               rotation withdraws it by itself when it was not needed for long enough and no node holds it any more.",
        command: Some(format!("keyroll rotation get {}", rotation.id)),
        outside: false,
    });
    lines.extend(take_back(sort, rotation));
    lines.push(Line {
        word: "delete_outgoing",
        title: "Delete the old secret",
        what: "Destroys the outgoing secret's value for good. A plan with delete_outgoing = automatic does it by itself.",
        command: Some(format!("keyroll secret delete {}", rotation.outgoing)),
        outside: false,
    });
    lines
}

fn attest(rotation: &Rotation, word: &str, note: &str) -> Option<String> {
    Some(format!("keyroll rotation attest {} {word} --note '{note}'", rotation.id))
}

fn generate(sort: Sort, rotation: &Rotation) -> Line {
    let word = "generate_credential";
    let (title, what, note) = match sort {
        Sort::Key => (
            "Generate the new key at its provider",
            "Make a second key in the provider's console and leave the first one alone: both have to be valid until the \
             rotation is over.",
            "made in the console of the provider",
        ),
        Sort::Database => (
            "Create the new password in the database",
            "Give the application a second user with the same rights and a password of its own, or a second password \
             where the database knows such a thing. Where the one password is changed in place, every connection with \
             the outgoing one fails at once.",
            "second user with the same grants",
        ),
        Sort::Token => (
            "Refresh the token by the OAuth flow",
            "Go through the flow of the provider for a new access token, with the scopes of the outgoing one. Where the \
             provider ends the outgoing token as soon as a new one is issued, there is no way back.",
            "authorised again, same scopes",
        ),
    };
    Line { word, title, what, command: attest(rotation, word, note), outside: true }
}

fn create(rotation: &Rotation) -> Line {
    Line {
        word: "create_secret",
        title: "Create the new secret",
        what: "Seal the new value under a name of its own. A value is never edited.",
        command: Some(format!(
            "keyroll secret create {} --successor-of {} --value-stdin",
            rotation.incoming, rotation.outgoing
        )),
        outside: false,
    }
}

fn update(rotation: &Rotation) -> Line {
    Line {
        word: UPDATE_ROUTES,
        title: "Update the routes",
        what: "The rotation moves the traffic of each environment in shares and then edits its templates, staging before \
               production. Advance it where its plan waits for you.",
        command: Some(format!("keyroll rotation advance {}", rotation.id)),
        outside: false,
    }
}

fn test(sort: Sort, rotation: &Rotation) -> Line {
    let probe = Some(format!("keyroll secret probe {}", rotation.incoming));
    let (title, what) = match sort {
        Sort::Key => (
            "Test thoroughly",
            "Answers to real requests and probes show it. Where neither can, try it out and attest credential_works.",
        ),
        Sort::Database => (
            "Test all database connections",
            "The probe of the incoming secret logs in to every place that it lists. Without one, log in to each place \
             yourself and attest credential_works with the list in the note.",
        ),
        Sort::Token => (
            "Test the authentication",
            "Answers to real requests and probes show it, in every environment of the plan. Where neither can, call the \
             provider with the new token and attest credential_works.",
        ),
    };
    Line { word: WORKS, title, what, command: probe, outside: false }
}

/// What is done at the origin of the outgoing credential once nothing needs it any more.
fn take_back(sort: Sort, rotation: &Rotation) -> Option<Line> {
    let (word, title, what, note) = match sort {
        // The key's own page at its provider is not part of the pattern; to revoke it there is good advice all the same,
        // and docs/playbooks.md gives it.
        Sort::Key => return None,
        Sort::Database => (
            REMOVE_PASSWORD,
            "Remove the old password from the database",
            "Once the outgoing secret is withdrawn, take the login from the outgoing user (first NOLOGIN or ACCOUNT LOCK, \
             which can be undone), and drop it later. Then attest it: until then nothing is deleted by itself.",
            "NOLOGIN for the outgoing user",
        ),
        Sort::Token => (
            REVOKE_TOKEN,
            "Revoke the old token with the provider",
            "Once the outgoing secret is withdrawn, revoke the outgoing token where it was issued. Then attest it: until \
             then nothing is deleted by itself.",
            "revoked in the console of the provider",
        ),
    };
    Some(Line { word, title, what, command: attest(rotation, word, note), outside: true })
}
