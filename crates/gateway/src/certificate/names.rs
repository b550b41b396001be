//! The names in a certificate: DNS names and URIs of the extension for them, and the subject's common name.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Whether the certificate has one of these names, letter for letter; the case of DNS names does not count.
pub(super) fn has_one_of(certificate: &CertificateDer<'_>, wanted: &[String]) -> bool {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return false };
    let dns = certificate.valid_dns_names().any(|name| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
    let uri = || certificate.valid_uri_names().any(|name| wanted.iter().any(|wanted| wanted == name));
    dns || uri() || common_names(certificate.subject()).any(|name| wanted.iter().any(|wanted| wanted == name))
}

/// `SET` and `SEQUENCE`, the object identifier 2.5.4.3, and the kinds of text that are read.
const SET: u8 = 0x31;
const SEQUENCE: u8 = 0x30;
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;

/// The common names of a subject in DER, without its outer tag (X.501: a sequence of sets of pairs). One that is written
/// in another way than as UTF-8 or printable text is passed over.
fn common_names(subject: &[u8]) -> impl Iterator<Item = &str> {
    let sets = Items(subject).filter(|(tag, _)| *tag == SET);
    let pairs = sets.flat_map(|(_, set)| Items(set)).filter(|(tag, _)| *tag == SEQUENCE);
    pairs.filter_map(|(_, pair)| {
        let mut value = Items(pair.strip_prefix(COMMON_NAME)?);
        let (tag, text) = value.next()?;
        (tag == UTF8_STRING || tag == PRINTABLE_STRING).then(|| std::str::from_utf8(text).ok())?
    })
}

/// Items of DER, one after the other: tag and content. Ends where one cannot be read.
struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
            0x82 => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?,
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(names: &[&str], uris: &[&str], common: &str) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|&uri| SanType::URI(uri.try_into().unwrap())));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "n".repeat(200));
        params.distinguished_name.push(DnType::CommonName, common);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn a_name_of_any_kind_will_do_and_no_part_of_one() {
        let shown = certificate(&["app.internal", "*.b.internal"], &["spiffe://x/Billing"], "Billing App");
        let table = [
            ("app.internal", true),
            ("APP.internal", true),
            ("*.b.internal", true),
            ("c.b.internal", false),
            ("internal", false),
            ("spiffe://x/Billing", true),
            ("spiffe://x/billing", false),
            ("spiffe://x", false),
            ("Billing App", true),
            ("billing app", false),
            ("Billing", false),
            ("", false),
        ];
        for (name, fits) in table {
            assert_eq!(has_one_of(&shown, &["other".to_owned(), name.to_owned()]), fits, "{name}");
        }
        assert!(!has_one_of(&shown, &[]));
        assert!(!has_one_of(&CertificateDer::from(vec![0x30, 0x80]), &["app.internal".to_owned()]));
    }

    #[test]
    fn a_subject_that_is_cut_off_has_no_name() {
        let shown = certificate(&[], &[], "app");
        let subject = EndEntityCert::try_from(&shown).unwrap().subject().to_vec();
        assert_eq!(common_names(&subject).collect::<Vec<_>>(), ["app"]);
        for end in 0..subject.len() {
            assert_eq!(common_names(&subject[..end]).count(), 0, "{end}");
        }
    }
}
