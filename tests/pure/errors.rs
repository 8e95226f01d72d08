//! The table of exit codes is a contract with scripts.

use helm_iris::error::ErrorKind;

#[test]
fn exit_codes() {
    use ErrorKind::{Bug, Interrupted, Unverified, Usage, User};
    let codes = [User, Usage, Unverified, Interrupted, Bug].map(ErrorKind::exit_code);
    assert_eq!(codes, [1, 2, 4, 130, 255]);
    assert_eq!((helm_iris::error::EXIT_OK, helm_iris::error::EXIT_CHANGES), (0, 3));
}
