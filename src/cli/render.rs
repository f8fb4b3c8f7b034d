//! `evenkeel render`: the manifests of an environment or a release as they would be applied, secret values masked.

use super::args::{RenderArgs, Target};
use super::console::{Console, errors_json};
use super::error::CliError;
use super::{Outcome, source};
use crate::manifest::masked;
use crate::reconcile::{Ambience, RenderCache, read_environment};
use crate::yaml;

pub(super) fn run(args: &RenderArgs, console: &Console) -> Outcome {
    let mut target = Target::parse(&args.target);
    let opened = source::open(&args.source)?;
    let root = args.source.path.trim_matches('/');
    let environment = source::environment(&opened, &args.source, &target)?;
    source::limit(&mut target, &environment, &args.groups)?;
    let desired =
        read_environment(&opened, root, &target.environment, &Ambience::default(), &mut RenderCache::default())?;
    let mut problems = Vec::new();
    let mut objects = Vec::new();
    for release in desired.releases.iter().filter(|r| target.includes(&r.name)) {
        match &release.rendered {
            Ok(rendered) => objects.extend(rendered.objects.iter().map(|o| (release, masked(o)))),
            Err(errors) => {
                problems.extend(
                    errors.iter().map(|e| CliError::user(format!("{}/{}: {e}", target.environment, release.name))),
                );
            }
        }
    }
    if console.json() {
        let list: Vec<_> = objects
            .iter()
            .map(|(release, object)| serde_json::json!({"release": release.name, "object": object.value()}))
            .collect();
        console.value(&serde_json::json!({
            "environment": target.environment, "objects": list, "errors": errors_json(&problems),
        }));
    } else {
        let mut text = String::new();
        for (release, object) in &objects {
            text.push_str(&format!("---\n# Release: {}\n{}", release.name, yaml::emit(object.value())));
        }
        console.text(&text);
    }
    Ok(console.finish(&problems, 0))
}
