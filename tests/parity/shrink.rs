//! A failing case becomes a small one: files, lines and words are taken out as long as it still fails.

use super::case::Case;

/// Tries that one shrinking may take.
const TRIES: usize = 500;

/// The smallest case found for which `fails` holds.
pub(super) fn shrink(case: &Case, fails: &mut dyn FnMut(&Case) -> bool) -> Case {
    let mut shrinking = Shrinking { best: case.clone(), fails, tries: 0 };
    loop {
        let before = shrinking.best.clone();
        for path in before.files.keys().filter(|path| *path != "Chart.yaml") {
            shrinking.attempt(|case| drop(case.files.remove(path)));
        }
        for index in (0..before.values.len()).rev() {
            shrinking.attempt(|case| drop(case.values.remove(index)));
        }
        for index in (0..before.set.len()).rev() {
            shrinking.attempt(|case| drop(case.set.remove(index)));
        }
        let lines: fn(&str) -> Vec<String> = |text| text.split_inclusive('\n').map(str::to_owned).collect();
        for cut in [lines, groups, words] {
            for path in shrinking.best.files.clone().keys().filter(|path| *path != "Chart.yaml") {
                shrinking.text(cut, &|case, text| drop(case.files.insert(path.clone(), text)), &|case| {
                    case.files.get(path).cloned().unwrap_or_default()
                });
            }
            for index in 0..shrinking.best.values.len() {
                shrinking.text(cut, &|case, text| case.values[index] = text, &|case| case.values[index].clone());
            }
        }
        if shrinking.best == before || shrinking.tries > TRIES {
            return shrinking.best;
        }
    }
}

struct Shrinking<'a> {
    best: Case,
    fails: &'a mut dyn FnMut(&Case) -> bool,
    tries: usize,
}

impl Shrinking<'_> {
    fn attempt(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        let mut smaller = self.best.clone();
        change(&mut smaller);
        self.tries += 1;
        if smaller == self.best || self.tries > TRIES || !(self.fails)(&smaller) {
            return false;
        }
        self.best = smaller;
        true
    }

    /// Takes runs of parts out of one text: large runs first.
    fn text(&mut self, cut: fn(&str) -> Vec<String>, put: &dyn Fn(&mut Case, String), get: &dyn Fn(&Case) -> String) {
        let mut parts = cut(&get(&self.best));
        let mut run = parts.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < parts.len() {
                let mut fewer = parts.clone();
                fewer.drain(at..(at + run).min(parts.len()));
                let text = fewer.concat();
                if self.attempt(|case| put(case, text)) {
                    parts = fewer;
                } else {
                    at += run;
                }
            }
            if run == 1 {
                return;
            }
            run = run.div_ceil(2).min(run - 1);
        }
    }
}

/// Words, spaces, quoted texts and single signs.
fn words(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let kind = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            1
        } else if c == ' ' {
            2
        } else {
            0
        }
    };
    let mut before = 0;
    for c in text.chars() {
        let now = kind(c);
        match parts.last_mut() {
            Some(last) if now != 0 && now == before => last.push(c),
            _ => parts.push(c.to_string()),
        }
        before = now;
    }
    parts
}

/// Whole parenthesised or quoted groups, and what stands between them.
fn groups(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0usize;
    let mut quoted = false;
    for c in text.chars() {
        let last = parts.len() - 1;
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => {
                if depth == 0 {
                    parts.push("(".to_owned());
                    depth += 1;
                    continue;
                }
                depth += 1;
            }
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                parts[last].push(')');
                if depth == 0 {
                    parts.push(String::new());
                }
                continue;
            }
            ' ' if depth == 0 && !quoted => {
                parts.push(" ".to_owned());
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts[last].push(c);
    }
    parts.retain(|part| !part.is_empty());
    parts
}
