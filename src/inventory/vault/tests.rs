//! Vaults that ansible-vault of ansible-core 2.19 made.

use std::sync::{Arc, Mutex};

use super::*;

/// `s3cret välue`, by `ansible-vault encrypt_string` with the password `hunter2`.
pub(super) const DEFAULT_ID: &str = "$ANSIBLE_VAULT;1.1;AES256
62313266643736373734326537303265353939376232613131623165313466623430666631366234
3965663838643765636335323939653739646163373663370a396162333838383365383661626564
39663538653464333337653133363332643937373832376462636638646530346137346562386532
3539633364313638340a386436396534633161346564616466333939343930363431396637396334
3237
";

/// `pröd`, by `ansible-vault encrypt_string --vault-id prod@…` with the password `other pass`.
pub(super) const PROD_ID: &str = "$ANSIBLE_VAULT;1.2;AES256;prod
65333362313865613865623738626564616462623937356235303035313661363638303666356437
3361653163383864373236633432393763306534653734370a663266643432383134653939363739
61326465313739313337333238343964323934343030663236373230383263396236626533333635
6431623862343062650a346164373563313931356232643735373430666531383337326165636465
3966
";

#[test]
fn values_of_ansible_vault_are_read_by_the_password_of_their_id_or_by_any_other() {
    let vault = Vault::with_passwords([("default", "hunter2"), ("prod", "other pass")]);
    assert_eq!(vault.decrypt(DEFAULT_ID, "a").as_deref().ok(), Some("s3cret välue"));
    assert_eq!(vault.decrypt(PROD_ID, "b").as_deref().ok(), Some("pröd"));
    let vault = Vault::with_passwords([("x", "wrong"), ("y", "other pass")]);
    assert_eq!(vault.decrypt(PROD_ID, "b").as_deref().ok(), Some("pröd"));
    assert!(is_encrypted(DEFAULT_ID.as_bytes()) && is_encrypted(PROD_ID.as_bytes()));
    assert!(!is_encrypted(b"$ANSIBLE") && !is_encrypted(b" $ANSIBLE_VAULT;1.1;AES256") && !is_encrypted(b"a: 1"));
}

#[test]
fn lines_may_end_as_on_windows_and_be_indented_as_in_yaml() {
    let vault = Vault::with_passwords([("default", "hunter2")]);
    for text in [
        DEFAULT_ID.replace('\n', "\r\n"),
        DEFAULT_ID.replace('\n', "\n          "),
        format!("\n{DEFAULT_ID}\n\n"),
        DEFAULT_ID.trim_end().to_owned(),
        DEFAULT_ID.replace(";", " ; "),
    ] {
        assert_eq!(vault.decrypt(&text, "a").as_deref().ok(), Some("s3cret välue"), "{text:?}");
    }
}

#[test]
fn whoever_listens_hears_each_value_before_it_is_given_and_those_of_before() {
    let vault = Vault::with_passwords([("default", "hunter2"), ("prod", "other pass")]);
    vault.decrypt(DEFAULT_ID, "a").expect("a value");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&heard);
    vault.tell(move |text| listener.lock().expect("a lock").push(text.to_owned()));
    vault.decrypt(PROD_ID, "b").expect("a value");
    assert_eq!(*heard.lock().expect("a lock"), ["s3cret välue", "pröd"]);
}

#[test]
fn a_vault_names_its_id_unless_it_is_the_default_one_and_is_never_made_twice_the_same() {
    let vault = Vault::with_passwords([("default", "hunter2"), ("prod", "other pass")]);
    for (id, first) in [("default", "$ANSIBLE_VAULT;1.1;AES256"), ("prod", "$ANSIBLE_VAULT;1.2;AES256;prod")] {
        let text = vault.encrypt("välue".as_bytes(), Some(id)).expect("a vault");
        assert_eq!(text.lines().next(), Some(first));
        assert!(text.ends_with('\n') && text.lines().skip(1).all(|line| line.len() <= 80));
        assert_eq!(vault.decrypt(&text, "it").as_deref().ok(), Some("välue"));
        assert_ne!(vault.encrypt("välue".as_bytes(), Some(id)).expect("a vault"), text);
        assert!(vault.encrypt(text.as_bytes(), Some(id)).is_err());
    }
    assert!(vault.encrypt(b"x", None).is_err() && vault.encrypt(b"x", Some("pro")).is_err());
}

/// The vault with its inner text changed: what its digits stand for.
fn altered(change: impl Fn(&mut Vec<u8>)) -> String {
    let digits: String = DEFAULT_ID.lines().skip(1).collect();
    let mut inner: Vec<u8> = (0..digits.len() / 2)
        .map(|index| u8::from_str_radix(&digits[index * 2..index * 2 + 2], 16).expect("two digits"))
        .collect();
    change(&mut inner);
    let digits: String = inner.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("$ANSIBLE_VAULT;1.1;AES256\n{digits}\n")
}

