//! The answer to `why`: what state a release is in, since when, what it waits for, and what would unblock it. One screen, and
//! the same as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::status::{ReleaseState, painted, short};
use super::style::{DIM, NAME, paint};

/// What a release waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Awaited {
    /// An object (`Deployment ns/name`) or a release (`release postgres`).
    pub what: String,
    /// What it says, or lacks.
    pub says: String,
    /// Since when, RFC 3339; none where nobody knows.
    pub since: Option<String>,
    /// What stands in its way, the most telling first; secrets are taken out.
    pub troubles: Vec<String>,
}

/// Why a release is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The environment.
    pub environment: String,
    /// The release.
    pub release: String,
    /// Its namespace, empty when that is not known.
    pub namespace: String,
    /// Its state.
    pub state: ReleaseState,
    /// Since when, RFC 3339; none where nobody knows.
    pub since: Option<String>,
    /// The revision that Git asks for.
    pub revision: String,
    /// The revision that was applied completely last, empty when none was.
    pub applied: String,
    /// The revision that was seen ready last, empty when none was.
    pub ready: String,
    /// What led to the state.
    pub because: Vec<String>,
    /// What it waits for.
    pub waits_for: Vec<Awaited>,
    /// What would unblock it; empty when nothing has to be.
    pub unblocked_by: Vec<String>,
}

/// For people. `ago` turns a time into how long ago that is.
#[must_use]
pub fn why_text(why: &Why, ago: &dyn Fn(&str) -> Option<String>) -> String {
    let since = |time: &Option<String>| match time {
        None => String::new(),
        Some(time) => format!("  since {time}{}", ago(time).map(|a| format!(" ({a} ago)")).unwrap_or_default()),
    };
    let mut text = String::new();
    let name = paint(NAME, format!("{}/{}", why.environment, why.release));
    let _ = writeln!(text, "{name}  {}{}", painted(why.state, 0), paint(DIM, since(&why.since)));
    let or_never = |revision: &str| if revision.is_empty() { "never".to_owned() } else { short(revision).to_owned() };
    let line = format!(
        "Git says {}, applied {}, seen ready {}",
        short(&why.revision),
        or_never(&why.applied),
        or_never(&why.ready)
    );
    let _ = writeln!(text, "  {}", paint(DIM, line));
    section(&mut text, "because", &why.because);
    if !why.waits_for.is_empty() {
        let _ = writeln!(text, "{}", paint(NAME, "waits for"));
        for awaited in &why.waits_for {
            let _ = writeln!(text, "  {}: {}{}", awaited.what, awaited.says, paint(DIM, since(&awaited.since)));
            for trouble in &awaited.troubles {
                let _ = writeln!(text, "    {trouble}");
            }
        }
    }
    section(&mut text, "unblocked by", &why.unblocked_by);
    text
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}", paint(NAME, title));
    for line in lines.iter().flat_map(|l| l.lines()) {
        let _ = writeln!(text, "  {line}");
    }
}

/// What a person would do about something that the cluster says, where that is known: the words of Kubernetes, and the remedy.
const REMEDIES: &[(&[&str], &str)] = &[
    (
        &["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"],
        "an image that can be pulled: look at its name, its tag and the pull secret",
    ),
    (&["CreateContainerConfigError", "CreateContainerError"], "the Secret or ConfigMap that the container names"),
    (&["FailedMount", "FailedAttachVolume"], "the volume, Secret or ConfigMap that the pod mounts"),
    (&["OOMKilled"], "a larger memory limit, or a program that needs less"),
    (
        &["Readiness probe failed", "Startup probe failed", "Liveness probe failed"],
        "an answer to the probe that fails: look at its path and port, and at the program's log",
    ),
    (&["CrashLoopBackOff", "exited with code"], "the program's own log: kubectl logs POD --previous"),
    (&["exceeded quota"], "a larger quota in the namespace, or smaller requests"),
    (
        &["unbound immediate PersistentVolumeClaims", "no persistent volumes available"],
        "a volume for the claim: look at its storage class",
    ),
    (
        &["Insufficient ", "didn't match", "untolerated taint", "nodes are available"],
        "a node that takes the pod: look at its requests, node selector and tolerations",
    ),
    (&["denied the request", "violates PodSecurity", "is forbidden"], "what the admission rule asks for"),
    (&["scheduling gate"], "whoever set the scheduling gate"),
    (&["does not exist"], "the object: somebody deleted it, and the next apply makes it again"),
    (&["the load balancer has no address"], "the cluster's load balancer: look at the service's events"),
];

/// What would help, for everything that is said: each remedy once, in the order of what was said.
#[must_use]
pub fn remedies<'a>(said: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in said {
        let remedy = REMEDIES.iter().find(|(words, _)| words.iter().any(|w| text.contains(w))).map(|(_, r)| *r);
        if let Some(remedy) = remedy
            && !found.iter().any(|f| f == remedy)
        {
            found.push(remedy.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_screen_says_it_all() {
        let why = Why {
            environment: "production".into(),
            release: "clipper".into(),
            namespace: "clipper".into(),
            state: ReleaseState::Failed,
            since: Some("2026-01-01T00:00:00Z".into()),
            revision: "a".repeat(40),
            applied: "a".repeat(40),
            ready: String::new(),
            because: vec!["nothing came nearer for 5m".into()],
            waits_for: vec![Awaited {
                what: "Deployment clipper/backend".into(),
                says: "0 of 2 replicas are ready".into(),
                since: None,
                troubles: vec!["Pod clipper/backend-1: container app: ImagePullBackOff".into()],
            }],
            unblocked_by: remedies(["container app: ImagePullBackOff", "Failed: ErrImagePull"]),
        };
        let text = anstream::adapter::strip_str(&why_text(&why, &|_| Some("3m".into()))).to_string();
        insta::assert_snapshot!(text, @r"
        production/clipper  failed  since 2026-01-01T00:00:00Z (3m ago)
          Git says aaaaaaaaaaaa, applied aaaaaaaaaaaa, seen ready never
        because
          nothing came nearer for 5m
        waits for
          Deployment clipper/backend: 0 of 2 replicas are ready
            Pod clipper/backend-1: container app: ImagePullBackOff
        unblocked by
          an image that can be pulled: look at its name, its tag and the pull secret
        ");
    }
}
