//! The objects of releases as they are sent, kept from pass to pass: they are made anew when what they are made from changes. Most
//! passes look at one change in the cluster, and Git says what it said before.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::desired::{DesiredRelease, Rendered};
use crate::cluster::Kinds;
use crate::plan::DesiredObject;

/// What was made, by release.
#[derive(Default)]
pub(super) struct Made(BTreeMap<String, Known>);

/// What a release's objects are made from besides its name, and what came of it.
struct Known {
    rendered: Arc<Rendered>,
    kinds: Arc<Kinds>,
    namespace: String,
    key: Vec<u8>,
    objects: Vec<DesiredObject>,
}

impl Made {
    /// The objects of a release, if they were made from just this.
    pub(super) fn get(&self, release: &DesiredRelease, kinds: &Arc<Kinds>, key: &[u8]) -> Option<Vec<DesiredObject>> {
        let (known, rendered) = (self.0.get(&release.name)?, release.rendered.as_ref().ok()?);
        let same = Arc::ptr_eq(&known.rendered, rendered)
            && Arc::ptr_eq(&known.kinds, kinds)
            && known.namespace == release.namespace
            && known.key == key;
        same.then(|| at_rest(&known.objects))
    }

    /// Keeps the objects of a release.
    pub(super) fn keep(&mut self, release: &DesiredRelease, kinds: &Arc<Kinds>, key: &[u8], objects: &[DesiredObject]) {
        let Ok(rendered) = &release.rendered else { return };
        let known = Known {
            rendered: Arc::clone(rendered),
            kinds: Arc::clone(kinds),
            namespace: release.namespace.clone(),
            key: key.to_vec(),
            objects: at_rest(objects),
        };
        self.0.insert(release.name.clone(), known);
    }

    /// Forgets every release that is not among these.
    pub(super) fn retain(&mut self, releases: &[DesiredRelease]) {
        self.0.retain(|name, _| releases.iter().any(|release| release.name == *name));
    }
}

/// Copies that whoever looks into them does not make larger here.
fn at_rest(objects: &[DesiredObject]) -> Vec<DesiredObject> {
    objects.iter().map(|made| DesiredObject { object: made.object.at_rest(), ..made.clone() }).collect()
}
