//! In which order releases go: groups one after the other, within a group by `dependsOn`.
//!
//! A release without a group goes after all groups. A stage holds what may go at once.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::Text;
use crate::diagnostic::Diagnostic;

/// What a release says of its place.
#[derive(Debug, Default)]
pub(super) struct Position {
    pub(super) group: Option<Text>,
    pub(super) depends_on: Vec<Text>,
}

/// The stages, and what is wrong with which release.
#[derive(Debug, Default)]
pub(super) struct Staged {
    pub(super) stages: Vec<Vec<String>>,
    pub(super) errors: BTreeMap<String, Vec<Diagnostic>>,
}

/// Orders `releases` by the groups in `order`. `disabled` are known, but not there. A mere layer may leave the order to the
/// environments over it.
pub(super) fn stage(
    releases: &BTreeMap<String, Position>,
    order: &[Text],
    disabled: &[String],
    is_layer: bool,
) -> Staged {
    let mut staged = Staged::default();
    let groups: Vec<&str> = order.iter().map(|group| group.text.as_str()).collect();
    let rank = |position: &Position| {
        let group = position.group.as_ref().map(|group| group.text.as_str());
        group.and_then(|group| groups.iter().position(|known| *known == group)).unwrap_or(groups.len())
    };
    // Within a group: who waits for whom.
    let mut waits: BTreeMap<&str, BTreeSet<&str>> =
        releases.keys().map(|name| (name.as_str(), BTreeSet::new())).collect();
    for (name, position) in releases {
        let mut wrong = Vec::new();
        if let Some(group) = &position.group
            && !groups.contains(&group.text.as_str())
            && !(is_layer && groups.is_empty())
        {
            let error = group.place.error(format!("group `{}` is not in the environment's `order`", group.text));
            wrong.push(if groups.is_empty() {
                error.hint(format!("add `order: [{}]` to environment.yaml", group.text))
            } else {
                error.suggest(&group.text, groups.iter().copied())
            });
        }
        for needed in &position.depends_on {
            match releases.get(&needed.text) {
                None => wrong.push(unknown(name, needed, releases, disabled)),
                Some(_) if needed.text == *name => {
                    wrong.push(needed.place.error(format!("`{name}` depends on itself")));
                }
                Some(other) if rank(other) > rank(position) => {
                    let text = |group: &Option<Text>| match group {
                        Some(group) => format!("group `{}`", group.text),
                        None => "no group".to_owned(),
                    };
                    wrong.push(needed.place.error(format!(
                        "`{name}` ({}) depends on `{}` ({}), which goes later",
                        text(&position.group),
                        needed.text,
                        text(&other.group)
                    )));
                }
                Some(other) if rank(other) == rank(position) => {
                    if let Some(waits) = waits.get_mut(name.as_str()) {
                        waits.insert(&needed.text);
                    }
                }
                Some(_) => {}
            }
        }
        if !wrong.is_empty() {
            staged.errors.insert(name.clone(), wrong);
        }
    }
    let in_circles = circles(&waits);
    for (name, way) in &in_circles {
        let next = way.get(1).copied().unwrap_or_default();
        let place = releases[*name].depends_on.iter().find(|needed| needed.text == next);
        let message = format!("releases depend on each other in a circle: {}", way.join(" → "));
        if let Some(needed) = place {
            staged.errors.entry((*name).to_owned()).or_default().push(needed.place.error(message));
        }
    }
    let mut stages: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    let mut depths = BTreeMap::new();
    for (name, position) in releases {
        let depth = depth(name, &waits, &in_circles, &mut depths);
        stages.entry((rank(position), depth)).or_default().push(name.clone());
    }
    staged.stages = stages.into_values().collect();
    staged
}

fn unknown(name: &str, needed: &Text, releases: &BTreeMap<String, Position>, disabled: &[String]) -> Diagnostic {
    if disabled.contains(&needed.text) {
        return needed
            .place
            .error(format!("`{name}` depends on `{}`, which is switched off (`enabled: false`)", needed.text));
    }
    needed
        .place
        .error(format!("`{name}` depends on `{}`, which is no release of this environment", needed.text))
        .suggest(&needed.text, releases.keys().map(String::as_str).filter(|other| *other != name))
}

