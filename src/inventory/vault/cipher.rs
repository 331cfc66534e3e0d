//! The one cipher of vaults, `AES256`: AES-256 in counter mode, authenticated by HMAC-SHA-256, with keys that PBKDF2 makes
//! from the password.

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How often PBKDF2 hashes: fixed by the format.
const ROUNDS: u32 = 10_000;

/// A block of AES, in bytes: plaintexts are padded to whole ones.
pub const BLOCK: usize = 16;

/// The salt of a new vault, in bytes.
pub const SALT: usize = 32;

/// What the body of a vault holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What makes the keys of this vault different from those of others with the same password.
    pub salt: Vec<u8>,
    /// The code that authenticates the ciphertext.
    pub code: Vec<u8>,
    /// The ciphertext.
    pub ciphertext: Vec<u8>,
}

/// Why a vault could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The code does not fit: another password, or the vault was changed.
    Code,
    /// The code fits and the padding is none: whoever made it did not make it as the format says.
    Padding,
}

/// The two keys and the first counter.
struct Keys(Zeroizing<[u8; 80]>);

impl Keys {
    fn derive(password: &[u8], salt: &[u8]) -> Self {
        let mut bytes = Zeroizing::new([0; 80]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ROUNDS, bytes.as_mut_slice());
        Self(bytes)
    }

    fn code(&self) -> Option<Hmac<Sha256>> {
        Hmac::new_from_slice(&self.0[32..64]).ok()
    }

    /// Encrypts or decrypts: in counter mode both are the same.
    fn apply(&self, bytes: &mut [u8]) -> Option<()> {
        Ctr128BE::<Aes256>::new_from_slices(&self.0[..32], &self.0[64..]).ok()?.try_apply_keystream(bytes).ok()
    }
}

/// Opens a vault's body.
pub fn open(sealed: &Sealed, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let keys = Keys::derive(password, &sealed.salt);
    let mut code = keys.code().ok_or(Refused::Code)?;
    code.update(&sealed.ciphertext);
    code.verify_slice(&sealed.code).map_err(|_| Refused::Code)?;
    let mut text = Zeroizing::new(sealed.ciphertext.clone());
    keys.apply(&mut text).ok_or(Refused::Padding)?;
    let padding = text.last().map(|last| usize::from(*last)).filter(|padding| (1..=BLOCK).contains(padding));
    let padding = padding.filter(|padding| *padding <= text.len()).ok_or(Refused::Padding)?;
    let end = text.len() - padding;
    if text[end..].iter().any(|byte| usize::from(*byte) != padding) {
        return Err(Refused::Padding);
    }
    text.truncate(end);
    Ok(text)
}

/// Makes a vault's body. Nothing where the machine's cryptography gives nothing, which it never does with these lengths.
pub fn seal(plain: &[u8], password: &[u8], salt: [u8; SALT]) -> Option<Sealed> {
    let keys = Keys::derive(password, &salt);
    let padding = BLOCK - plain.len() % BLOCK;
    // All the room at once: a text that has to move leaves a copy behind.
    let mut text = Vec::with_capacity(plain.len() + padding);
    text.extend_from_slice(plain);
    text.resize(plain.len() + padding, u8::try_from(padding).ok()?);
    keys.apply(&mut text)?;
    let mut code = keys.code()?;
    code.update(&text);
    Some(Sealed { salt: salt.to_vec(), code: code.finalize().into_bytes().to_vec(), ciphertext: text })
}

/// The code that fits a body, however that was changed.
#[cfg(test)]
pub fn code_for_test(sealed: &Sealed, password: &[u8]) -> Vec<u8> {
    let mut code = Keys::derive(password, &sealed.salt).code().expect("a key");
    code.update(&sealed.ciphertext);
    code.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_its_password_alone_and_only_unchanged() {
        for length in [0, 15, 16, 100] {
            let plain: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let sealed = seal(&plain, b"secret", [7; SALT]).expect("a vault");
            assert_eq!(sealed.ciphertext.len() % BLOCK, 0);
            assert_eq!(open(&sealed, b"secret").as_deref(), Ok(&plain));
            assert_eq!(open(&sealed, b"Secret"), Err(Refused::Code));
            for index in [0, sealed.ciphertext.len() - 1] {
                let mut changed = Sealed {
                    salt: sealed.salt.clone(),
                    code: sealed.code.clone(),
                    ciphertext: sealed.ciphertext.clone(),
                };
                changed.ciphertext[index] ^= 1;
                assert_eq!(open(&changed, b"secret"), Err(Refused::Code));
            }
        }
    }
}
