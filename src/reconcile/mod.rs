//! One pass over one environment: read, render, observe, plan, and (when asked) apply. Composes every step; called by the
//! daemon's workers and by the commands. A release that fails at any step is alone with it.

mod admission;
mod approval;
mod autoscalers;
mod charts;
mod compare;
mod deletions;
mod desired;
mod differences;
mod execute;
mod foresee;
mod lifecycle;
mod lineage;
mod lint;
mod lint_chart;
mod lint_references;
mod look;
mod lookups;
mod made;
mod needs;
mod neighbours;
mod observe;
mod order;
mod outcome;
mod pass;
mod ready;
mod renders;
mod rerenders;
mod source;
mod statuses;
mod steps;
mod testing;
mod verdicts;
mod view;
mod why;

pub use approval::{Approved, Pending};
pub use charts::Charts;
pub use desired::{
    Ambience, DesiredEnvironment, DesiredRelease, Rendered, layered_values, load_chart, read_environment,
};
pub use differences::{Difference, differences};
pub use lifecycle::Asked;
pub use lint::{Finding, Lint, Severity, Subject, counts, lint};
pub use look::Look;
pub use lookups::Lookups;
pub use outcome::{Event, ReleaseOutcome};
pub use pass::{PassError, PassOptions, PassReport, Reconciler};
pub use renders::RenderCache;
pub use source::{Source, WORKING_FOLDER};
pub use testing::{TestResult, TestRun, test_release};
pub use verdicts::Averted;
pub use view::LiveView;
