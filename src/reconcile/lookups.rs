//! What templates look up in the live cluster: asked once in a look, noted with a digest of the answer, so that a render is used
//! again as long as every answer is the same. Where a watch says that something is as it was read, nobody is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use crate::cluster::{Cluster, ClusterError, Sought, Versions, versions_of};
use crate::manifest::{Object, ObjectId, Redactor};
use crate::render::Lookup;

use super::pass::Reconciler;
use super::rerenders::{MOST, WINDOW};
use super::view::LiveView;

/// What nobody can follow is read again after this time.
const READ_AGAIN: Duration = Duration::from_secs(60);

/// One question: what, and who asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) sought: Sought,
    /// The user that is impersonated; none for evenkeel's own.
    pub(super) user: Option<String>,
}

/// A digest of all that an answer says.
pub(super) type Digest = [u8; 32];

/// What a render asked, and what it heard.
pub(super) type Answers = BTreeMap<Question, Digest>;

/// What the cluster said.
struct Answer {
    found: Result<Option<Value>, String>,
    digest: Digest,
}

/// The cluster as the templates of one look see it: every question is asked once.
pub struct Lookups {
    cluster: Cluster,
    runtime: Handle,
    /// What is as it was when it was read.
    same: Answers,
    read: Mutex<BTreeMap<Question, Arc<Answer>>>,
}

impl std::fmt::Debug for Lookups {
    /// Without the answers: they may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookups").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl Lookups {
    /// For one look. `same` has what need not be asked again to know what it says. To be made within a tokio runtime.
    pub(super) fn new(cluster: &Cluster, same: Answers) -> Self {
        Self { cluster: cluster.clone(), runtime: Handle::current(), same, read: Mutex::default() }
    }

    fn answers(&self) -> MutexGuard<'_, BTreeMap<Question, Arc<Answer>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, on a thread where that may take its time.
    fn ask(&self, question: &Question) -> Arc<Answer> {
        if let Some(known) = self.answers().get(question) {
            return Arc::clone(known);
        }
        let Sought { api_version, kind, namespace, name } = &question.sought;
        let cluster = self.cluster.acting_as(question.user.as_deref());
        let found = self.runtime.block_on(cluster.lookup(api_version, kind, namespace, name));
        let digest = digest(&found);
        let answer = Arc::new(Answer { found, digest });
        self.answers().insert(question.clone(), Arc::clone(&answer));
        answer
    }

    /// Whether all questions would be answered as they were.
    pub(super) fn are_same(&self, answers: &Answers) -> bool {
        let now = |question| self.same.get(question).copied().unwrap_or_else(|| self.ask(question).digest);
        // All of them, also behind one that differs: what is not asked is not followed.
        answers.iter().filter(|(question, digest)| now(question) != **digest).count() == 0
    }

    /// Whether all questions are known to be answered as they were, without asking.
    pub(super) fn know(&self, answers: &Answers) -> bool {
        answers.iter().all(|(question, digest)| self.same.get(question) == Some(digest))
    }

    /// What was asked in this look and answered: digests and versions. An error is no answer that could be followed.
    pub(super) fn heard(&self) -> BTreeMap<Question, Option<(Digest, Versions)>> {
        let heard = |answer: &Answer| Some((answer.digest, versions_of(answer.found.as_ref().ok()?.as_ref())));
        self.answers().iter().map(|(question, answer)| (question.clone(), heard(answer))).collect()
    }

    /// What a question was answered when it was asked last, where that needs no asking.
    pub(super) fn known(&self, question: &Question) -> Option<Digest> {
        self.same.get(question).copied()
    }

    /// The same for one release.
    pub(super) fn of(lookups: &Arc<Self>, user: Option<&str>) -> Arc<OfRelease> {
        Arc::new(OfRelease { lookups: Arc::clone(lookups), user: user.map(str::to_owned), heard: Mutex::default() })
    }
}

/// What an environment's templates look up, from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// What was looked up last, with a digest of the answer; without one where that was an error.
    asked: BTreeMap<Question, Option<Digest>>,
    /// From when on changes are news.
    mark: u64,
}

impl Looking {
    /// Begins a look: what a watch says to be as it was is not asked again. `ours` are the objects that were applied: a change of
    /// one of those is not to be taken for drift where a template reads it.
    pub(super) fn begin(
        &mut self,
        cluster: &Cluster,
        view: Option<&LiveView>,
        environment: &str,
        ours: &dyn Fn(&ObjectId) -> bool,
    ) -> Arc<Lookups> {
        let mut same = Answers::new();
        if let Some(view) = view {
            self.mark = view.lookups_mark();
            let as_read = |question: &Question| view.is_as_read(environment, &question.sought, ours);
            let known = self.asked.iter().filter_map(|(question, digest)| Some((question, (*digest)?)));
            same.extend(known.filter(|(question, _)| as_read(question)).map(|(q, digest)| (q.clone(), digest)));
        }
        Arc::new(Lookups::new(cluster, same))
    }

