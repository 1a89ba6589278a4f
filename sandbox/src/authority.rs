//! The certificate authority that a phone is told to trust, and the certificates it signs.
//!
//! It is made on first use and lives in the person's own folder, outside every repository: the
//! key in one file that only its owner may read, the certificate beside it. The certificate names
//! what it may vouch for, addresses and names of local networks, so that whoever steals the key
//! cannot pass as a site of the web. What the server shows is signed anew at every start; that
//! second key is never written down.
//!
//! Nothing here prints. Messages name files, never what is in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use chrono::{Datelike, Days, NaiveDate};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

const KEY_FILE: &str = "authority-key.pem";
const CERTIFICATE_FILE: &str = "authority.pem";
/// Long enough that no phone is told twice.
const AUTHORITY_DAYS: u64 = 3650;
/// A certificate is made at every start, so it needs to last no longer than a start.
const LEAF_DAYS: u64 = 30;
/// For clocks that are behind.
const BACKDATED_DAYS: u64 = 1;
const KEY_BYTES_MAX: u64 = 16 * 1024;

/// What the authority may vouch for: the IPv4 networks that no one on the web has. Loopback is
/// among them for the tests; nobody but the machine itself is there.
const NETWORKS: [([u8; 4], u8); 5] = [
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([169, 254, 0, 0], 16),
    ([127, 0, 0, 0], 8),
];
/// And the names that are looked up in the local network only.
pub const DOMAIN: &str = "local";

/// Whether the authority may vouch for that address.
pub fn covers(address: Ipv4Addr) -> bool {
    NETWORKS.iter().any(|(network, bits)| {
        let mask = u32::MAX << (32 - u32::from(*bits));
        address.to_bits() & mask == Ipv4Addr::from(*network).to_bits()
    })
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    /// as the phone's settings list it
    pub name: String,
}

/// A certificate for this start of the server, with its key.
pub struct Leaf {
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

/// Where the authority lives: `PANNIER_CA_DIR`, or `pannier` in the person's folder for settings.
///
/// # Errors
/// There is no such folder on this machine.
pub fn folder() -> Result<PathBuf, String> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = named("PANNIER_CA_DIR") {
        return Ok(folder.into());
    }
    // By its specification the variable counts only when it is a whole path.
    let settings = named("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| named("HOME").map(|home| PathBuf::from(home).join(".config")));
    settings
        .map(|settings| settings.join("pannier"))
        .ok_or_else(|| {
            "no home folder for the certificate authority: name one in PANNIER_CA_DIR".into()
        })
}

impl Authority {
    /// Reads the authority from its folder, or makes it there. Two that start at the same moment
    /// end up with the same one: a file is put in place whole, or is there already.
    ///
    /// # Errors
    /// A sentence that names the file or folder and says what to do.
    pub fn open(folder: &Path, machine: &str, today: NaiveDate) -> Result<Self, String> {
        refuse_work_tree(folder)?;
        prepare(folder)?;
        let key_path = folder.join(KEY_FILE);
        let path = folder.join(CERTIFICATE_FILE);
        if !exists(&key_path)? {
            if exists(&path)? {
                return Err(format!(
                    "the certificate {} has lost its key {KEY_FILE}: delete it, start again, and trust the new authority",
                    path.display()
                ));
            }
            let key = KeyPair::generate().map_err(|error| format!("new key: {error}"))?;
            place(&key_path, key.serialize_pem().as_bytes(), 0o600)?;
        }
        let key = read_key(&key_path)?;
        if !exists(&path)? {
            let certificate = authority(machine, today)
                .self_signed(&key)
                .map_err(|error| format!("new certificate: {error}"))?;
            place(&path, certificate.pem().as_bytes(), 0o644)?;
        }
        let certificate = CertificateDer::from_pem_file(&path)
            .map_err(|error| format!("certificate {}: {error}", path.display()))?;
        let name = check(&certificate, &key, today).map_err(|what| {
            format!(
                "the certificate {} {what}: delete it and {KEY_FILE} beside it, start again, and trust the new authority",
                path.display()
            )
        })?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| format!("certificate {}: {error}", path.display()))?;
        Ok(Self {
            issuer,
            certificate,
            name,
        })
    }

