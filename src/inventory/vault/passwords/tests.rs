use std::fs;

use super::super::tests::{DEFAULT_ID, PROD_ID};
use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        path.display().to_string()
    }
}

fn nobody(question: &str) -> Result<Zeroizing<String>> {
    panic!("nobody is to be asked `{question}`")
}

fn load(sources: Sources) -> Result<Vault> {
    sources.load(Purpose::Open, &mut nobody)
}

fn ids(ids: &[String]) -> Sources {
    Sources { ids: ids.to_vec(), ..Sources::default() }
}

fn opens(vault: &Vault, text: &str) -> bool {
    vault.decrypt(text, "it").is_ok()
}

#[test]
fn a_password_is_a_files_text_without_the_space_around_it() {
    let folder = Folder::new();
    for text in ["hunter2", "hunter2\n", " \thunter2\r\n\n"] {
        let path = folder.file("pw", text, 0o600);
        assert!(opens(&load(Sources { files: vec![path.into()], ..Sources::default() }).expect("a vault"), DEFAULT_ID));
    }
}

#[test]
fn an_executable_is_run_and_a_client_is_told_the_id() {
    let folder = Folder::new();
    let program = folder.file("pw.sh", "#!/bin/sh\n[ $# = 0 ] && printf 'hunter2\\r\\n'\n", 0o700);
    assert!(opens(&load(Sources { files: vec![program.into()], ..Sources::default() }).expect("a vault"), DEFAULT_ID));
    let client = "#!/bin/sh\n[ \"$*\" = '--vault-id prod' ] || { echo \"no $2\" >&2; exit 2; }\necho other pass\n";
    for name in ["keyring-client", "keyring-client.sh"] {
        let client = folder.file(name, client, 0o700);
        assert!(opens(&load(ids(&[format!("prod@{client}")])).expect("a vault"), PROD_ID));
        let error = load(ids(&[format!("dev@{client}")])).expect_err("no such id");
        assert!(error.to_string().contains("no password of the id `dev`"), "{error}");
        assert!(error.parts().details[0].contains("no dev"));
        // Without an id it is run without one.
        assert!(load(ids(&[client])).is_err());
    }
}

#[test]
fn a_password_file_that_is_a_vault_is_opened_with_the_passwords_before_it() {
    let folder = Folder::new();
    let first = folder.file("first", "hunter2\n", 0o600);
    let inner = Vault::with_passwords([("default", "hunter2")]).encrypt(b"other pass\n", None).expect("a vault");
    let second = folder.file("second", inner, 0o600);
    let vault = load(ids(&[format!("first@{first}"), format!("prod@{second}")])).expect("a vault");
    assert!(opens(&vault, PROD_ID) && vault.warnings().is_empty());
    assert!(
        load(ids(&[format!("prod@{second}"), format!("first@{first}")])).is_ok_and(|vault| !opens(&vault, PROD_ID))
    );
}

#[test]
fn a_source_that_gives_nothing_is_a_warning_when_another_gives_a_password_and_else_an_error() {
    let folder = Folder::new();
    let good = folder.file("pw", "hunter2", 0o600);
    let vault = load(ids(&["prod@/nowhere/pw".to_owned(), format!("dev@{good}")])).expect("a vault");
    assert!(vault.warnings()[0].contains("can't read the vault password file /nowhere/pw"), "{:?}", vault.warnings());
    assert!(opens(&vault, DEFAULT_ID));
    let other = folder.file("other", "hunter3", 0o600);
    let vault = load(ids(&["prod@/nowhere/pw".to_owned(), format!("dev@{other}")])).expect("a vault");
    let error = vault.decrypt(PROD_ID, "the variable x").expect_err("no password opens it");
    assert!(format!("{:?}", error.parts()).contains("can't read the vault password file /nowhere/pw"), "{error:?}");
    assert!(load(ids(&["prod@/nowhere/pw".to_owned()])).is_err());
    assert!(load(Sources::default()).is_ok_and(|vault| vault.is_empty()));
}

#[test]
fn the_prompt_names_the_id_unless_it_is_the_plain_one_and_a_new_password_is_asked_for_twice() {
    let asked = |sources: &Sources, purpose, answers: &[&str]| {
        let mut answers = answers.iter();
        let mut questions = Vec::new();
        let result = sources.load(purpose, &mut |question| {
            questions.push(question.to_owned());
            Ok(Zeroizing::new((*answers.next().expect("an answer")).to_owned()))
        });
        (questions, result)
    };
    let prompt = ids(&["prod@prompt".to_owned()]);
    let (questions, vault) = asked(&prompt, Purpose::Open, &["other pass "]);
    assert_eq!(questions, ["Vault password (prod)"]);
    assert!(opens(&vault.expect("a vault"), PROD_ID));
    let plain = Sources { ask: true, ..Sources::default() };
    let (questions, vault) = asked(&plain, Purpose::Choose, &["a", "a"]);
    assert_eq!(questions, ["New vault password", "New vault password, again"]);
    assert!(vault.is_ok());
    let (_, differs) = asked(&plain, Purpose::Choose, &["a", "b"]);
    assert!(differs.expect_err("they differ").to_string().contains("differ"));
    let (_, empty) = asked(&prompt, Purpose::Open, &[" "]);
    assert!(empty.expect_err("it is empty").to_string().contains("`prod` that was typed is empty"));
}

