//! Small charts, one folder for each feature and each family of functions, held against helm's bytes: recorded ones
//! (`tests/charts/record.sh`), and where helm is installed its own at this moment.
//!
//! ```text
//! tests/charts/FEATURE/
//!   cases.txt             one case a line: its name, then the arguments of `helm template`, run in FEATURE's folder
//!                         (words are split as xargs does: 'quoted', "quoted", \escaped; # starts a comment line)
//!   chart/                the chart, and whatever else the arguments name beside it
//!   chart/errors.txt      optional: expressions that fail, one a line; the chart runs line N where `.Values.error` is N
//!   golden/CASE.yaml      helm's standard output, or
//!   golden/CASE.err       the first line of helm's error; all of it when values do not fit a schema
//!   golden/CASE.warn      what helm warned of on standard error, where it did
//!   @OUT@                 in the arguments stands for an empty folder; behind the output stands what is in it afterwards, by path.
//!                         A case whose name ends in -twice is run again into the same folder
//!   --debug               what an error left on standard output stands before its line; debug lines are not compared
//!   golden/errors.txt     the first line of helm's error for each line of errors.txt
//! ```

mod functions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use crate::harness::requirement::named;
use crate::harness::{Evenkeel, helm, project};
use crate::require;

/// The file of expressions that fail.
const ERRORS: &str = "errors.txt";
/// Stands in arguments for an empty folder, and in what is said for its path.
const OUT: &str = "@OUT@";

/// A line of a feature's `cases.txt`, or of its chart's `errors.txt`.
struct Case {
    feature: String,
    /// The name of its golden file, or of a line in it.
    golden: Golden,
    args: Vec<String>,
}

enum Golden {
    /// `golden/NAME.yaml` or `golden/NAME.err`.
    File(String),
    /// A line of `golden/errors.txt`, from 0.
    Line(usize),
}

/// What a render gave: standard output, or the first line of the error; and the warnings before it.
#[derive(Clone, PartialEq)]
struct Answer {
    said: Result<String, String>,
    warnings: String,
}

fn folder(feature: &str) -> PathBuf {
    project().join("tests/charts").join(feature)
}

/// Every case, in the order of features and lines.
fn cases() -> Vec<Case> {
    let mut features: Vec<String> = fs::read_dir(folder("")).unwrap().map(|e| name(&e.unwrap().path())).collect();
    features.retain(|feature| folder(feature).join("cases.txt").is_file());
    features.sort();
    let mut cases = Vec::new();
    for feature in features {
        for line in fs::read_to_string(folder(&feature).join("cases.txt")).unwrap().lines() {
            let mut words = words(line);
            if words.is_empty() || line.starts_with('#') {
                continue;
            }
            let golden = Golden::File(words.remove(0));
            cases.push(Case { feature: feature.clone(), golden, args: words });
        }
        for number in 0..lines(&folder(&feature).join("chart").join(ERRORS)).len() {
            let args = ["x".to_owned(), "chart".to_owned(), "--set".to_owned(), format!("error={number}")];
            cases.push(Case { feature: feature.clone(), golden: Golden::Line(number), args: args.to_vec() });
        }
    }
    assert!(!cases.is_empty(), "tests/charts has no case");
    cases
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The words of a line: blanks part them, except in quotes and behind a backslash outside of quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "a quote is left open: {line}");
    words.extend(word);
    words
}

impl Case {
    fn shown(&self) -> String {
        let which = match &self.golden {
            Golden::File(name) => name.clone(),
            Golden::Line(number) => {
                let line = &lines(&folder(&self.feature).join("chart").join(ERRORS))[*number];
                format!("{ERRORS}:{}: {line}", number + 1)
            }
        };
        format!("{}: {which} ({})", self.feature, self.args.join(" "))
    }

    fn golden_file(&self, extension: &str) -> PathBuf {
        let file = match &self.golden {
            Golden::File(name) => format!("{name}.{extension}"),
            Golden::Line(_) => ERRORS.to_owned(),
        };
        folder(&self.feature).join("golden").join(file)
    }