/// A vault whose code fits and whose padding is none, which only another program can make.
fn unpadded() -> String {
    let mut sealed = cipher::seal(b"0123456789abcdef", b"hunter2", [1; cipher::SALT]).expect("a vault");
    // In counter mode a changed bit of the ciphertext is one of the plaintext; the code is made anew.
    if let Some(last) = sealed.ciphertext.last_mut() {
        *last ^= 0xff;
    }
    sealed.code = cipher::code_for_test(&sealed, b"hunter2");
    envelope::format(&sealed, "default")
}

#[test]
fn wrong_passwords_and_damaged_vaults_each_have_a_message_of_their_own_with_file_id_and_next_step() {
    let none = Vault::default();
    let right = Vault::with_passwords([("default", "hunter2")]);
    let wrong = Vault::with_passwords([("default", "hunter3")]);
    let other = Vault::with_passwords([("dev", "a"), ("test", "b")]);
    let lines: Vec<&str> = DEFAULT_ID.lines().collect();
    let without = |index: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, line)| *line);
        kept.collect::<Vec<_>>().join("\n")
    };
    let header = |text: &str| DEFAULT_ID.replacen("$ANSIBLE_VAULT;1.1;AES256", text, 1);
    let latin = right.encrypt(&[0xff, 0xfe, 0x00], None).expect("a vault");
    let cases: Vec<(&Vault, String, &str, &str)> = vec![
        (&none, DEFAULT_ID.to_owned(), "of the id `default`, and no vault password was given", "--vault-password-file"),
        (&none, PROD_ID.to_owned(), "of the id `prod`, and no vault password was given", "--vault-id prod@FILE"),
        (&wrong, DEFAULT_ID.to_owned(), "the password of the id `default` does not open", "--vault-id default@prompt"),
        (&other, PROD_ID.to_owned(), "of the id `prod`, and none of the given passwords opens", "--vault-id prod@FILE"),
        (&right, without(0), "does not begin with `$ANSIBLE_VAULT;`", "first line"),
        (&right, header("$ANSIBLE_VAULT"), "its first line `$ANSIBLE_VAULT` is cut off", "1.2;AES256;ID"),
        (&right, header("$ANSIBLE_VAULT;1.1"), "its first line `$ANSIBLE_VAULT;1.1` is cut off", "1.2;AES256;ID"),
        (&right, header("$ANSIBLE_VAULT;1.0;AES"), "its format is `1.0`", "rekey"),
        (&right, header("$ANSIBLE_VAULT;2;AES256"), "its format is `2`", "rekey"),
        (&right, header("$ANSIBLE_VAULT;1.1;AES"), "its cipher is `AES`", "rekey"),
        (&right, lines[0].to_owned(), "ends after its first line", "backup"),
        (&right, DEFAULT_ID.trim_end().trim_end_matches('7').to_owned(), "an odd number: one is missing", "backup"),
        (&right, DEFAULT_ID.replacen("39656638", "3965g638", 1), "its line 3 has `g` in column 5", "80 digits"),
        (&right, DEFAULT_ID.replacen("39656638", "3965é638", 1), "its line 3 has `é` in column 5", "80 digits"),
        (&right, lines[..5].join("\n"), "has 15 bytes, which are no whole blocks", "backup"),
        (&right, lines[..2].join("\n"), "does not have three parts", "backup"),
        (&right, altered(|inner| inner[0] = b'z'), "the salt, is not in hexadecimal", "backup"),
        (&right, altered(|inner| inner[70] = b'z'), "the code, is not of 64", "backup"),
        (&right, altered(|inner| inner.truncate(65 + 65)), "the ciphertext, is empty", "backup"),
        (&right, altered(|inner| inner.truncate(inner.len() - 1)), "not in whole hexadecimal bytes", "backup"),
        (&right, altered(|inner| inner.truncate(65 + 65 + 2 * 7)), "has 7 bytes, which are no whole blocks", "backup"),
        (
            &right,
            altered(|inner| *inner.last_mut().expect("a byte") ^= 1),
            "the password of the id `default` does not",
            "changed",
        ),
        (&right, unpadded(), "padding is wrong", "encrypt the original"),
        (&right, latin, "not a text in UTF-8", "UTF-8"),
    ];
    let mut seen = std::collections::HashMap::new();
    for (index, (vault, text, message, hint)) in cases.iter().enumerate() {
        let error = vault.decrypt(text, "the variable x (vars.yml:3)").expect_err(message);
        let (shown, hints) = (error.to_string(), error.parts().hints.join(" "));
        assert!(shown.contains("the variable x (vars.yml:3)"), "{shown}");
        assert!(shown.contains(message), "{message}: {shown}");
        assert!(hints.contains(hint) || *hint == "UTF-8" && !hints.is_empty(), "{message}: {hints}");
        // A wrong password and a changed ciphertext can't be told apart, and the hint says so.
        if let Some(before) = seen.insert(shown.clone(), index) {
            assert_eq!((before, index), (2, 21), "{shown}");
        }
    }
    assert!(cases.len() >= 20);
}
