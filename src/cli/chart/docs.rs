//! `evenkeel chart docs`: the table of a chart's values in its README, made from the comments in `values.yaml`.
#![expect(
    clippy::disallowed_methods,
    reason = "the folders of charts are named on the command line and read and written here"
)]

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Refused;
use crate::cli::files::go_error;
use crate::values::table;

/// Between these lines of the README stands the table.
const BEGIN: &str = "<!-- values -->";
const END: &str = "<!-- /values -->";

/// Arguments of `chart docs`.
#[derive(Debug, Args)]
pub struct DocsArgs {
    /// The charts' folders (default: the current folder).
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write nothing: name each README whose table is not what values.yaml says, and each value without a description, and fail.
    #[arg(long)]
    pub check: bool,
    /// Print the tables instead.
    #[arg(long, conflicts_with = "check")]
    pub print: bool,
}

pub(super) fn run(args: &DocsArgs, out: &mut dyn Write) -> Result<(), Refused> {
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let mut wrong = 0;
    for path in paths {
        let values = path.join("values.yaml");
        let text = read(&values)?;
        let rows = table::rows(&values.display().to_string(), &text).map_err(|error| Refused(error.to_string()))?;
        let made = table::markdown(&rows);
        if args.print {
            out.write_all(made.as_bytes())?;
            continue;
        }
        let readme = path.join("README.md");
        let old = read(&readme)?;
        let new = replaced(&old, &made).ok_or_else(|| {
            Refused(format!("{}: no lines `{BEGIN}` and `{END}`: the table stands between them", readme.display()))
        })?;
        if args.check {
            for row in rows.iter().filter(|row| row.description.is_empty()) {
                writeln!(out, "{}:{}: {} has no description", values.display(), row.line, row.key)?;
                wrong += 1;
            }
            if new != old {
                writeln!(out, "{}: the table of values is not what {} says", readme.display(), values.display())?;
                wrong += 1;
            }
        } else if new != old {
            std::fs::write(&readme, new)
                .map_err(|error| Refused(go_error("open", &readme.display().to_string(), &error)))?;
            writeln!(out, "{}: {} values", readme.display(), rows.len())?;
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Refused("1 thing to mend; `evenkeel chart docs` writes the tables".to_owned())),
        _ => Err(Refused(format!("{wrong} things to mend; `evenkeel chart docs` writes the tables"))),
    }
}

fn read(path: &Path) -> Result<String, Refused> {
    std::fs::read_to_string(path).map_err(|error| Refused(go_error("open", &path.display().to_string(), &error)))
}

/// The README with another table; `None` when it has no place for one.
fn replaced(readme: &str, table: &str) -> Option<String> {
    let line = |wanted: &str, from: usize| {
        let mut at = from;
        readme[from..].split_inclusive('\n').find_map(|line| {
            let start = at;
            at += line.len();
            (line.trim_end() == wanted).then_some((start, at))
        })
    };
    let (_, begin) = line(BEGIN, 0)?;
    let (end, _) = line(END, begin)?;
    Some(format!("{}\n{table}\n{}", &readme[..begin], &readme[end..]))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn the_table_stands_between_its_marks() {
        let readme = "# x\n\n<!-- values -->\nold\n<!-- /values -->\n\nmore\n";
        let new = replaced(readme, "| new |\n").unwrap();
        assert_eq!(new, "# x\n\n<!-- values -->\n\n| new |\n\n<!-- /values -->\n\nmore\n");
        assert_eq!(replaced(&new, "| new |\n").unwrap(), new, "a second time changes nothing");
    }

    #[test]
    fn a_readme_without_marks_is_left_alone() {
        assert_eq!(replaced("# x\n", ""), None);
        assert_eq!(replaced("<!-- /values -->\n<!-- values -->\n", ""), None);
    }
}
