//! What keeps the program from its work, for `/readyz`.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// Troubles by the part that has them. Clones share them.
#[derive(Debug, Clone)]
pub struct Health(watch::Sender<BTreeMap<String, String>>);

impl Default for Health {
    /// Of a program that has just begun.
    fn default() -> Self {
        let health = Self(watch::Sender::default());
        health.trouble(Self::CACHES, "they are not complete yet");
        health
    }
}

impl Health {
    /// The part that is in trouble until all that there is was read once.
    pub const CACHES: &str = "caches";

    /// This part cannot do its work.
    pub fn trouble(&self, part: &str, why: impl Into<String>) {
        let why = why.into();
        self.0.send_if_modified(|troubles| {
            let before = troubles.insert(part.to_owned(), why.clone());
            before.as_ref() != Some(&why)
        });
    }

    /// This part works, or works again.
    pub fn well(&self, part: &str) {
        self.0
            .send_if_modified(|troubles| troubles.remove(part).is_some());
    }

    /// What is in trouble and why, a line each.
    pub fn troubles(&self) -> Vec<String> {
        let troubles = self.0.borrow();
        let line = |(part, why): (&String, &String)| format!("{part}: {why}");
        troubles.iter().map(line).collect()
    }

    /// Waits until all that there is was read once.
    pub async fn is_complete(&self) {
        let is_complete = |troubles: &BTreeMap<_, _>| !troubles.contains_key(Self::CACHES);
        // It fails only without a sender, and this is one.
        let _ = self.0.subscribe().wait_for(is_complete).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_trouble_is_told_until_it_is_well() {
        let health = Health::default();
        assert_eq!(health.troubles(), ["caches: they are not complete yet"]);
        health.trouble("Services", "cannot be watched");
        health.well(Health::CACHES);
        assert_eq!(health.troubles(), ["Services: cannot be watched"]);
        health.well("Services");
        assert_eq!(health.troubles(), [""; 0]);
    }
}
