"""``widgetmw keygen orlo``: generates an RSA key pair. The public key goes into Orlo's widget settings."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def run(options: Namespace) -> int:
    """Writes ``<vendor>-private.pem``, readable only by its owner, and ``<vendor>-public.pem``.

    Never overwrites a file. Returns the exit status.
    """
    directory, vendor = Path(options.out), options.vendor
    private, public = (directory / f"{vendor}-{half}.pem" for half in ("private", "public"))
    for path in (private, public):
        if path.exists():
            print(f"problem: {path} already exists and was not overwritten", file=sys.stderr)
            return 1
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        for path, content, mode in ((private, private_pem, 0o600), (public, public_pem, 0o644)):
            path.touch(mode, exist_ok=False)  # never overwrite a file created since the check
            path.write_bytes(content)
    except OSError as error:
        print(f"problem: cannot write to {directory}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"wrote {private} (keep it secret; set ORLO_PRIVATE_KEY_FILE={private})")
    print(f"wrote {public} (paste it into the widget's settings in Orlo's dashboard)")
    return 0
