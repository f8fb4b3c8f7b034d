//! Fields that others own and a configuration would change.

use std::fmt;

use super::{FieldPath, Manager};

/// One field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its owner.
    pub manager: Manager,
    /// The field.
    pub path: FieldPath,
}

/// Everything that an apply without force would take from others. Shown in the API server's own words. Not retryable
/// without force or another configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl std::error::Error for Conflicts {}

impl Conflicts {
    /// The causes of the API server's status, each `(message, field)`; their reason is `FieldManagerConflict`.
    #[must_use]
    pub fn causes(&self) -> Vec<(String, String)> {
        self.0.iter().map(|c| (format!("conflict with {}", c.manager), c.path.to_string())).collect()
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = self.0.as_slice() {
            return write!(f, "Apply failed with 1 conflict: conflict with {}: {}", one.manager, one.path);
        }
        write!(f, "Apply failed with {} conflicts: ", self.0.len())?;
        let mut last = None;
        for (index, conflict) in self.0.iter().enumerate() {
            if last != Some(&conflict.manager) {
                if index > 0 {
                    f.write_str("\n")?;
                }
                write!(f, "conflicts with {}:", conflict.manager)?;
                last = Some(&conflict.manager);
            }
            write!(f, "\n- {}", conflict.path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_servers_words() {
        let conflict = |manager: Manager, field: &str| Conflict { manager, path: FieldPath::of(&["spec", field]) };
        let edit = Manager::updater("kubectl-edit", "apps/v1", "");
        let one = Conflicts(vec![conflict(edit, "replicas")]);
        assert_eq!(
            one.to_string(),
            "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using apps/v1: .spec.replicas"
        );
        assert_eq!(
            one.causes(),
            [("conflict with \"kubectl-edit\" using apps/v1".to_owned(), ".spec.replicas".to_owned())]
        );
        let scale = Manager::updater("kubectl", "apps/v1", "scale");
        let three = Conflicts(vec![
            conflict(Manager::applier("helm", ""), "a"),
            conflict(Manager::applier("helm", ""), "b"),
            conflict(scale, "c"),
        ]);
        assert_eq!(
            three.to_string(),
            "Apply failed with 3 conflicts: conflicts with \"helm\":\n- .spec.a\n- .spec.b\nconflicts with \"kubectl\" with \
             subresource \"scale\" using apps/v1:\n- .spec.c"
        );
    }
}
