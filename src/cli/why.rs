//! `evenkeel why`: what state a release is in, and what would unblock it, looked up now.

use jiff::Timestamp;

use super::args::{Target, WhyArgs};
use super::console::Console;
use super::error::CliError;
use super::{Outcome, source};
use crate::reconcile::Reconciler;
use crate::report::why_text;

pub(super) async fn run(args: WhyArgs, console: &Console) -> Outcome {
    let target = Target::parse(&args.target);
    let Some(release) = &target.release else {
        let error = CliError::user(format!("`{}` names no release", args.target));
        return Err(error.hint(format!("write {}/RELEASE", target.environment)));
    };
    let opened = source::open(&args.source)?;
    let environment = source::environment(&opened, &args.source, &Target { release: None, ..target.clone() })?;
    source::deployable(&environment)?;
    let cluster = source::connect(&args.cluster, &environment.cluster).await?;
    let mut reconciler = Reconciler::new(cluster, &target.environment, args.source.path.trim_matches('/'), None);
    let Some(why) = reconciler.why(&opened, release).await? else {
        // Neither Git nor the cluster knows it: the message with the nearest name is the one that Git's gives.
        source::environment(&opened, &args.source, &target)?;
        return Err(CliError::user(format!("environment `{}` has no release `{release}`", target.environment)));
    };
    if console.json() {
        console.value(&serde_json::to_value(&why).unwrap_or_default());
    } else {
        console.text(&why_text(&why, &|time| ago(time, Timestamp::now())));
    }
    Ok(0)
}

/// How long ago a time is, in its two largest units.
fn ago(time: &str, now: Timestamp) -> Option<String> {
    let seconds = u64::try_from(now.as_second() - time.parse::<Timestamp>().ok()?.as_second()).ok()?;
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let (index, (size, unit)) =
        units.into_iter().enumerate().find(|(_, (size, _))| seconds >= *size).unwrap_or((3, units[3]));
    let rest = units.get(index + 1).map(|(smaller, name)| (seconds % size / smaller, name));
    let rest = rest.filter(|(count, _)| *count > 0).map(|(count, name)| format!(" {count}{name}")).unwrap_or_default();
    Some(format!("{}{unit}{rest}", seconds / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_two_units() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let of = |time: &str| ago(time, now);
        assert_eq!(of("2026-01-01T23:59:58Z").as_deref(), Some("2s"));
        assert_eq!(of("2026-01-01T23:47:56Z").as_deref(), Some("12m 4s"));
        assert_eq!(of("2025-12-30T22:00:00Z").as_deref(), Some("2d 2h"));
        assert_eq!(of("2026-01-02T00:00:00Z").as_deref(), Some("0s"));
        assert_eq!(of("2026-01-02T00:00:09Z"), None, "a clock that is ahead");
        assert_eq!(of("yesterday"), None);
    }
}
