#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# read_x509.py CERT ISSUER URI USAGE CA: read all extensions, compare, and verify the issuer's signature.
# URI "-": none of ours. USAGE: clientAuth, serverAuth or "-". CA: yes or no. Exit 1 with what differs.
import sys

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

usages = {
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
}


def load(path):
    with open(path, "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


def value(cert, kind):
    try:
        return cert.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found}, expected {expected}")


cert, issuer = load(sys.argv[1]), load(sys.argv[2])
names = value(cert, x509.SubjectAlternativeName)
uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
check("URI", ",".join(uris) or "-", sys.argv[3])
extended = value(cert, x509.ExtendedKeyUsage)
check("extended key usage", ",".join(usages[use] for use in extended or []) or "-", sys.argv[4])
ca = sys.argv[5] == "yes"
check("CA", value(cert, x509.BasicConstraints).ca, ca)
usage = value(cert, x509.KeyUsage)
check("keyCertSign", usage.key_cert_sign, ca)
check("digitalSignature", usage.digital_signature, not ca)
check("issuer", cert.issuer, issuer.subject)
key = issuer.public_key()
signed = (cert.signature, cert.tbs_certificate_bytes)
if isinstance(key, rsa.RSAPublicKey):
    key.verify(*signed, padding.PKCS1v15(), cert.signature_hash_algorithm)
else:
    key.verify(*signed, ec.ECDSA(cert.signature_hash_algorithm))
