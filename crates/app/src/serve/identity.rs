//! Who this node is among those that share a database.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use engine::NodeIdentity;
use model::time::{Clock, Entropy};

use crate::config;
use crate::process::DataDir;

/// The longest name of a node; longer ones are cut.
const LONGEST: usize = 64;

/// Reads the node's id from its data directory, or makes one there, so that it is the same after a restart: other nodes
/// then know that what ran before under this id holds nothing any more.
///
/// # Errors
/// What the file system says.
pub(super) fn identity(
    config: &config::Node,
    data: &DataDir,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> io::Result<NodeIdentity> {
    let path = data.file("node-id");
    let id = match fs::read_to_string(&path) {
        Ok(text) if is_id(text.trim()) => text.trim().to_owned(),
        Ok(_) => return Err(io::Error::other("the file node-id of the data directory holds no id; remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = model::id::new("node", clock.now(), entropy);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            writeln!(file, "{id}")?;
            file.sync_all()?;
            id
        }
        Err(error) => return Err(error),
    };
    Ok(NodeIdentity {
        id,
        name: name(config),
        role: config.role.into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        run: model::id::new("run", clock.now(), entropy),
    })
}

fn is_id(text: &str) -> bool {
    text.strip_prefix("node_").is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The configured name, or the machine's.
fn name(config: &config::Node) -> String {
    let machine = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name = config.name.clone().unwrap_or_else(machine);
    let visible: String = name.chars().filter(|char| !char.is_control()).take(LONGEST).collect();
    if visible.is_empty() { "unnamed".to_owned() } else { visible }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::{SystemClock, SystemEntropy};

    #[test]
    fn the_id_stays_and_the_run_does_not() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path()).unwrap();
        let config = config::Node { role: config::Role::Gateway, name: Some("edge\u{1b}[1m-1".to_owned()) };
        let read = || identity(&config, &data, &SystemClock, &SystemEntropy);
        let (one, two) = (read().unwrap(), read().unwrap());
        assert_eq!((&one.id, &one.name), (&two.id, &"edge[1m-1".to_owned()));
        assert_ne!(one.run, two.run);
        fs::write(data.file("node-id"), "node_x").unwrap();
        assert!(read().unwrap_err().to_string().contains("holds no id"));
    }
}
