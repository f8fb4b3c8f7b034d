//! `evenkeel drift`: what others changed in the cluster.

use std::fmt::Write as _;

use super::args::{LiveArgs, Target};
use super::console::{Console, errors_json};
use super::{Outcome, apply, source};
use crate::drift::{ObjectDrift, State, UNKNOWN_MANAGER, short};
use crate::reconcile::Reconciler;
use crate::report::{BAD, DIM, NAME, WARN, paint};

pub(super) async fn run(args: LiveArgs, console: &Console) -> Outcome {
    let mut target = Target::parse(&args.target);
    let opened = source::open(&args.source)?;
    let environment = source::environment(&opened, &args.source, &target)?;
    source::deployable(&environment)?;
    source::limit(&mut target, &environment, &args.groups)?;
    let cluster = source::connect(&args.cluster, &environment.cluster).await?;
    let mut reconciler = Reconciler::new(cluster, &target.environment, args.source.path.trim_matches('/'), None);
    let look = apply::planned(&mut reconciler, &opened, &target).await?;
    let problems = apply::problems(&look, &target);
    if console.json() {
        console.value(&serde_json::json!({
            "environment": target.environment, "revision": opened.revision, "objects": look.drift,
            "errors": errors_json(&problems),
        }));
    } else {
        console.text(&text(&look.drift));
    }
    Ok(console.finish(&problems, u8::from(!look.drift.is_empty())))
}

fn text(objects: &[ObjectDrift]) -> String {
    let mut text = String::new();
    for object in objects {
        let style = if object.state == State::Missing { BAD } else { WARN };
        let _ = writeln!(
            text,
            "{} {} {}",
            paint(style, object.state.as_str()),
            paint(NAME, object.id().display()),
            paint(DIM, format!("(release {})", object.release))
        );
        for field in &object.fields {
            let through = if field.subresource.is_empty() { String::new() } else { format!("/{}", field.subresource) };
            let who = if field.manager == UNKNOWN_MANAGER {
                "nobody has it now".to_owned()
            } else {
                let time = field.time.map(|t| t.to_string()).unwrap_or_default();
                let how = field.operation.map(|o| format!("{o:?}")).unwrap_or_default();
                format!("{} {how}{through} {time}", field.manager)
            };
            let _ = writeln!(
                text,
                "    {}  {} → {}  {}",
                field.path,
                short(field.desired.as_ref()),
                short(field.live.as_ref()),
                paint(DIM, who.trim_end())
            );
        }
    }
    text
}
