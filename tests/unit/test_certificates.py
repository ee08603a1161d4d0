"""The cluster's certificates: verified by OpenSSL's rules, with the names that Kubernetes reads from them."""

from __future__ import annotations

import base64
import ipaddress

import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from labs.engines.cluster.certificates import Authority, kubeconfig

AUTHORITY = Authority("trial-ca")


def load(pair):
    return x509.load_pem_x509_certificate(pair.certificate)


def test_a_client_is_verified_against_its_authority():
    pair = AUTHORITY.issue("system:node:node1", groups=["system:nodes"])
    store = x509.verification.Store([load(AUTHORITY.pair)])
    load(pair).verify_directly_issued_by(load(AUTHORITY.pair))
    assert store


def test_user_and_groups_are_where_kubernetes_reads_them():
    subject = load(AUTHORITY.issue("jo", groups=["a", "b"])).subject
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["jo"]
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["a", "b"]


def test_a_server_answers_to_names_and_addresses():
    certificate = load(AUTHORITY.issue("kube-apiserver", hosts=["kubernetes", "10.96.0.1"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["kubernetes"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.96.0.1")]
    server = x509.verification.PolicyBuilder().store(x509.verification.Store([load(AUTHORITY.pair)]))
    assert server.build_server_verifier(x509.DNSName("kubernetes")).verify(certificate, [])


def test_an_authority_that_exists_is_used_again():
    again = Authority("trial-ca", AUTHORITY.pair)
    load(again.issue("jo")).verify_directly_issued_by(load(AUTHORITY.pair))


def test_a_kubeconfig_holds_everything():
    pair = AUTHORITY.issue("jo")
    text = kubeconfig(
        name="c", server="https://10.0.0.1:6443", authority=AUTHORITY.pair.certificate, pair=pair, user="jo"
    )
    config = yaml.safe_load(text)
    assert config["current-context"] == "c"
    assert base64.b64decode(config["users"][0]["user"]["client-key-data"]) == pair.key
