"""TLS as our MQTT clients speak it: 1.2 or later, the broker checked, we with a certificate.

Which files, from the address itself or else from SOKO_MQTT_CA, SOKO_MQTT_CERT and SOKO_MQTT_KEY:

    mqtts://broker.site:8883?ca=pki/ca.crt&cert=pki/devices/R-01/cert.pem&key=pki/devices/…

The three variables are read here and not in the roots, as OpenSSL reads SSL_CERT_FILE: every
process of a machine has the same identity. Without `ca` the authorities of the system are trusted;
without `cert` we come without a certificate.

The files are read again at every connect. A renewed certificate is used from then on; one that
cannot be read is logged, and the one before goes on being used.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

import structlog

from edge.identity import Identity

log = structlog.get_logger(__name__)


class ClientTls:
    """The TLS context of one client and where its files lie."""

    def __init__(self, query: str, environ: Mapping[str, str]) -> None:
        given = {key: values[-1] for key, values in parse_qs(query).items()}
        if unknown := given.keys() - {"ca", "cert", "key"}:
            raise ValueError(f"a broker's address has ca, cert and key, not {sorted(unknown)}")
        self._files = given or {
            key: value
            for key in ("ca", "cert", "key")
            if (value := environ.get(f"SOKO_MQTT_{key.upper()}"))
        }
        if ("cert" in self._files) != ("key" in self._files):
            raise ValueError("a certificate and its key go together: set both or none of them")
        self.context = ssl.create_default_context(cafile=self._files.get("ca"))
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load()

    def renew(self) -> None:
        """Read the files again, before a connect; never raises for what is wrong with them."""
        try:
            self._load()
        except (OSError, ssl.SSLError) as error:
            log.error("identity.unreadable", problem=str(error), files=self._files)  # noqa: TRY400

    def _load(self) -> None:
        if "cert" in self._files:
            files = Identity(*(Path(self._files.get(key, "")) for key in ("cert", "key", "ca")))
            now = files.at_once()
            self.context.load_cert_chain(now.certificate, now.key)
        if "ca" in self._files:
            self.context.load_verify_locations(self._files["ca"])
