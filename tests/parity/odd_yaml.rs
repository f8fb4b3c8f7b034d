//! YAML's odd corners, for values files.

use std::collections::BTreeMap;

use super::expressions::sections;
use super::random::Random;

/// Scalars, blocks and whole files.
pub(super) struct OddYaml(BTreeMap<&'static str, Vec<String>>);

impl OddYaml {
    pub(super) fn new() -> Self {
        Self(sections(include_str!("odd_yaml.txt")))
    }

    fn one(&self, random: &mut Random, kind: &str) -> &str {
        let list = &self.0[kind];
        &list[random.below(list.len())]
    }

    /// A value as it stands behind `key:`, ending its line.
    pub(super) fn value(&self, random: &mut Random) -> String {
        let mut scalar = |kind| self.one(random, kind).to_owned();
        let (one, two, three, block) = (scalar("scalar"), scalar("scalar"), scalar("scalar"), scalar("block"));
        match random.below(10) {
            0..=5 => format!(" {one}\n"),
            6 => format!(" [{one}, {two}]\n"),
            7 => format!("\n    {one}: {two}\n    k: {three}\n"),
            _ if block.starts_with('\n') => block,
            _ => format!(" {block}"),
        }
    }

    /// A whole values file.
    pub(super) fn file(&self, random: &mut Random) -> String {
        self.one(random, "file").to_owned()
    }
}
