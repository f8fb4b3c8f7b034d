//! Whole cases: a chart with a subchart, values and files that are always the same, templates and odd values that never are.

use std::fmt::Write;

use super::case::Case;
use super::expressions::{Grammar, Scope};
use super::odd_yaml::OddYaml;
use super::random::Random;

/// The chart's metadata: every field that templates can read.
pub(super) const CHART: &str = "apiVersion: v2
name: c
version: 0.1.0
appVersion: 1.16.0
description: A chart
kubeVersion: '>=1.20.0-0'
keywords: [one, two]
home: https://example.com
sources: [https://example.com/src]
icon: https://example.com/i.png
annotations: {k: v, other: '1'}
maintainers:
- name: Ann
  email: ann@example.com
- name: Bob
  url: https://example.com/bob
dependencies:
- name: sub
  version: 0.2.0
";

/// Values of each type, which the grammar names.
const VALUES: &str = "s: some text
long: a text that is long enough to be folded when it is written as a plain scalar by an emitter at eighty columns
multi: |
  first line
    second line

  last
emptys: \"\"
n: 3
two: 2
zero: 0
f: 1.5
neg: -7
big: 12345678901
t: true
fa: false
nul: null
l: [a, b, c]
ln: [3, 1, 2.5]
lm:
- name: x
  v: 1
- name: y
emptyl: []
m:
  a: 1
  k: v
  nested: {x: y, z: [1, {q: w}]}
emptym: {}
tp: '{{ .Values.s }}-{{ .Release.Name }}'
global: {g: glob}
sub: {x: from parent}
";

/// A case from its number.
pub(super) fn case(grammar: &Grammar, seed: u64, number: u64) -> Case {
    let mut random = Random::of(seed, number);
    let mut writer = Writer { grammar, odd: &OddYaml::new(), random: &mut random, variables: 0 };
    writer.case()
}

/// The files that every case has.
pub(super) fn frame() -> Case {
    let mut case = Case::default();
    for (path, text) in [
        ("Chart.yaml", CHART),
        ("values.yaml", VALUES),
        ("a.txt", "alpha\nbeta\n"),
        ("b.yaml", "key: value\nlist: [1, 2]\n"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 0.2.0\n"),
        ("charts/sub/values.yaml", "x: from sub\ny: 1\n"),
        ("charts/sub/s.txt", "of the subchart"),
        (
            "templates/_t.tpl",
            "{{ define \"t0\" }}t0:{{ . | toString | trunc 20 }}{{ end }}\n{{ define \"t1\" }}{{ $x := 1 }}{{ range $i, $e := list 1 2 }}{{ $x = add $x $e }}{{ end }}{{ $x }}{{ end }}\n{{- define \"t2\" -}}\n{{ with .Values }}{{ .s }}{{ else }}none{{ end }}\n{{- end }}",
        ),
    ] {
        case.files.insert(path.to_owned(), text.to_owned());
    }
    case
}

struct Writer<'a> {
    grammar: &'a Grammar,
    odd: &'a OddYaml,
    random: &'a mut Random,
    /// How many variables were named so far.
    variables: usize,
}

impl Writer<'_> {
    fn case(&mut self) -> Case {
        let mut case = frame();
        let mut odd = Vec::new();
        if self.random.percent(30) {
            let values = case.files.get_mut("values.yaml").unwrap();
            for _ in 0..=self.random.below(2) {
                let name = format!("o{}", odd.len());
                let _ = write!(values, "{name}:{}", self.odd.value(self.random));
                odd.push(name);
            }
        }
        if self.random.percent(8) {
            let mut text = String::new();
            if self.random.percent(40) {
                text = self.odd.file(self.random);
            } else {
                for _ in 0..=self.random.below(2) {
                    let name = format!("o{}", odd.len());
                    let _ = write!(text, "{name}:{}", self.odd.value(self.random));
                    odd.push(name);
                }
            }
            case.values.push(text);
        }
        let scope = Scope { root: true, odd, ..Scope::default() };
        let files = if self.random.percent(15) { 2 } else { 1 };
        for file in 0..files {
            self.variables = 0;
            let mut text = String::new();
            let count = 1 + self.random.below(4);
            self.lines(&mut text, &mut scope.clone(), count, 0, 2);
            let sub = self.random.percent(6);
            let path = if sub { "charts/sub/templates/x.yaml".to_owned() } else { format!("templates/f{file}.yaml") };
            case.files.insert(path, text);
        }
        if !scope.odd.is_empty() && self.random.percent(60) {
            // Odd values are looked at whole, too.
            let mut text = String::new();
            for (index, name) in scope.odd.iter().enumerate() {
                let how = self.random.of_list(&[
                    "toYaml | nindent 2",
                    "toJson",
                    "quote",
                    "printf \"%T %v\" $.Release.Name | quote",
                    "toYaml | quote",
                    "kindOf",
                    "toPrettyJson | quote",
                    "toToml | quote",
                    "toYamlPretty | quote",
                ]);
                let _ = writeln!(text, "v{index}: {{{{ .Values.{name} | {how} }}}}");
            }
            case.files.insert("templates/o.yaml".to_owned(), text);
        }
        case
    }

    fn lines(&mut self, out: &mut String, scope: &mut Scope, count: usize, indent: usize, depth: usize) {
        for _ in 0..count {
            self.line(out, scope, indent, depth);
        }
    }

    /// One statement, on lines of its own: what it prints is a key of a YAML map, most of the time.
    fn line(&mut self, out: &mut String, scope: &mut Scope, indent: usize, depth: usize) {
        let key = format!("k{}", out.len());
        let (open, close) = self.marks();
        match self.random.below(if depth == 0 { 14 } else { 22 }) {
            0..=8 => {
                let printed = self.printed(scope);
                let _ = writeln!(out, "{key}: {printed}");
            }
            9 | 10 => {
                let name = format!("$v{}", self.variables);
                self.variables += 1;
                let value = self.pipeline(scope, "any");
                let _ = writeln!(out, "{{{{- {name} := {value} {close}");
                let _ = writeln!(out, "{key}: {{{{ {name} | quote }}}}");
                scope.variables.push(name);
            }
            11 if !scope.variables.is_empty() => {
                let name = scope.variables[self.random.below(scope.variables.len())].clone();
                let value = self.pipeline(scope, "any");
                let _ = writeln!(out, "{{{{- {name} = {value} }}}}");
            }
            11 | 12 => {
                let change = self.random.of_list(&[
                    "set .Values.m \"added\" VALUE",
                    "unset .Values.m \"a\"",
                    "set .Values \"top\" VALUE",
                    "mergeOverwrite .Values.m MAP",
                    "merge .Values.m MAP",
                    "set .Release \"Name\" VALUE",
                    "set $ \"Extra\" VALUE",
                    "set .Values.m.nested \"x\" VALUE",
                    "unset .Values \"s\"",
                ]);
                let value = self.operand(scope, "any");
                let map = self.operand(scope, "map");
                let change = change.replace(" .Values", " $.Values").replace(" .Release", " $.Release");
                let change = change.replace("VALUE", &value).replace("MAP", &map);
                let _ = writeln!(out, "{{{{- $_ := {change} }}}}\n{key}: {{{{ $.Values.m | toJson }}}}");
            }
            13 => {
                let whole = self.grammar.leaf(self.random, scope, "statement");
                let _ = writeln!(out, "{whole}");
            }
            14 | 15 => {
                let condition = self.pipeline(scope, "any");
                let _ = writeln!(out, "{open} if {condition} {close}");
                self.lines(out, &mut scope.clone(), 1, indent, depth - 1);
                if self.random.percent(25) {
                    let condition = self.pipeline(scope, "bool");
                    let _ = writeln!(out, "{{{{- else if {condition} }}}}");
                    self.lines(out, &mut scope.clone(), 1, indent, depth - 1);
                }
                if self.random.percent(40) {
                    let _ = writeln!(out, "{{{{- else }}}}");
                    self.lines(out, &mut scope.clone(), 1, indent, depth - 1);
                }
                let _ = writeln!(out, "{{{{- end }}}}");
            }
            16..=18 => {
                let wanted = self.random.of_list(&["list", "list", "map", "any", "int", "small"]);
                let over = self.pipeline(scope, wanted);
                let mut inner = Scope { root: false, ..scope.clone() };
                let head = match self.random.below(3) {
                    0 => over,
                    1 => {
                        let name = self.variable(&mut inner);
                        format!("{name} := {over}")
                    }
                    _ => {
                        let (key, value) = (self.variable(&mut inner), self.variable(&mut inner));
                        format!("{key}, {value} := {over}")
                    }
                };
                let _ = writeln!(out, "{open} range {head} }}}}");
                if self.random.percent(40) {
                    let _ = writeln!(out, "# {{{{ . | toString | quote }}}}");
                }
                self.lines(out, &mut inner, 1, indent, depth - 1);
                match self.random.below(10) {
                    0 => {
                        let condition = self.pipeline(&inner, "bool");
                        let _ = writeln!(out, "{{{{- if {condition} }}}}{{{{ break }}}}{{{{ end }}}}");
                    }
                    1 => {
                        let _ = writeln!(out, "{{{{- continue }}}}");
                    }
                    2 => {
                        let _ = writeln!(out, "{{{{- else }}}}");
                        self.lines(out, &mut scope.clone(), 1, indent, depth - 1);
                    }
                    _ => {}
                }
                let _ = writeln!(out, "{{{{- end }}}}");
            }
            19 | 20 => {
                let wanted = self.random.of_list(&["any", "map", "text", "nil"]);
                let over = self.pipeline(scope, wanted);
                let mut inner = Scope { root: false, ..scope.clone() };
                let name = if self.random.percent(30) { self.variable(&mut inner) } else { String::new() };
                let assigned = if name.is_empty() { String::new() } else { format!("{name} := ") };
                let _ = writeln!(out, "{open} with {assigned}{over} }}}}");
                let _ = writeln!(out, "# {{{{ . | toJson }}}}");
                self.lines(out, &mut inner, 1, indent, depth - 1);
                if self.random.percent(30) {
                    let _ = writeln!(out, "{{{{- else }}}}");
                    self.lines(out, &mut scope.clone(), 1, indent, depth - 1);
                }
                let _ = writeln!(out, "{{{{- end }}}}");
            }
            _ => {
                let name = format!("d{}", out.len());
                let _ = writeln!(out, "{{{{- define \"{name}\" }}}}");
                let mut inner = Scope { variables: Vec::new(), root: false, odd: scope.odd.clone() };
                let mut body = String::new();
                self.lines(&mut body, &mut inner, 1, 0, depth - 1);
                let data = self.operand(scope, "any");
                // In a template of its own, `$` is what it is called with.
                let dot = if self.random.percent(70) { "$" } else { &data };
                let call = self.random.of_list(&[
                    "include \"NAME\" DOT | indent 2",
                    "template \"NAME\" DOT",
                    "include \"NAME\" DOT | quote",
                    "include \"NAME\" DOT | fromYaml | toJson",
                ]);
                let call = call.replace("NAME", &name).replace("DOT", dot);
                let _ = writeln!(out, "{body}{{{{- end }}}}\n{key}:\n{{{{ {call} }}}}");
            }
        }
    }

    /// The marks of an action, trimming or not.
    fn marks(&mut self) -> (&'static str, &'static str) {
        let open = if self.random.percent(80) { "{{-" } else { "{{" };
        let close = if self.random.percent(95) { "}}" } else { "-}}" };
        (open, close)
    }

    fn variable(&mut self, scope: &mut Scope) -> String {
        let name = format!("$v{}", self.variables);
        self.variables += 1;
        scope.variables.push(name.clone());
        name
    }

    fn depth(&mut self) -> usize {
        [0, 1, 1, 2, 2, 3][self.random.below(6)]
    }

    fn operand(&mut self, scope: &Scope, wanted: &str) -> String {
        let depth = self.depth();
        self.grammar.operand(self.random, scope, wanted, depth)
    }

    fn pipeline(&mut self, scope: &Scope, wanted: &str) -> String {
        let depth = self.depth();
        self.grammar.pipeline(self.random, scope, wanted, depth)
    }

    /// An expression, printed so that what comes out is YAML in most cases.
    fn printed(&mut self, scope: &Scope) -> String {
        match self.random.below(16) {
            0..=3 => format!("{{{{ {} | quote }}}}", self.pipeline(scope, "any")),
            4 => format!("{{{{ {} | toJson }}}}", self.pipeline(scope, "any")),
            5 => format!("{{{{- {} | toYaml | nindent 2 }}}}", self.pipeline(scope, "any")),
            6 => {
                let value = self.operand(scope, "any");
                format!("{{{{ printf \"%T %v\" {value} {value} | quote }}}}")
            }
            7 => {
                let (format, value) = (self.operand(scope, "format"), self.operand(scope, "any"));
                format!("{{{{ printf {format} {value} | quote }}}}")
            }
            8 => format!("\"{{{{ {} }}}}\"", self.pipeline(scope, "text")),
            9 => format!("{{{{ {} }}}}", self.pipeline(scope, "any")),
            10 => format!("|-\n  {{{{ {} | toString | nindent 2 | trim }}}}", self.pipeline(scope, "any")),
            11 => format!("{{{{ printf \"%#v\" {} | quote }}}}", self.operand(scope, "any")),
            12 => format!("{{{{ tpl {} . | quote }}}}", self.operand(scope, "tpltext")),
            13 => {
                let (name, data) = (self.operand(scope, "template"), self.operand(scope, "any"));
                format!("{{{{ include {name} {data} | quote }}}}")
            }
            14 => format!("{{{{ {} | quote }}}}", self.operand(scope, "method")),
            _ => format!("{{{{ {} | toString | b64enc }}}} # {{{{ 1 }}}}", self.pipeline(scope, "any")),
        }
    }
}
