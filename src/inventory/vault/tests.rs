//! Vaults that ansible-vault of ansible-core 2.19 made.

use std::sync::{Arc, Mutex};

use super::*;

/// `s3cret välue`, by `ansible-vault encrypt_string` with the password `hunter2`.
const DEFAULT_ID: &str = "$ANSIBLE_VAULT;1.1;AES256
62313266643736373734326537303265353939376232613131623165313466623430666631366234
3965663838643765636335323939653739646163373663370a396162333838383365383661626564
39663538653464333337653133363332643937373832376462636638646530346137346562386532
3539633364313638340a386436396534633161346564616466333939343930363431396637396334
3237
";

/// `pröd`, by `ansible-vault encrypt_string --vault-id prod@…` with the password `other pass`.
const PROD_ID: &str = "$ANSIBLE_VAULT;1.2;AES256;prod
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