/// Every release on a circle, with the shortest way around from it.
fn circles<'a>(waits: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut found = BTreeMap::new();
    for start in waits.keys() {
        // Breadth first, remembering by whom each was reached.
        let mut by: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([*start]);
        'search: while let Some(at) = queue.pop_front() {
            for next in waits.get(at).into_iter().flatten() {
                if next == start {
                    let mut way = vec![*start];
                    let mut back = at;
                    while back != *start {
                        way.push(back);
                        back = by[back];
                    }
                    way.push(*start);
                    way.reverse();
                    found.insert(*start, way);
                    break 'search;
                }
                if !by.contains_key(next) {
                    by.insert(next, at);
                    queue.push_back(next);
                }
            }
        }
    }
    found
}

/// How many releases of its group go one after the other before `name`. What is on a circle waits for nobody.
fn depth<'a>(
    name: &'a str,
    waits: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    circles: &BTreeMap<&'a str, Vec<&'a str>>,
    known: &mut BTreeMap<&'a str, usize>,
) -> usize {
    // Without recursion: a chain may be as long as there are releases.
    let mut open = vec![name];
    while let Some(at) = open.last().copied() {
        let needed = || waits.get(at).into_iter().flatten().filter(|_| !circles.contains_key(at));
        let missing: Vec<&str> = needed().copied().filter(|needed| !known.contains_key(needed)).collect();
        if missing.is_empty() {
            let depth = needed().filter_map(|needed| known.get(needed)).map(|depth| depth + 1).max().unwrap_or(0);
            known.insert(at, depth);
            open.pop();
        } else {
            open.extend(missing);
        }
    }
    known.get(name).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::located::Located;

    /// `name group: dependsOn…` a line.
    fn run(order: &[&str], lines: &[&str]) -> Staged {
        let text = |text: &str| {
            let place = Located::read("release.yaml", format!("x: {text}\n")).unwrap().place;
            Text { text: text.to_owned(), place }
        };
        let releases = lines
            .iter()
            .map(|line| {
                let (head, needs) = line.split_once(':').unwrap();
                let mut head = head.split(' ');
                let name = head.next().unwrap().to_owned();
                let group = head.next().map(text);
                (name, Position { group, depends_on: needs.split_whitespace().map(text).collect() })
            })
            .collect();
        let order: Vec<Text> = order.iter().map(|group| text(group)).collect();
        stage(&releases, &order, &["off".to_owned()], false)
    }

    #[test]
    fn groups_then_dependencies_then_names() {
        let staged = run(
            &["infrastructure", "apps"],
            &["web apps: api db", "api apps:", "db infrastructure:", "cache infrastructure:", "extra: web", "loose:"],
        );
        let expected: [&[&str]; 4] = [&["cache", "db"], &["api"], &["web"], &["extra", "loose"]];
        assert_eq!(staged.stages, expected);
        assert!(staged.errors.is_empty());
    }

    #[test]
    fn circles_name_the_whole_way_to_each_member_alone() {
        let staged = run(&[], &["a: b", "b: c", "c: a", "d: a", "e:"]);
        let shown = |name: &str| staged.errors[name][0].message.clone();
        assert_eq!(shown("a"), "releases depend on each other in a circle: a → b → c → a");
        assert_eq!(shown("c"), "releases depend on each other in a circle: c → a → b → c");
        assert!(!staged.errors.contains_key("d") && !staged.errors.contains_key("e"));
    }

    #[test]
    fn unknown_disabled_own_and_later_releases_are_refused() {
        let staged = run(&["one", "two"], &["a one: bb", "b two: b", "c one: b off", "d thre:"]);
        assert_eq!(staged.errors["a"][0].message, "`a` depends on `bb`, which is no release of this environment");
        assert_eq!(staged.errors["a"][0].hint.as_deref(), Some("did you mean `b`?"));
        assert_eq!(staged.errors["b"][0].message, "`b` depends on itself");
        assert_eq!(staged.errors["c"][0].message, "`c` (group `one`) depends on `b` (group `two`), which goes later");
        assert_eq!(staged.errors["c"][1].message, "`c` depends on `off`, which is switched off (`enabled: false`)");
        assert_eq!(staged.errors["d"][0].message, "group `thre` is not in the environment's `order`");
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let lines: Vec<String> = (0..3000)
            .map(|n| format!("r{n}:{}", if n == 0 { String::new() } else { format!(" r{}", n - 1) }))
            .collect();
        let staged = run(&[], &lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(staged.stages.len(), 3000);
    }
}
