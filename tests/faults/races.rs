//! Processes that all want to write.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{answer, betrace, ingesting, inputs, program, times};

/// How many want to write at once.
const CONTENDERS: usize = 3;

#[test]
fn of_several_that_start_to_write_one_does_and_the_others_name_it() {
    let folder = tempfile::tempdir().expect("there is room");
    let program = program();
    let input = &inputs(folder.path(), 20, 1)[0];
    for race in 0..times("BETRACE_RACES", 20) {
        let corpus = folder.path().join(format!("corpus-{race}"));
        // Who reads standard input writes for as long as that is open.
        let mut running: Vec<Child> = (0..CONTENDERS)
            .map(|_| {
                let mut command = betrace();
                let command = ingesting(&mut command, &corpus, Path::new("-"));
                command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
            })
            .collect();
        let mut refused = Vec::new();
        let started = Instant::now();
        while running.len() > 1 {
            assert!(started.elapsed() < Duration::from_secs(60), "race {race}: several write");
            sleep(Duration::from_millis(5));
            refused.extend(
                running.extract_if(.., |child| child.try_wait().expect("it is ours").is_some()),
            );
        }
        let [owner] = &mut running[..] else { panic!("race {race}: nobody writes") };
        for child in &mut refused {
            let mut said = String::new();
            let stderr = child.stderr.as_mut().expect("it is piped");
            stderr.read_to_string(&mut said).expect("it is text");
            assert_eq!(child.wait().expect("it ended").code(), Some(2), "race {race}: {said}");
            let name = format!("another process (process {})", owner.id());
            assert!(said.contains(&name), "race {race}: {} writes, but: {said}", owner.id());
        }
        sleep(Duration::from_millis(10));
        assert!(owner.try_wait().expect("it is ours").is_none(), "race {race}: nobody writes");
        drop(owner.stdin.take());
        assert!(owner.wait().expect("it ends").success(), "race {race}");
    }
    // The lock of one that was killed is free.
    let corpus = folder.path().join("corpus-0");
    let mut command = betrace();
    let command = ingesting(&mut command, &corpus, Path::new("-")).stdin(Stdio::piped());
    let mut killed = command.spawn().expect("it starts");
    sleep(Duration::from_millis(200));
    killed.kill().expect("it runs");
    killed.wait().expect("it ends");
    let status = ingesting(&mut betrace(), &corpus, input).status().expect("it starts");
    assert!(status.success(), "{status}");
    assert!(answer(&program, &corpus).expect("it was written").counts[0] > 0);
}
