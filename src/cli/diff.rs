//! stub
use super::{Outcome, console::Console};
pub(super) async fn run<T>(_args: T, _console: &Console) -> Outcome {
    Ok(0)
}