    fn recorded(&self) -> Option<Answer> {
        let said = match self.golden {
            Golden::File(_) => match fs::read_to_string(self.golden_file("yaml")) {
                Ok(text) => Ok(text),
                Err(_) => Err(fs::read_to_string(self.golden_file("err")).ok()?.trim_end().to_owned()),
            },
            Golden::Line(number) => Err(lines(&self.golden_file("")).get(number).cloned()?),
        };
        let warnings = match self.golden {
            Golden::File(_) => fs::read_to_string(self.golden_file("warn")).unwrap_or_default(),
            Golden::Line(_) => String::new(),
        };
        Some(Answer { said, warnings })
    }

    fn ours(&self) -> Answer {
        self.asked(|args| {
            let output = Evenkeel::new(["template"]).args(args).folder(&folder(&self.feature)).run();
            (output.status.success(), output.stdout, output.stderr)
        })
    }

    fn helms(&self, helm: &Path, home: &Path) -> Answer {
        self.asked(|args| {
            let output = Command::new(helm)
                .arg("template")
                .args(args)
                .current_dir(folder(&self.feature))
                .env_clear()
                .env("HOME", home)
                .env("TZ", "UTC")
                .env("PATH", "/usr/local/bin:/usr/bin:/bin")
                .output()
                .unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            (output.status.success(), text(output.stdout), text(output.stderr))
        })
    }

    fn asked(&self, ask: impl Fn(&[String]) -> (bool, String, String)) -> Answer {
        let out = tempfile::tempdir().unwrap();
        let shown = out.path().to_str().unwrap();
        let args: Vec<String> = self.args.iter().map(|word| word.replace(OUT, shown)).collect();
        let (mut success, mut stdout, mut stderr) = ask(&args);
        if matches!(&self.golden, Golden::File(name) if name.ends_with("-twice")) {
            (success, stdout, stderr) = ask(&args);
        }
        if args != self.args {
            stdout.push_str(&held(out.path()));
        }
        let debug = args.iter().any(|word| word == "--debug");
        let mut answer = answer(success, &stdout, &stderr, debug || args != self.args);
        // Helm's lines about itself: evenkeel has none.
        answer.warnings = answer.warnings.split_inclusive('\n').filter(|line| !(debug && is_debug(line))).collect();
        let hidden = |text: String| text.replace(shown, OUT);
        answer.said = answer.said.map(hidden).map_err(hidden);
        answer
    }
}

/// Whether helm printed a line, or ended one, because of `--debug`.
fn is_debug(line: &str) -> bool {
    line == "\n" || line.contains(" [debug] ")
}

/// The files below a folder, each behind its path.
fn held(folder: &Path) -> String {
    let mut files: Vec<PathBuf> = walkdir(folder);
    files.sort();
    files.iter().map(|file| format!("==> {}\n{}", file.display(), fs::read_to_string(file).unwrap())).collect()
}

fn walkdir(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walkdir(&path) } else { vec![path] }).collect()
}

fn answer(success: bool, stdout: &str, stderr: &str, whole: bool) -> Answer {
    // Warnings may stand before it.
    let at = if success { stderr.len() } else { stderr.find("Error: ").unwrap_or(0) };
    // Helm names the folder that it stands in.
    let here = format!("{}/", project().join("tests/charts").display());
    let warnings = stderr[..at].replace(&here, "");
    let error = &stderr[at..];
    let schema = error.starts_with("Error: values don't meet the specifications of the schema(s)");
    let text = if schema { error.split("\n\n").next() } else { error.lines().next() };
    let line = text.unwrap_or_default().trim_end().replace(&here, "");
    let said = match (success, whole) {
        (true, _) => Ok(stdout.to_owned()),
        (false, true) => Err(format!("{stdout}{line}")),
        (false, false) => Err(line),
    };
    Answer { said, warnings }
}

/// What `ask` answers to every case, asked on as many threads as there are cores.
fn all(cases: &[Case], ask: impl Fn(&Case) -> Answer + Sync) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, Into::into) {
            scope.spawn(|| {
                while let Some((index, case)) =
                    { Some(next.fetch_add(1, Ordering::Relaxed)) }.and_then(|index| Some((index, cases.get(index)?)))
                {
                    let answer = ask(case);
                    answers.lock().unwrap().insert(index, answer);
                }
            });
        }
    });
    answers.into_inner().unwrap().into_values().collect()
}