    /// Whether everything that was looked up is known to be as it was.
    pub(super) fn is_still(&self, lookups: &Lookups) -> bool {
        self.asked.keys().all(|question| lookups.known(question).is_some())
    }

    /// Ends a look: follows the questions of `answers`, and forgets all others.
    ///
    /// # Errors
    /// When the cluster cannot be asked for its kinds.
    pub(super) async fn end(
        &mut self,
        lookups: &Lookups,
        answers: impl Iterator<Item = &Answers>,
        view: Option<&LiveView>,
        environment: &str,
    ) -> Result<(), ClusterError> {
        let heard = lookups.heard();
        let answer = |question: &Question| match heard.get(question) {
            Some(heard) => heard.as_ref().map(|(digest, _)| *digest),
            None => lookups.known(question),
        };
        let before = !self.asked.is_empty();
        self.asked = answers.flat_map(Answers::keys).map(|question| (question.clone(), answer(question))).collect();
        let Some(view) = view.filter(|_| before || !self.asked.is_empty()) else { return Ok(()) };
        let mut looked_up: BTreeMap<Sought, Option<Versions>> = BTreeMap::new();
        for question in self.asked.iter().filter(|(_, digest)| digest.is_some()).map(|(question, _)| question) {
            let read = heard.get(question).and_then(|heard| heard.as_ref()).map(|(_, versions)| versions.clone());
            let entry = looked_up.entry(question.sought.clone()).or_default();
            *entry = entry.take().or(read);
        }
        view.follow_lookups(environment, looked_up, self.mark).await
    }
}

impl Reconciler {
    /// When lookups are to be looked at again, without anybody saying so.
    pub(super) fn lookups_due(&self) -> Option<Duration> {
        let late = self.cache.due().map(|at| at.saturating_duration_since(Instant::now()));
        let unfollowed = self.view.as_ref().is_some_and(|view| !view.unfollowed(&self.environment).is_empty());
        late.into_iter().chain(unfollowed.then_some(READ_AGAIN)).min()
    }

    /// What a person should know of what a release looks up; and whether it never comes to an end.
    pub(super) fn told_of_lookups(&self, release: &str) -> (bool, Vec<String>) {
        let mut told = Vec::new();
        let (restless, seconds) = (self.cache.is_restless(release), WINDOW.as_secs());
        if restless {
            told.push(format!(
                "it renders something else whenever what it looks up has changed, without an end; it does so at most {MOST} times in {seconds} s"
            ));
        } else if self.cache.is_late(release) {
            told.push(format!("what it looks up changes more than {MOST} times in {seconds} s, and is read late"));
        }
        let unfollowed = self.view.as_ref().map(|view| view.unfollowed(&self.environment)).unwrap_or_default();
        let asked = || self.cache.answers().filter(|(name, _)| *name == release).flat_map(|(_, a)| a.keys());
        for (sought, reason) in unfollowed {
            if asked().any(|question| question.sought == sought) {
                let seconds = READ_AGAIN.as_secs();
                told.push(format!("its lookup of {sought} is not followed, but read every {seconds} s: {reason}"));
            }
        }
        (restless, told)
    }
}

fn digest(found: &Result<Option<Value>, String>) -> Digest {
    let mut digest = Sha256::new();
    match found {
        Ok(None) => digest.update("nothing"),
        Ok(Some(value)) => digest.update(format!("found {value}")),
        Err(error) => digest.update(format!("error {error}")),
    }
    digest.finalize().into()
}

/// The cluster as one release's templates see it, with what they have heard.
pub(super) struct OfRelease {
    lookups: Arc<Lookups>,
    user: Option<String>,
    heard: Mutex<BTreeMap<Question, Arc<Answer>>>,
}

impl OfRelease {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Question, Arc<Answer>>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked, and what the answers were.
    pub(super) fn answers(&self) -> Answers {
        self.all().iter().map(|(question, answer)| (question.clone(), answer.digest)).collect()
    }

    /// Knows the values of the Secrets that were read.
    pub(super) fn redactor(&self) -> Redactor {
        let all = self.all();
        let found = all.iter().filter(|(question, _)| question.sought.kind == "Secret");
        let found = found.filter_map(|(_, answer)| answer.found.as_ref().ok()?.as_ref());
        let objects: Vec<Object> = found.flat_map(objects_of).filter_map(|o| Object::new(o.clone()).ok()).collect();
        Redactor::new(&objects)
    }
}

/// The object, or those of the list.
fn objects_of(found: &Value) -> &[Value] {
    let one = std::slice::from_ref(found);
    found.get("items").and_then(Value::as_array).map_or(one, Vec::as_slice)
}

impl Lookup for OfRelease {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        let sought = Sought {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let question = Question { sought, user: self.user.clone() };
        let answer = self.lookups.ask(&question);
        self.all().insert(question, Arc::clone(&answer));
        answer.found.clone()
    }
}