    /// The authority's certificate, which anybody may have.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Signs a new certificate for these addresses and that name.
    ///
    /// # Errors
    /// A name that is none, or no randomness.
    pub fn leaf(
        &self,
        addresses: &[Ipv4Addr],
        name: Option<&str>,
        today: NaiveDate,
    ) -> Result<Leaf, String> {
        let told = |error: rcgen::Error| format!("new certificate: {error}");
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Pannier sandbox");
        for address in addresses {
            let address = IpAddr::V4(*address);
            params.subject_alt_names.push(SanType::IpAddress(address));
        }
        if let Some(name) = name {
            let name = name.try_into().map_err(told)?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        last(&mut params, today, LEAF_DAYS);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(told)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(told)?;
        Ok(Leaf {
            certificate: certificate.into(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }
}

fn authority(machine: &str, today: NaiveDate) -> CertificateParams {
    let mut params = CertificateParams::default();
    let name = format!("Pannier on {machine}");
    params.distinguished_name.push(DnType::CommonName, name);
    last(&mut params, today, AUTHORITY_DAYS);
    // It signs servers and no further authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let networks = NETWORKS
        .iter()
        .map(|(network, bits)| CidrSubnet::from_v4_prefix(*network, *bits))
        .map(GeneralSubtree::IpAddress);
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: networks
            .chain([GeneralSubtree::DnsName(DOMAIN.into())])
            .collect(),
        excluded_subtrees: Vec::new(),
    });
    params
}

fn last(params: &mut CertificateParams, today: NaiveDate, days: u64) {
    let first = today - Days::new(BACKDATED_DAYS);
    let date = |day: NaiveDate| {
        let small = |number: u32| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(day.year(), small(day.month()), small(day.day()))
    };
    params.not_before = date(first);
    params.not_after = date(first + Days::new(days));
}

/// Tells the certificate's name, or what is wrong with it.
fn check(certificate: &[u8], key: &KeyPair, today: NaiveDate) -> Result<String, String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| "cannot be read".to_owned())?;
    if *certificate.public_key().subject_public_key.data != *key.public_key_raw() {
        return Err(format!("does not belong to the key {KEY_FILE} beside it"));
    }
    let end = certificate.validity().not_after;
    let end_day = chrono::DateTime::from_timestamp(end.timestamp(), 0).unwrap_or_default();
    // What it signs must not outlive it.
    if today + Days::new(LEAF_DAYS) > end_day.date_naive() {
        return Err(format!("ends on {}", end_day.date_naive()));
    }
    let name = certificate.subject().iter_common_name().next();
    let name = name.and_then(|name| name.as_str().ok());
    Ok(name.unwrap_or("Pannier").to_owned())
}

/// A key in a work tree is a key in a repository by the next `git add`.
fn refuse_work_tree(folder: &Path) -> Result<(), String> {
    let whole = std::path::absolute(folder).map_err(|error| not_used(folder, &error))?;
    // What is not there yet has no links to follow.
    let real = whole.ancestors().find_map(|part| part.canonicalize().ok());
    let tree = real.as_deref().into_iter().flat_map(Path::ancestors);
    match tree.into_iter().find(|part| part.join(".git").exists()) {
        Some(tree) => Err(format!(
            "the folder {} for the certificate authority is inside the git work tree {}: name another in PANNIER_CA_DIR",
            folder.display(),
            tree.display()
        )),
        None => Ok(()),
    }
}

fn not_used(path: &Path, error: &io::Error) -> String {
    format!("{} for the certificate authority: {error}", path.display())
}

/// Makes the folder for its owner alone; one that others may write to would let them swap the key.
fn prepare(folder: &Path) -> Result<(), String> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| not_used(folder, &error))?;
    let mode = mode(&fs::metadata(folder).map_err(|error| not_used(folder, &error))?);
    if mode & 0o022 == 0 {
        Ok(())
    } else {
        Err(format!(
            "others may write to the folder {} of the certificate authority (mode {mode:o}): `chmod 700` it, or name another in PANNIER_CA_DIR",
            folder.display()
        ))
    }
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777
}

/// Where files have no modes, a person's own folder is closed to others anyway.
#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0o600
}

fn exists(path: &Path) -> Result<bool, String> {
    path.try_exists().map_err(|error| not_used(path, &error))
}

fn read_key(path: &Path) -> Result<KeyPair, String> {
    let file = File::open(path).map_err(|error| not_used(path, &error))?;
    let metadata = file.metadata().map_err(|error| not_used(path, &error))?;
    let mode = mode(&metadata);
    if mode & 0o077 != 0 {
        return Err(format!(
            "others can read the key {} (mode {mode:o}). If nobody did, `chmod 600` it; else delete it and {CERTIFICATE_FILE} \
             beside it, take the old authority off your phones, start again, and trust the new one",
            path.display()
        ));
    }
    let mut text = String::new();
    file.take(KEY_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| not_used(path, &error))?;
    KeyPair::from_pem(&text).map_err(|_| {
        format!(
            "the key {} cannot be read: delete it and {CERTIFICATE_FILE} beside it, start again, and trust the new authority",
            path.display()
        )
    })
}

