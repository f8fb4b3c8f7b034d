//! The grammar of expressions: every function that helm registers, with arguments of the kinds that it wants, and now and then
//! of one that it does not.

use std::collections::BTreeMap;

use super::random::Random;

const FUNCTIONS: &str = include_str!("functions.txt");
const EXPRESSIONS: &str = include_str!("expressions.txt");

/// Functions and expressions by their kinds.
pub(super) struct Grammar {
    functions: Vec<Function>,
    expressions: BTreeMap<&'static str, Vec<String>>,
}

struct Function {
    name: &'static str,
    arguments: Vec<&'static str>,
    result: &'static str,
}

/// What an expression can see.
#[derive(Clone, Default)]
pub(super) struct Scope {
    /// Variables in scope, with `$`.
    pub(super) variables: Vec<String>,
    /// `.Values` is there as `.`; else only as `$`.
    pub(super) root: bool,
    /// Names below `.Values` that hold odd YAML.
    pub(super) odd: Vec<String>,
}

impl Grammar {
    pub(super) fn new() -> Self {
        let line = |line: &'static str| {
            let (head, result) = line.split_once(" = ").unwrap();
            let mut words = head.split(' ');
            Function { name: words.next().unwrap(), arguments: words.collect(), result }
        };
        let functions = FUNCTIONS.lines().filter(|text| !text.starts_with('#')).map(line).collect();
        Self { functions, expressions: sections(EXPRESSIONS) }
    }

    /// Every function's name.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.functions.iter().map(|function| function.name)
    }

    /// An expression as an operand: a literal, a field, or a call in parentheses.
    pub(super) fn operand(&self, random: &mut Random, scope: &Scope, wanted: &str, depth: usize) -> String {
        let wanted = if random.percent(4) {
            random.of_list(&["text", "int", "num", "bool", "list", "map", "object", "nil", "any", "method", "odd"])
        } else {
            wanted
        };
        if depth > 0 && random.percent(45) {
            let fits = |function: &&Function| match wanted {
                "any" | "odd" => true,
                "small" => function.result == "int",
                "numeral" | "key" | "cut" => function.result == "text" && function.arguments.len() < 3,
                _ => function.result == wanted,
            };
            let candidates: Vec<&Function> = self.functions.iter().filter(fits).collect();
            if !candidates.is_empty() {
                let function = candidates[random.below(candidates.len())];
                let call = self.call_of(random, scope, function, depth - 1);
                return format!("({call})");
            }
        }
        let leaf = self.leaf(random, scope, wanted);
        if scope.root { leaf } else { rooted(&leaf) }
    }

    /// A whole pipeline.
    pub(super) fn pipeline(&self, random: &mut Random, scope: &Scope, wanted: &str, depth: usize) -> String {
        if random.percent(25) {
            return self.operand(random, scope, wanted, depth);
        }
        let fits = |function: &&Function| wanted == "any" || function.result == wanted;
        let candidates: Vec<&Function> = self.functions.iter().filter(fits).collect();
        if candidates.is_empty() {
            return self.operand(random, scope, wanted, depth);
        }
        {
            let chosen = candidates[random.below(candidates.len())];
            self.call_of(random, scope, chosen, depth)
        }
    }

    fn call_of(&self, random: &mut Random, scope: &Scope, function: &Function, depth: usize) -> String {
        let mut arguments: Vec<String> = Vec::new();
        for argument in &function.arguments {
            let (kind, count) = match (argument.strip_suffix('*'), argument.strip_suffix('?')) {
                (Some(kind), _) => (kind, random.below(4)),
                (_, Some(kind)) => (kind, random.below(2)),
                _ => (*argument, 1),
            };
            for _ in 0..count {
                if kind == "pair" {
                    arguments.push(self.operand(random, scope, "key", 0));
                    arguments.push(self.operand(random, scope, "any", depth));
                } else {
                    arguments.push(self.operand(random, scope, kind, depth));
                }
            }
        }
        if random.percent(1) {
            arguments.pop();
        } else if random.percent(1) {
            arguments.push(self.operand(random, scope, "any", 0));
        }
        let piped = (!arguments.is_empty() && random.percent(30)).then(|| arguments.pop()).flatten();
        let mut call = function.name.to_owned();
        for argument in &arguments {
            call.push(' ');
            call.push_str(argument);
        }
        if let Some(piped) = piped {
            let inner = piped.strip_prefix('(').and_then(|text| text.strip_suffix(')')).filter(|text| balanced(text));
            call = format!("{} | {call}", inner.unwrap_or(&piped));
        }
        // Go gives these in any order.
        if function.result == "unsorted" { format!("{call} | sortAlpha") } else { call }
    }

    /// Something of a kind that contains no call.
    pub(super) fn leaf(&self, random: &mut Random, scope: &Scope, wanted: &str) -> String {
        let kind = match self.expressions.get_key_value(wanted) {
            Some((kind, _)) => kind,
            None if !scope.odd.is_empty() && random.percent(25) => {
                return format!(".Values.{}", scope.odd[random.below(scope.odd.len())]);
            }
            None if !scope.variables.is_empty() && random.percent(20) => {
                return scope.variables[random.below(scope.variables.len())].clone();
            }
            None if random.percent(3) => "shape",
            None => random.of_list(&[
                "text", "text", "int", "num", "num", "bool", "list", "map", "object", "nil", "method", "date",
            ]),
        };
        let list = &self.expressions[kind];
        list[random.below(list.len())].clone()
    }
}

/// Lists by the names of their sections.
pub(super) fn sections(text: &'static str) -> BTreeMap<&'static str, Vec<String>> {
    let signs = [
        ('⏎', "\n"),
        ('⇥', "\t"),
        ('␍', "\r"),
        ('␀', "\0"),
        ('␁', "\u{1}"),
        ('␄', "\u{feff}"),
        ('␨', "\u{2028}"),
        ('␅', "\u{85}"),
        ('␠', "\u{a0}"),
    ];
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut name = "";
    for line in text.lines().skip(1) {
        match line.strip_prefix('@') {
            Some(next) if next.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) && !next.is_empty() => {
                name = next;
            }
            _ => sections
                .entry(name)
                .or_default()
                .push(signs.iter().fold(line.to_owned(), |text, (sign, meant)| text.replace(*sign, meant))),
        }
    }
    sections
}

/// Whether the parentheses of a text that lost its outer ones still match.
fn balanced(text: &str) -> bool {
    let (mut depth, mut quote) = (0i32, None);
    let mut escaped = false;
    for c in text.chars() {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), c) if c == open && !escaped => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        escaped = false;
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && quote.is_none()
}

/// Where `.` is something else, the root's fields are reached through `$`.
fn rooted(leaf: &str) -> String {
    let mut out = String::with_capacity(leaf.len() + 4);
    let mut before = ' ';
    for (at, c) in leaf.char_indices() {
        let field =
            c == '.' && matches!(before, ' ' | '(') && leaf[at + 1..].starts_with(|c: char| c.is_ascii_uppercase());
        if field {
            out.push('$');
        }
        out.push(c);
        before = c;
    }
    out
}
