"""What apps prove themselves with: self-signed certificates, and assertions signed with them."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Credential:
    """A private key and the certificate for it."""

    private_key: str
    certificate: str
    sha1: str
    """Thumbprint in base64url, as `x5t` carries it."""
    sha256: str

    def assertion(self, client_id: str, audience: str, algorithm: str = "PS256", **claims: Any) -> str:
        """A client assertion, valid unless `claims` says otherwise; a claim of None is left out."""
        now = int(datetime.now(UTC).timestamp())
        usual = {"aud": audience, "iss": client_id, "sub": client_id, "jti": str(uuid4()), "iat": now, "exp": now + 600}
        payload = {name: value for name, value in (usual | claims).items() if value is not None}
        named = {"x5t#S256": self.sha256} if algorithm == "PS256" else {"x5t": self.sha1}
        return jwt.encode(payload, self.private_key, algorithm, headers=named)


@cache
def credential(name: str = "photo-sync", days: int = 1) -> Credential:
    """A credential of this name, the same for every test; negative `days` make one that has expired."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = Name([NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    start, end = sorted((now - timedelta(days=10), now + timedelta(days=days)))
    made = CertificateBuilder(subject, subject, key.public_key(), random_serial_number(), start, end).sign(
        key, hashes.SHA256()
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    def thumbprint(digest: bytes) -> str:
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    return Credential(
        private.decode(),
        made.public_bytes(serialization.Encoding.PEM).decode(),
        thumbprint(made.fingerprint(hashes.SHA1())),  # noqa: S303 - `x5t` is defined as SHA-1
        thumbprint(made.fingerprint(hashes.SHA256())),
    )
