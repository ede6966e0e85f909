"""Open Badges 3.0 (1EdTech): what a certificate says as a credential that wallets and learning platforms read.

The credential is a JSON Web Token (W3C Verifiable Credential), signed with the key that signs the certificates. Its
issuer is that key itself (did:key), so that it can be checked without a network and without a page of the issuer.
"""

import uuid
from datetime import datetime, timezone

from cryptography.hazmat.primitives import serialization

from common.hackathon.event import EventError


def badge(event, fields, key):
    """The badge of a certificate as the text of a signed token, the same each time.

    Parameters
    ----------
    event : common.hackathon.event.Event
    fields : dict
        What the certificate says, with the keys `signing.FIELDS`.
    key : Ed25519PrivateKey

    Raises
    ------
    EventError
        The package openbadgeslib is not installed.
    """
    try:
        from openbadgeslib import ob3
        from openbadgeslib.ob3.did import did_key_from_pem
    except ImportError as error:
        raise EventError("badges need the package openbadgeslib: pip install openbadgeslib") from error
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    rank = f", rank {fields['rank']}" if fields["rank"] else ""
    credential = ob3.OpenBadgeCredential(
        issuer=ob3.Issuer(did_key_from_pem(public), event.title),
        recipient_id=None,
        achievement=ob3.Achievement(
            _name(event.title, fields["challenge"]), f"{event.title}: {fields['challenge']}", event.summary,
            f"Handed in by the team {fields['team']}: {fields['metric']} {fields['score']}{rank}.",
            achievement_type="Achievement",
        ),
        id=_name(*map(str, fields.values())),
        issuance_date=datetime.combine(event.end, datetime.min.time(), timezone.utc),
        identifiers=[ob3.IdentityObject(fields["name"], "name", hashed=False)],
    )  # fmt: skip
    return ob3.OB3Signer(pem, "EdDSA").sign(credential)


def in_fields(credential):
    """What a badge says, from the content of its token: a dict of texts. LookupError or TypeError where it is none."""
    subject = credential["credentialSubject"]
    return {
        "event": credential["issuer"]["name"],
        "date": credential["validFrom"][:10],
        "name": subject["identifier"][0]["identityHash"],
        "badge": subject["achievement"]["name"],
        "for": subject["achievement"]["criteria"]["narrative"],
    }


def _name(*texts):
    """A name for what is not on the web, always the same for these texts."""
    return uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(texts)).urn
