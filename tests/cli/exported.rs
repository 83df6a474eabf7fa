//! What `corpus export --to` does to what is there already.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

use serde_json::json;

use crate::corpus::{corpus, export, small};
use crate::sandbox::{DAY_1, Sandbox, line};

fn sandbox() -> Sandbox {
    small(&[&line(1, 1, "op", DAY_1, &json!({"user": "anna"}))])
}

#[test]
fn a_file_behind_a_link_is_replaced_and_nothing_beside_it() {
    let sandbox = sandbox();
    let all = export(&sandbox);
    sandbox.write("real/file", "before");
    sandbox.write("real/file.part", "mine");
    fs::set_permissions(sandbox.path("real/file"), fs::Permissions::from_mode(0o640))
        .expect("ours");
    symlink("real/file", sandbox.path("link")).expect("a link");
    corpus(&sandbox, "export", &["--to", "link"]).expect_code(0);
    assert_eq!(
        (sandbox.read("real/file"), sandbox.read("real/file.part")),
        (all.clone(), "mine".into())
    );
    assert!(sandbox.path("link").is_symlink(), "the link is one still");
    let rights = fs::metadata(sandbox.path("real/file")).expect("it is there").permissions();
    assert_eq!(rights.mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(sandbox.path("real")).expect("a folder").count(), 2);
    symlink("new", sandbox.path("nowhere")).expect("a link");
    corpus(&sandbox, "export", &["--to", "nowhere"]).expect_code(0);
    assert_eq!(sandbox.read("new"), all);
}

#[test]
fn a_pipe_is_written_to() {
    let sandbox = sandbox();
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status();
    assert!(made.expect("mkfifo").success());
    let reader = std::thread::spawn({
        let pipe = sandbox.path("pipe");
        move || fs::read_to_string(pipe).expect("it can be read")
    });
    corpus(&sandbox, "export", &["--to", "pipe"]).expect_code(0);
    assert_eq!(reader.join().expect("it ends"), export(&sandbox));
    let kind = fs::symlink_metadata(sandbox.path("pipe")).expect("it is there").file_type();
    assert!(kind.is_fifo());
}
