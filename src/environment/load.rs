//! An environment out of a tree: layers, policies, releases and their order.

use std::collections::BTreeMap;

use super::files::{self, ENVIRONMENT, RELEASE, entries, is_yaml};
use super::layers;
use super::located::{Located, Place};
use super::names::label_fault;
use super::policy::Policies;
use super::release::{self, Context, Found};
use super::spec;
use super::stages::{self, Position};
use super::{BrokenRelease, Diagnostics, Environment, Release};
use crate::diagnostic::Diagnostic;
use crate::sops::Keys;
use crate::tree::{EntryKind, Tree, join};

/// Loads the environment `name` of the folder `root`; `keys` open its files of secrets. A broken release breaks itself alone: it is among the releases, with
/// what is wrong with it.
///
/// # Errors
/// Everything that is wrong with `environment.yaml` of the environment or of a layer below it, or when the tree cannot be
/// read.
pub fn load(tree: &dyn Tree, root: &str, name: &str, keys: &Keys) -> Result<Environment, Diagnostics> {
    let layers = layers::read(tree, root, name)?;
    let mut errors = Vec::new();
    for layer in &layers {
        errors.extend(strays(tree, &layer.folder)?);
    }
    let mut merged: Option<Located> = None;
    for layer in &layers {
        let mut content = layer.content.clone();
        content.remove("extends");
        content.remove("abstract");
        match &mut merged {
            Some(merged) => merged.merge(&content),
            None => merged = Some(content),
        }
    }
    let (Some(merged), Some(own)) = (merged, layers.last()) else {
        return Err(Diagnostic::new(root, format!("there is no environment `{name}`")).into());
    };
    let (spec, _) = spec::environment(&merged, &mut errors);
    if let Some(namespace) = &spec.namespace
        && let Some(fault) = label_fault(&namespace.text)
    {
        errors.push(namespace.place.error(format!("`{}` cannot name a namespace: {fault}", namespace.text)));
    }
    if !errors.is_empty() {
        return Err(Diagnostics::sorted(errors));
    }
    let policies = spec.policies.over(&Policies::default());
    let folders = release::folders(tree, &layers)?;
    let declared: Vec<String> = folders
        .iter()
        .filter(|(name, of)| {
            of.iter().filter_map(|index| layers.get(*index)).any(|layer| {
                let path = join(&join(&layer.folder, name), RELEASE);
                files::text(tree, &path).map_or(true, |text| text.is_some())
            })
        })
        .map(|(name, _)| name.clone())
        .collect();
    let context = Context {
        tree,
        keys,
        environment: name,
        layers: &layers,
        namespace: spec.namespace.as_ref().map(|namespace| namespace.text.as_str()),
        is_abstract: own.own.is_abstract,
        policies: &policies,
        declared: &declared,
    };
    let mut releases: BTreeMap<String, Result<Release, BrokenRelease>> = BTreeMap::new();
    let mut positions: BTreeMap<String, Position> = BTreeMap::new();
    let mut named_at: BTreeMap<String, Place> = BTreeMap::new();
    let mut disabled = Vec::new();
    for (folder, of) in &folders {
        match context.read(folder, of) {
            Found::Nothing => {}
            Found::Disabled => disabled.push(folder.clone()),
            Found::Release { release, position, named_at: place } => {
                releases.insert(folder.clone(), *release);
                positions.insert(folder.clone(), position);
                named_at.extend(place.map(|place| (folder.clone(), place)));
            }
        }
    }
    let staged = stages::stage(&positions, &spec.order, &disabled, own.own.is_abstract);
    let groups = positions
        .iter()
        .filter_map(|(name, position)| Some((name.clone(), position.group.as_ref()?.text.clone())))
        .collect();
    for (release, wrong) in staged.errors.into_iter().chain(twins(&releases, &named_at)) {
        if let Some(found) = releases.get_mut(&release) {
            break_release(&release, found, wrong);
        }
    }
    Ok(Environment {
        name: name.to_owned(),
        root: root.to_owned(),
        is_abstract: own.own.is_abstract,
        layers: layers.iter().map(|layer| layer.name.clone()).collect(),
        cluster: spec.cluster,
        namespace: spec.namespace.map(|namespace| namespace.text),
        policies,
        order: spec.order.into_iter().map(|group| group.text).collect(),
        notify: spec.notify,
        releases: releases.into_values().collect(),
        disabled,
        stages: staged.stages,
        groups,
    })
}

/// YAML files in an environment's folder that have no meaning there.
fn strays(tree: &dyn Tree, folder: &str) -> Result<Vec<Diagnostic>, Diagnostic> {
    let found = entries(tree, folder)?.into_iter();
    let stray =
        found.filter(|entry| entry.kind == EntryKind::File && is_yaml(&entry.name) && entry.name != ENVIRONMENT);
    Ok(stray
        .map(|entry| {
            let error =
                Diagnostic::new(join(folder, &entry.name), "this file has no meaning in an environment's folder");
            match entry.name.as_str() {
                "values.yaml" | "release.yaml" => error.hint("it belongs into a release's folder"),
                name => error.suggest(name, [ENVIRONMENT]),
            }
        })
        .collect())
}

/// Adds what is wrong to a release, which is broken then.
fn break_release(name: &str, release: &mut Result<Release, BrokenRelease>, wrong: Vec<Diagnostic>) {
    match release {
        Ok(whole) => {
            let remote = whole.chart.as_ref().and_then(|chart| chart.remote().cloned());
            *release = Err(BrokenRelease { name: name.to_owned(), diagnostics: wrong, remote });
        }
        Err(broken) => {
            broken.diagnostics.extend(wrong);
            broken.diagnostics = Diagnostics::sorted(std::mem::take(&mut broken.diagnostics)).0;
        }
    }
}

/// Releases that Helm could not tell apart: the same name in the same namespace. All of them are broken, as nobody can say
/// which one is meant.
fn twins(
    releases: &BTreeMap<String, Result<Release, BrokenRelease>>,
    named_at: &BTreeMap<String, Place>,
) -> Vec<(String, Vec<Diagnostic>)> {
    let mut by_identity: BTreeMap<(&str, &str), Vec<&Release>> = BTreeMap::new();
    for release in releases.values().flatten() {
        by_identity.entry((&release.namespace, &release.release_name)).or_default().push(release);
    }
    let mut wrong = Vec::new();
    for ((namespace, helm_name), same) in by_identity.into_iter().filter(|(_, same)| same.len() > 1) {
        for release in &same {
            let others: Vec<&str> = same.iter().map(|r| r.name.as_str()).filter(|n| *n != release.name).collect();
            let message = format!(
                "`{}` would be installed as `{helm_name}` in namespace `{namespace}`, as `{}` is",
                release.name,
                others.join("`, `")
            );
            let error = match named_at.get(&release.name) {
                Some(place) => place.error(message),
                None => Diagnostic::new(
                    release.files.iter().find(|f| f.ends_with(RELEASE)).cloned().unwrap_or_default(),
                    message,
                ),
            };
            wrong.push((release.name.clone(), vec![error.hint("give each its own `releaseName` or `namespace`")]));
        }
    }
    wrong
}
