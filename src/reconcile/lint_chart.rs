//! What `helm lint` says of a chart in the repository, with a release's values: as diagnostics at the chart's files. What a render says
//! anyway (templates, schemas) is left to it.

use crate::diagnostic::Diagnostic;
use crate::render::{ChartFolder, CompiledChart, LintSeverity, RenderOptions, lint_chart};
use crate::tree::{Tree, join};

/// What is wrong with the chart in `folder`, with how much it weighs for helm. Recommendations that only matter to who publishes a
/// chart (an icon) are left out. With `strict`, what a chart should hold for who uses it is asked for, too.
pub(super) fn messages(
    tree: &dyn Tree,
    folder: &str,
    chart: &CompiledChart,
    user: &serde_json::Map<String, serde_json::Value>,
    options: &RenderOptions,
    strict: bool,
) -> Vec<(LintSeverity, Diagnostic)> {
    let text = |name: &str| {
        let bytes = tree.read(&join(folder, name)).ok().flatten()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (metadata, values) = (text("Chart.yaml").unwrap_or_default(), text("values.yaml"));
    let looked = ChartFolder {
        // helm compares the chart's name with the folder's.
        path: folder,
        metadata: &metadata,
        values: values.as_deref(),
        templates_is_file: text("templates").is_some(),
        chart: Ok(chart),
    };
    let said = lint_chart(&looked, user, options, None).into_iter();
    let said = said
        .filter(|message| message.message != "icon is recommended")
        .map(|message| (message.severity, Diagnostic::new(join(folder, &message.path), message.message)));
    let wanted = ["README.md", "values.yaml", "values.schema.json", ".helmignore", "templates/NOTES.txt"];
    let missing = wanted.iter().filter(|file| strict && text(file).is_none());
    let missing =
        missing.map(|file| (LintSeverity::Warning, Diagnostic::new(folder, format!("the chart has no {file}"))));
    said.chain(missing).collect()
}
