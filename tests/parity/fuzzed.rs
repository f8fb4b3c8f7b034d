//! What cargo-fuzz once found (`fuzz/found/TARGET/`), replayed: every input ends, with a result or an error.

use crate::harness::project;

#[expect(unreachable_pub, reason = "the fuzzing crate shares this file")]
#[path = "../../fuzz/src/targets.rs"]
mod targets;

#[expect(clippy::type_complexity, reason = "a table of names and functions")]
#[test]
fn what_fuzzing_found_stays_mended() {
    let all: [(&str, fn(&str)); 4] =
        [("parse", targets::parse), ("execute", targets::execute), ("yaml", targets::yaml), ("set", targets::set)];
    let mut count = 0;
    for (target, run) in all {
        let Ok(files) = std::fs::read_dir(project().join("fuzz/found").join(target)) else { continue };
        for file in files {
            run(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()));
            count += 1;
        }
    }
    assert!(count > 0, "nothing was replayed");
}
