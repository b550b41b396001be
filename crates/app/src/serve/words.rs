//! What a node says about itself when it starts.

use std::path::Path;

use store::DatabaseUrl;

use super::Urls;
use crate::bootstrap::FirstToken;
use crate::config::{Config, Format};
use crate::process::{DataDir, say};

/// Says at every start what makes a stolen copy worth more than it should be; the answer is the part that `doctor` tells.
pub(super) fn warn_of_exposure(data: &DataDir, kek_file: &Path, database: &DatabaseUrl) -> Option<String> {
    if data.is_open_to_others() {
        let path = data.path().display();
        tracing::warn!(%path, "other users of this machine may look into the data directory; chmod 700 it");
    }
    let place = |path: &Path| path.parent().and_then(|parent| parent.canonicalize().ok());
    let beside = match database {
        DatabaseUrl::SqliteFile(file) => place(kek_file).is_some_and(|at| Some(at) == place(file)),
        DatabaseUrl::SqliteMemory | DatabaseUrl::Postgres(_) => false,
    };
    if !beside {
        return None;
    }
    let words = "the KEK file lies beside the database: a copy of the directory can be opened; keep it elsewhere, with --kek-file";
    tracing::warn!(kek_file = %kek_file.display(), "{words}");
    Some(words.to_owned())
}

/// Tells the operator what they need now: where to connect, and on the first start where the token is.
pub(super) fn announce(config: &Config, urls: &Urls, first: Option<FirstToken>, token_file: &Path) {
    let token = first.map(|first| match first.written {
        true => format!("first start: an admin token that ends at {} is in {}", first.expires_at, token_file.display()),
        false => format!("first start: the admin token is that of KEYROLL_BOOTSTRAP_TOKEN, until {}", first.expires_at),
    });
    let (gateway, admin) = (urls.gateway.as_deref(), urls.admin.as_str());
    match config.log.format {
        // Whoever reads JSON wants nothing else between the lines.
        Format::Json => tracing::info!(gateway, admin, token, "serving"),
        Format::Text => {
            token.iter().for_each(|token| say(token));
            match gateway {
                Some(gateway) => say(&format!("gateway on {gateway}, admin API on {admin}")),
                None => say(&format!("admin API on {admin}")),
            }
        }
    }
}