#[test]
fn the_environment_names_sources_before_and_after_those_of_the_command_line() {
    let given = Sources { ids: vec!["b@y".to_owned()], files: vec!["one".into()], ..Sources::default() };
    let variables = |name: &str| {
        let value = match name {
            "ANSIBLE_VAULT_IDENTITY_LIST" => "a@x , c@z",
            "ANSIBLE_VAULT_PASSWORD_FILE" => "two",
            "ANSIBLE_ASK_VAULT_PASS" => "True",
            "ANSIBLE_VAULT_ID_MATCH" => "0",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let all = given.with_environment(variables).expect("sources");
    let expected = Sources {
        ids: ["a@x", "c@z", "b@y"].map(str::to_owned).to_vec(),
        files: vec!["one".into(), "two".into()],
        ask: true,
        match_ids: false,
    };
    assert_eq!(all, expected);
    let odd = |name: &str| (name == "ANSIBLE_ASK_VAULT_PASS").then(|| "perhaps".to_owned());
    assert!(Sources::default().with_environment(odd).is_err());
}

#[test]
fn ids_have_to_match_where_that_is_asked_for() {
    let folder = Folder::new();
    let password = folder.file("pw", "other pass", 0o600);
    let sources = Sources { match_ids: true, ..ids(&[format!("dev@{password}")]) };
    let error = load(sources).expect("a vault").decrypt(PROD_ID, "it").expect_err("another id");
    assert!(error.to_string().contains("of the id `prod`, of which no password was given"), "{error}");
}

#[test]
fn home_and_variables_are_found_in_a_path() {
    let home = std::env::var("HOME").expect("a home");
    for (given, expected) in [
        ("~/pw", format!("{home}/pw")),
        ("$HOME/pw", format!("{home}/pw")),
        ("/a/${HOME}b", format!("/a/{home}b")),
        ("/a/$ZKMIG_IS_NOT_SET/b$", "/a/$ZKMIG_IS_NOT_SET/b$".to_owned()),
        ("/a~/pw", "/a~/pw".to_owned()),
    ] {
        assert_eq!(expanded(Path::new(given)).expect("a path"), PathBuf::from(expected), "{given}");
    }
    assert!(expanded(Path::new("~other/pw")).is_err());
}

#[test]
fn each_source_that_gives_no_password_says_why_and_what_to_do() {
    let folder = Folder::new();
    let path = folder.0.path().display().to_string();
    let of = |id: &str, source: &str| ids(&[format!("{id}@{source}")]);
    let cases = [
        (of("a", &format!("{path}/none")), "can't read the vault password file", "relative"),
        (of("a", &path), "is a folder", "name the file"),
        (of("a", &folder.file("empty", "\n", 0o600)), "is empty", "first line"),
        (of("a", &folder.file("text", "hunter2\n", 0o700)), "can't run the vault password program", "chmod -x"),
        (
            of("a", &folder.file("fails", "#!/bin/sh\nexit 3\n", 0o700)),
            "failed for the id `a` (exit status: 3)",
            "by hand",
        ),
        (of("a", &folder.file("silent", "#!/bin/sh\n", 0o700)), "printed nothing", "by hand"),
        (
            of("a", &folder.file("x-client", "#!/bin/sh\nexit 2\n", 0o700)),
            "has no password of the id `a`",
            "--vault-id a",
        ),
        (of("a", &folder.file("y-client", "#!/bin/sh\nexit 1\n", 0o700)), "failed for the id `a`", "by hand"),
        (of("a;b", "prompt"), "has a `;`", "divides"),
        (of("a", ""), "names no source", "a@prompt"),
        (of("a", &folder.file("vault", DEFAULT_ID, 0o600)), "no vault password was given", "--vault-password-file"),
        (of("a", "~other/pw"), "home of another user", "write the path out"),
    ];
    let mut messages = std::collections::HashSet::new();
    for (sources, message, hint) in cases {
        let error = load(sources.clone()).expect_err("no password");
        let hints = error.parts().hints.join(" ");
        assert!(error.to_string().contains(message) && hints.contains(hint), "{sources:?}: {error} | {hints}");
        assert!(messages.insert(error.to_string()));
    }
}
