import re
import ssl
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import oid
from hypothesis import given, settings
from hypothesis import strategies as st

from apiservice.x509 import issue, verify
from tests.apiservice import pki

CA = pki.authority("clients")
STRANGER = pki.authority("clients")
"""Another authority with the same name."""
TRUST = verify.Authorities(CA.pem)


def trusted(*chain: pki.Identity, by: verify.Authorities = TRUST) -> bool:
    found = by.verify(tuple(each.der for each in chain), now=pki.NOW)
    return found == chain[0].certificate


def refusal(*chain: pki.Identity, by: verify.Authorities = TRUST) -> str:
    with pytest.raises(verify.Untrusted) as refused:
        by.verify(tuple(each.der for each in chain), now=pki.NOW)
    return str(refused.value)


def test_a_certificate_of_the_authority_is_trusted() -> None:
    found = TRUST.verify((CA.issue("sue", organizations=["dev", "ops"]).der,), now=pki.NOW)
    assert verify.common_name(found) == "sue"
    assert verify.names(found, kind=oid.NameOID.ORGANIZATION_NAME) == ("dev", "ops")


@pytest.mark.parametrize("usages", [(), (pki.CLIENT,), (pki.SERVER, pki.CLIENT)])
def test_a_certificate_for_clients_or_for_everything_is_trusted(
    usages: tuple[x509.ObjectIdentifier, ...],
) -> None:
    assert trusted(CA.issue("sue", usages=usages))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(lambda: STRANGER.issue("sue"), "none .* has its issuer's name", id="same name"),
        pytest.param(lambda: pki.authority("x").issue("sue"), "none .* signed it$", id="other name"),
        pytest.param(lambda: pki.authority("sue"), "none of the expected", id="signed by itself"),
        pytest.param(lambda: CA.issue("sue", end=pki.NOW - pki.DAY / 2), "valid from .* only", id="expired"),
        pytest.param(lambda: CA.issue("sue", begin=pki.NOW + pki.DAY / 2), "valid from", id="not yet valid"),
        pytest.param(lambda: CA.issue("sue", usages=[pki.SERVER]), "it is not for clients", id="a server's"),
        pytest.param(
            lambda: CA.issue("sue", further=[pki.extension(x509.OCSPNoCheck(), critical=True)]),
            "an extension that is not understood",
            id="critical and unknown",
        ),
    ],
)
def test_a_certificate_is_refused_that_is(make: Callable[[], pki.Identity], why: str) -> None:
    assert re.search(why, refusal(make()))


def test_two_of_the_same_name_are_told_apart_by_their_keys() -> None:
    old, new = (issue.authority(name="ca", now=pki.NOW, life=pki.DAY) for _ in "ab")
    known = verify.Authorities(old.certificate_pem + new.certificate_pem).names
    serving = issue.serving(new, name="sue", hosts=["sue"], now=pki.NOW, life=pki.DAY)
    expected = [one.removeprefix("CN=ca ") for one in known.split("; ")]
    assert len(set(expected)) == 2
    assert verify.describe(serving.certificate) == f"subject 'CN=sue', issuer 'CN=ca' {expected[1]}"


def test_an_authority_that_does_not_name_its_key_has_one_all_the_same() -> None:
    assert re.fullmatch(r"CN=clients \(key [0-9a-f]{8}\)", TRUST.names)
    assert verify.Authorities(STRANGER.pem).names != TRUST.names
    assert verify.describe(CA.issue("sue").certificate).endswith("issuer 'CN=clients' (key not named)")


def test_bytes_that_are_no_certificate_are_refused() -> None:
    with pytest.raises(verify.Untrusted, match="cannot be read"):
        TRUST.verify((b"nonsense",), now=pki.NOW)


def test_trust_ends_with_the_certificate_though_it_was_trusted_before() -> None:
    sue = CA.issue("sue", end=pki.NOW + pki.DAY)
    assert trusted(sue)
    with pytest.raises(verify.Untrusted, match="valid from"):
        TRUST.verify((sue.der,), now=pki.NOW + 2 * pki.DAY)
    assert trusted(sue)


def test_trust_ends_with_its_authority() -> None:
    old = pki.authority("old", end=pki.NOW - pki.DAY / 2)
    assert "valid from" in refusal(old.issue("sue"), by=verify.Authorities(old.pem))


def test_each_certificate_of_a_bundle_is_trusted_by_itself() -> None:
    intermediate = CA.delegate("intermediate")
    bundle = verify.Authorities(STRANGER.pem + intermediate.pem)
    assert trusted(intermediate.issue("sue"), by=bundle)
    assert trusted(STRANGER.issue("sue"), by=bundle)
    assert "none of the expected" in refusal(CA.issue("sue"), by=bundle)