/// Puts a whole file there, unless there is one: a link is made or it is not, and replaces nothing.
fn place(path: &Path, bytes: &[u8], file_mode: u32) -> Result<(), String> {
    let mut mark = [0_u8; 8];
    getrandom::fill(&mut mark).map_err(|error| format!("new file: {error}"))?;
    let mark = u64::from_ne_bytes(mark);
    let draft = path.with_extension(format!("{mark:016x}.draft"));
    let linked = write(&draft, bytes, file_mode).map(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) => Err(not_used(&draft, &error)),
        Ok(Err(error)) if error.kind() != ErrorKind::AlreadyExists => Err(not_used(path, &error)),
        Ok(_) => removed.map_err(|error| not_used(&draft, &error)),
    }
}

fn write(path: &Path, bytes: &[u8], file_mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, file_mode);
    #[cfg(not(unix))]
    let _ = file_mode;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio_rustls::rustls::RootCertStore;
    use tokio_rustls::rustls::client::WebPkiServerVerifier;
    use tokio_rustls::rustls::client::danger::ServerCertVerifier;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn opened(name: &str, today: NaiveDate) -> (PathBuf, Result<Authority, String>) {
        let folder = format!("pannier-authority-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        let authority = Authority::open(&folder, "vm", today);
        (folder, authority)
    }

    /// What a client says that trusts this authority alone.
    fn verdict(authority: &Authority, leaf: &Leaf, name: &str, today: NaiveDate) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let noon = today.and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp();
        let noon = UnixTime::since_unix_epoch(Duration::from_secs(noon.try_into().unwrap()));
        let name = ServerName::try_from(name).unwrap();
        let verdict = verifier.verify_server_cert(&leaf.certificate, &[], &name, &[], noon);
        verdict.is_ok()
    }

    #[test]
    fn a_stolen_key_vouches_for_nothing_on_the_web() {
        let today = day("2026-03-01");
        let (folder, authority) = opened("stolen", today);
        let authority = authority.unwrap();
        let good = |addresses: &[Ipv4Addr], name: Option<&str>, asked: &str| {
            let leaf = authority.leaf(addresses, name, today).unwrap();
            verdict(&authority, &leaf, asked, today)
        };
        for private in ["10.1.2.3", "172.31.0.1", "192.168.1.20", "169.254.7.7"] {
            assert!(
                good(&[private.parse().unwrap()], None, private),
                "{private}"
            );
        }
        assert!(good(&[], Some("vm.local"), "vm.local"));
        for public in ["8.8.8.8", "172.32.0.1", "192.169.0.1", "100.64.0.1"] {
            assert!(!covers(public.parse().unwrap()));
            assert!(!good(&[public.parse().unwrap()], None, public), "{public}");
        }
        for public in ["bank.example", "local.example"] {
            assert!(!good(&[], Some(public), public), "{public}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_certificate_lasts_a_month_and_begins_before_clocks_that_are_behind() {
        let today = day("2026-03-01");
        let (folder, authority) = opened("month", today);
        let authority = authority.unwrap();
        let leaf = authority.leaf(&[], Some("vm.local"), today).unwrap();
        for (date, good) in [
            ("2026-02-27", false),
            ("2026-02-28", true),
            ("2026-03-29", true),
            ("2026-03-30", false),
        ] {
            assert_eq!(
                verdict(&authority, &leaf, "vm.local", day(date)),
                good,
                "{date}"
            );
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn all_that_start_at_once_have_one_authority() {
        let today = day("2026-03-01");
        let open = || opened("race", today).1.unwrap().certificate;
        let first = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            let mut all: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
            all.dedup();
            all
        });
        assert_eq!(first.len(), 1);
        let (folder, again) = opened("race", today);
        assert_eq!(again.unwrap().certificate, first[0]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "no drafts");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_authority_near_its_end_says_so() {
        let (folder, authority) = opened("end", day("2026-03-01"));
        assert_eq!(authority.unwrap().name, "Pannier on vm");
        assert!(opened("end", day("2036-01-01")).1.is_ok());
        let message = opened("end", day("2036-02-20")).1.err().unwrap();
        assert!(message.contains("ends on 2036-02-26"), "{message}");
        assert!(message.contains(folder.to_str().unwrap()), "{message}");
        fs::remove_dir_all(folder).unwrap();
    }
}
