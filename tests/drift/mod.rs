//! Drift as the daemon tells it: a table of kinds and changes, rules of what is let be, and quiet while controllers work. On the
//! real control plane, and on the sandbox by the same code.

mod admission;
mod rules;
mod soak;
mod support;
mod table;

/// Every scenario on both.
macro_rules! scenarios {
    ($($module:ident::$name:ident),+ $(,)?) => {
        mod on_real {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let plane = crate::require!(crate::harness::ControlPlane::shared());
                super::$module::$name(plane.kubeconfig()).await;
            })+
        }
        mod on_sandbox {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let sandbox = crate::cluster::Sandbox::start().await;
                super::$module::$name(sandbox.kubeconfig.path()).await;
            })+
        }
    };
}

scenarios!(
    table::every_change_of_every_kind_is_told_and_put_right,
    rules::what_is_let_be_acts_alike_in_diff_and_apply,
    rules::strict_tells_what_others_added_and_takes_nothing_away,
    rules::replicas_come_back_when_their_autoscaler_goes,
    rules::a_field_that_was_put_back_is_watched_still,
);

/// The sandbox calls no webhooks.
#[tokio::test(flavor = "multi_thread")]
async fn what_admission_makes_of_an_object_is_no_difference() {
    let plane = crate::require!(crate::harness::ControlPlane::shared());
    admission::what_admission_makes_of_an_object_is_no_difference(plane.kubeconfig()).await;
}

/// Without controllers there is nothing to be quiet about: the real control plane alone.
#[tokio::test(flavor = "multi_thread")]
async fn controllers_autoscalers_and_restarts_are_no_drift() {
    let plane = crate::require!(crate::harness::ControlPlane::shared());
    soak::controllers_autoscalers_and_restarts_are_no_drift(plane.kubeconfig()).await;
}