def test_a_chain_leads_over_intermediates_in_any_order_to_the_authority() -> None:
    first = CA.delegate("first")
    second = first.delegate("second")
    own = second.issue("sue")
    for chain in ((own, second, first), (own, first, second), (own, STRANGER, second, first, CA)):
        assert trusted(*chain)
    assert "none of the expected" in refusal(own, second)
    assert "none of the expected" in refusal(own)


def test_one_good_way_is_enough() -> None:
    """The intermediate authority has two certificates, one of which has expired."""
    expired = CA.delegate("crossed", end=pki.NOW - pki.DAY / 2)
    own = expired.issue("sue")
    assert "valid from" in refusal(own, expired)
    fresh = pki.Identity(key=expired.key, certificate=_recertified(expired, by=CA))
    assert trusted(own, expired, fresh)


def _recertified(identity: pki.Identity, *, by: pki.Identity) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(identity.certificate.subject)
        .issuer_name(by.certificate.subject)
        .public_key(identity.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(pki.NOW - pki.DAY)
        .not_valid_after(pki.NOW + pki.DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(by.key, hashes.SHA256())
    )


def usage(*, signs: bool) -> x509.Extension[x509.ExtensionType]:
    no = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return pki.extension(x509.KeyUsage(digital_signature=True, key_cert_sign=signs, **no), critical=True)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(
            lambda: CA.delegate("bob", is_authority=False), "none of the expected", id="another client"
        ),
        pytest.param(
            lambda: CA.delegate("bob", further=[usage(signs=False)]), "none of the", id="not for signing"
        ),
        pytest.param(
            lambda: CA.delegate("bob", further=[pki.extension(x509.ExtendedKeyUsage([pki.SERVER]))]),
            "its CA 'CN=bob' is not for clients",
            id="for servers",
        ),
        pytest.param(
            lambda: CA.delegate(
                "bob",
                further=[pki.extension(x509.NameConstraints([x509.DNSName("a.example")], None))],
            ),
            "not understood",
            id="limited to names",
        ),
        pytest.param(lambda: CA.delegate("bob", end=pki.NOW - pki.DAY / 2), "valid from", id="expired"),
    ],
)
def test_a_chain_is_refused_over_an_intermediate_that_is(make: Callable[[], pki.Identity], why: str) -> None:
    intermediate = make()
    assert re.search(why, refusal(intermediate.issue("sue"), intermediate))


def test_an_intermediate_that_may_sign_is_one_that_may() -> None:
    intermediate = CA.delegate("bob", further=[usage(signs=True)])
    assert trusted(intermediate.issue("sue"), intermediate)


def test_a_chain_may_be_no_deeper_than_its_authority_allows() -> None:
    shallow = pki.authority("shallow", path_length=0)
    bundle = verify.Authorities(shallow.pem)
    assert trusted(shallow.issue("sue"), by=bundle)
    intermediate = shallow.delegate("deep")
    assert "has a path length constraint of 0, but the chain is longer" in refusal(
        intermediate.issue("sue"), intermediate, by=bundle
    )


def test_the_names_of_a_bundle_are_told_once_each() -> None:
    other = pki.authority("b")
    reply = [verify.Authorities(one.pem).names for one in (CA, STRANGER, other)]
    assert verify.Authorities(CA.pem + STRANGER.pem + CA.pem + other.pem).names == "; ".join(reply)


@pytest.mark.parametrize(
    "pem", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"]
)
def test_a_bundle_without_certificates_is_refused(pem: bytes) -> None:
    with pytest.raises(verify.BadAuthorities, match="no certificates in PEM"):
        verify.Authorities(pem)


SERIALS = pytest.mark.filterwarnings("ignore:Parsed a serial number")
"""A changed serial number may not be positive; `cryptography` warns of it and will refuse it in future."""
SUE = CA.issue("sue", organizations=["dev"], host="127.0.0.1").der


@SERIALS
@settings(deadline=None)
@given(position=st.integers(0, len(SUE) - 1), byte=st.integers(0, 255))
def test_a_changed_certificate_is_never_trusted_and_never_a_defect(position: int, byte: int) -> None:
    changed = SUE[:position] + bytes((byte,)) + SUE[position + 1 :]
    if changed == SUE:
        return
    with pytest.raises(verify.Untrusted):
        TRUST.verify((changed,), now=pki.NOW)


@SERIALS
@settings(deadline=None)
@given(position=st.integers(0, len(CA.der) - 1), byte=st.integers(0, 255))
def test_a_changed_authority_is_a_refusal_or_trusts_less_but_never_a_defect(position: int, byte: int) -> None:
    changed = CA.der[:position] + bytes((byte,)) + CA.der[position + 1 :]
    try:
        bundle = verify.Authorities(ssl.DER_cert_to_PEM_cert(changed).encode())
        bundle.verify((SUE,), now=pki.NOW)
    except (verify.BadAuthorities, verify.Untrusted):
        return
