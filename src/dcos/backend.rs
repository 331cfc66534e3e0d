//! Exhibitor's backend, as DC/OS's `/opt/mesosphere/etc/exhibitor` chooses it.

use crate::formats::environment;

/// The variables that choose Exhibitor's backend and configure one of them, as DC/OS's templates write them.
pub const BACKEND: &[&str] = &[
    "EXHIBITOR_BACKEND",
    "EXHIBITOR_STATICENSEMBLE",
    "ZK_CONFIG_CONNECT",
    "ZK_CONFIG_ZPATH",
    "EXHIBITOR_FSCONFIGDIR",
    "AWS_S3_BUCKET",
    "AWS_S3_PREFIX",
    "AWS_REGION",
    "AZURE_CONTAINER",
    "AZURE_PREFIX",
    "GCS_BUCKET_NAME",
    "GCS_OBJECT_NAME",
];

/// The lines of the file that do not choose or configure a backend: they stay when the backend changes.
pub fn other_lines(text: &str) -> Vec<String> {
    environment::lines_without(text, BACKEND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_not_about_the_backend_stay() {
        let text = "# by hand\nEXHIBITOR_TLS_ENABLED=false\nEXHIBITOR_BACKEND=ZK\nZK_CONFIG_CONNECT=a:2181,\\\nb:2181\nZK_CONFIG_ZPATH=/\nBOOTSTRAP_URL=x\n";
        assert_eq!(other_lines(text), ["# by hand", "EXHIBITOR_TLS_ENABLED=false", "BOOTSTRAP_URL=x"]);
        assert_eq!(other_lines("EXHIBITOR_BACKEND=STATIC\nEXHIBITOR_STATICENSEMBLE=1:a"), Vec::<String>::new());
    }
}
