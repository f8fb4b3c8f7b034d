//! A saved file is told within 200 ms, however it was saved.

use std::time::{Duration, Instant};

use evenkeel::git::{FolderWatch, watch_folder};

use crate::harness::GitRepository;

/// The paths of the next change, and how long it took from `start`.
async fn next(watch: &mut FolderWatch, start: Instant) -> (Vec<String>, Duration) {
    let change = tokio::time::timeout(Duration::from_secs(20), watch.next()).await.expect("a change").unwrap();
    (change.paths.into_iter().collect(), start.elapsed())
}

/// Waits until `path` was told of; everything before it is only collected.
async fn told(watch: &mut FolderWatch, path: &str, start: Instant) -> Duration {
    let mut seen = Vec::new();
    loop {
        let (paths, elapsed) = next(watch, start).await;
        if paths.iter().any(|p| p == path) {
            return elapsed;
        }
        seen.extend(paths);
        assert!(elapsed < Duration::from_secs(20), "{path} was not told of, but {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn saves_renames_new_folders_and_removals() {
    let repository = GitRepository::new();
    repository.write("environments/a/values.yaml", "1").write(".gitignore", "target/\n").write("target/x", "");
    repository.commit("first");
    let mut watch = watch_folder(repository.path()).unwrap();
    let file = repository.path().join("environments/a/values.yaml");

    let mut times = Vec::new();
    for index in 0..10 {
        let start = Instant::now();
        std::fs::write(&file, index.to_string()).unwrap();
        times.push(told(&mut watch, "environments/a/values.yaml", start).await);
    }
    times.sort();
    println!("a saved file is told of after {:?} (median), {:?} (slowest)", times[5], times[9]);
    // The median: one scheduling hiccup of a busy machine is no property of the watch.
    assert!(times[5] < Duration::from_millis(200), "{times:?}");

    // As an editor saves: a new file beside it, renamed over it.
    let start = Instant::now();
    let beside = repository.path().join("environments/a/.values.yaml.swp");
    std::fs::write(&beside, "renamed").unwrap();
    std::fs::rename(&beside, &file).unwrap();
    told(&mut watch, "environments/a/values.yaml", start).await;
    // And again: the file's new self is watched too.
    std::fs::write(&file, "again").unwrap();
    told(&mut watch, "environments/a/values.yaml", start).await;

    // Folders that are made in one go, and a file saved into the innermost afterwards.
    std::fs::create_dir_all(repository.path().join("environments/b/c")).unwrap();
    told(&mut watch, "environments/b", Instant::now()).await;
    std::fs::write(repository.path().join("environments/b/c/new.yaml"), "x").unwrap();
    told(&mut watch, "environments/b/c/new.yaml", Instant::now()).await;

    // A folder that goes and comes back is another one.
    std::fs::remove_dir_all(repository.path().join("environments/b")).unwrap();
    told(&mut watch, "environments/b", Instant::now()).await;
    std::fs::create_dir_all(repository.path().join("environments/b/c")).unwrap();
    told(&mut watch, "environments/b", Instant::now()).await;
    std::fs::write(repository.path().join("environments/b/c/new.yaml"), "y").unwrap();
    told(&mut watch, "environments/b/c/new.yaml", Instant::now()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_git_ignores_and_reads_are_not_told() {
    let repository = GitRepository::new();
    repository.write("a.yaml", "1").write(".gitignore", "target/\n").write("target/x", "");
    let mut watch = watch_folder(repository.path()).unwrap();
    repository.commit("first");
    std::fs::write(repository.path().join("target/x"), "built").unwrap();
    std::fs::read(repository.path().join("a.yaml")).unwrap();
    std::fs::read_dir(repository.path()).unwrap().count();
    // Everything above came before this one: were it told, it would be now.
    std::fs::write(repository.path().join("last.yaml"), "x").unwrap();
    let (paths, _) = next(&mut watch, Instant::now()).await;
    assert_eq!(paths, ["last.yaml"]);
}

#[test]
fn no_folder_no_watch() {
    assert!(watch_folder(std::path::Path::new("/nonexistent/evenkeel")).is_err());
}