/// Fails with every case that differs, up to a few, as a text that shows where.
fn compare(cases: &[Case], answers: &[Answer], who: &str) {
    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(answers) {
        match case.recorded() {
            None => wrong.push(format!("{}: nothing is recorded (tests/charts/record.sh)", case.shown())),
            Some(golden) if golden.said != answer.said => {
                wrong.push(format!("{}\n{}", case.shown(), difference(&golden.said, &answer.said, who)));
            }
            Some(golden) if golden.warnings != answer.warnings => {
                let difference = difference(&Ok(golden.warnings), &Ok(answer.warnings.clone()), who);
                wrong.push(format!("{}: warnings\n{difference}", case.shown()));
            }
            Some(_) => {}
        }
    }
    let shown = wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} cases differ\n{shown}", wrong.len(), cases.len());
}

fn difference(golden: &Result<String, String>, answer: &Result<String, String>, who: &str) -> String {
    match (golden, answer) {
        (Ok(golden), Ok(answer)) => similar::TextDiff::from_lines(golden.as_str(), answer.as_str())
            .unified_diff()
            .context_radius(2)
            .header("recorded", who)
            .to_string(),
        (golden, answer) => format!("  recorded: {golden:?}\n  {who}: {answer:?}"),
    }
}

/// What helm answers to every case; asked once for all tests.
static HELMS: LazyLock<Option<Vec<Answer>>> = LazyLock::new(|| {
    let helm = helm().ok()?;
    let home = tempfile::tempdir().unwrap();
    Some(all(&cases(), |case| case.helms(&helm, home.path())))
});

#[test]
fn charts_render_as_recorded() {
    let cases = cases();
    compare(&cases, &all(&cases, Case::ours), "evenkeel");
}

/// With `EVENKEEL_RECORD=1` it records instead.
#[test]
fn charts_are_recorded_as_helm_renders_them() {
    require!(helm());
    let (cases, answers) = (cases(), HELMS.as_ref().unwrap());
    if named("EVENKEEL_RECORD").is_some() {
        record(&cases, answers);
    }
    compare(&cases, answers, "helm");
}

fn record(cases: &[Case], answers: &[Answer]) {
    let mut errors: BTreeMap<PathBuf, String> = BTreeMap::new();
    for feature in cases.iter().map(|case| &case.feature) {
        let golden = folder(feature).join("golden");
        fs::create_dir_all(&golden).unwrap();
    }
    for (case, answer) in cases.iter().zip(answers) {
        if let Golden::Line(_) = case.golden {
            let line = answer.said.as_ref().expect_err(&case.shown());
            errors.entry(case.golden_file("")).or_default().push_str(&format!("{line}\n"));
            continue;
        }
        let (kept, text, gone) = match &answer.said {
            Ok(text) => ("yaml", text.clone(), "err"),
            Err(line) => ("err", format!("{line}\n"), "yaml"),
        };
        fs::write(case.golden_file(kept), text).unwrap();
        let _ = fs::remove_file(case.golden_file(gone));
        if answer.warnings.is_empty() {
            let _ = fs::remove_file(case.golden_file("warn"));
        } else {
            fs::write(case.golden_file("warn"), &answer.warnings).unwrap();
        }
    }
    for (file, text) in errors {
        fs::write(file, text).unwrap();
    }
}

/// A record of a case that is no more would never be looked at.
#[test]
fn no_record_is_left_over() {
    let wanted: Vec<PathBuf> =
        cases().iter().flat_map(|case| ["yaml", "err", "warn"].map(|extension| case.golden_file(extension))).collect();
    for feature in fs::read_dir(folder("")).unwrap() {
        for file in fs::read_dir(feature.unwrap().path().join("golden")).into_iter().flatten() {
            let path = file.unwrap().path();
            assert!(wanted.contains(&path), "{} belongs to no case", path.display());
        }
    }
}
