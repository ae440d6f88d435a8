"""Settings of the WMS: read once from the environment (`SOKO_*`), frozen, and passed down.

A composition root makes one and hands its parts on. Nothing below imports a global.
"""

from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, IPvAnyNetwork, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What may differ from one installation to the next."""

    model_config = SettingsConfigDict(env_prefix="SOKO_", frozen=True, extra="ignore")

    database_dir: Path = Field(
        default=Path("var/postgres"), description="where the embedded PostgreSQL lives"
    )
    database_port: int = Field(
        default=15432, ge=1, le=65535, description="where the embedded PostgreSQL listens"
    )
    database_url: str = Field(
        default="postgresql+psycopg://soko@127.0.0.1:15432/soko",
        validate_default=True,
        description="where PostgreSQL is; any server of version 15 or later",
    )
    database_pool: int = Field(default=10, ge=1, le=200, description="connections a process")
    cells: Path | None = Field(
        default=None, description="a file that spreads sites over several PostgreSQL (wms/cells.py)"
    )
    mqtt_url: str = Field(default="mqtt://127.0.0.1:18830", description="where the broker is")
    http: str = Field(default="http://127.0.0.1:8080", description="where `soko serve` listens")
    tls_cert: Path | None = Field(
        default=None, description="the certificate (PEM, with its chain) `soko serve` shows itself"
    )
    tls_key: Path | None = Field(default=None, description="the key that belongs to it (PEM)")
    carrier_url: str = Field(
        default="http://127.0.0.1:8090", description="where the carrier's API is"
    )
    carrier_urls: dict[str, str] = Field(
        default_factory=dict,
        description='carriers with an API of their own: {"SAGAWA": "https://..."}',
    )
    payments_url: str | None = Field(
        default=None, description="where the payment provider's API is; none: refunds wait"
    )
    state_dir: Path = Field(
        default=Path("var"), description="where spools, journals and the demo's database live"
    )
    seal_key: Path | None = Field(
        default=None,
        description="the key that seals the books; made on first use, seal.key in the state_dir",
    )
    source_orders: int = Field(
        default=25, ge=1, le=2000, description="orders that are sourced together, at most"
    )
    source_s: float = Field(
        default=0.5, gt=0, le=60, description="how long the best plan for them is looked for"
    )
    walks_s: float = Field(
        default=0.5,
        ge=0,
        le=60,
        description="how long shorter walks are looked for, of orders that are picked together;"
        " 0, or without the extra `fast`: what saves most is joined, and that is all",
    )
    waves_s: float = Field(
        default=2.0,
        ge=0,
        le=60,
        description="how long the densest wave is looked for; 0: orders go in their turn",
    )
    plan_processes: int = Field(
        default=1, ge=1, le=64, description="processes that play the days of a planner's run"
    )
    plan_cluster: str = Field(
        default="",
        description="the Ray cluster that plays them instead, 10.0.0.5:6379 (extra `cluster`)",
    )
    seal_every_s: float = Field(default=10.0, gt=0, description="how often movements are sealed")
    contact_key: Path | None = Field(
        default=None,
        description="the keys that contacts are sealed with; made on first use, contact.key in the"
        " state_dir",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8080", description="where customers find us: links in notices"
    )
    behind_proxy: bool = Field(
        default=False, description="whether X-Forwarded-For is written by a proxy of ours"
    )
    brand_name: str = Field(default="Soko", description="whose shop customers read of")
    brand_colour: str = Field(
        default="#1f6feb", pattern=r"^#[0-9a-fA-F]{6}$", description="of the tracking page"
    )
    brand_logo_url: str = Field(default="", description="a picture on the tracking page")
    customer_zone: str = Field(
        default="Asia/Tokyo", description="time zone of customers who have not said theirs"
    )
    smtp_url: str = Field(
        default="",
        repr=False,
        description="smtp://host:25, smtp+starttls://user:secret@host:587, smtps://…; empty: none",
    )
    smtp_ca: Path | None = Field(default=None, description="whom to trust, if not the public CAs")
    mail_from: str = Field(default="Soko <shop@localhost>", description="who mails come from")
    gateway_url: str = Field(
        default="", description="a gateway for SMS and LINE (Standard Webhooks); empty: none"
    )
    gateway_secret: str = Field(
        default="", repr=False, description="whsec_…, what its messages are signed with"
    )
    site_file: Path | None = Field(default=None, description="the plant shown in the console")
    clock: Path | None = Field(default=None, description="a shared scaled clock (edge.clock)")
    port_offset: int = Field(default=0, description="added to every device port of the site file")
    access: Literal["open", "keys"] = Field(
        default="open",
        description="whether other systems need keys; `open` only where nobody else comes",
    )
    handheld: Literal["open", "paired"] = Field(
        default="open",
        description="whether handhelds must be paired and their users signed in; `open`: a device"
        " and a person are who they say, only where nobody else comes",
    )
    two_persons: Literal["off", "on"] = Field(
        default="off",
        description="whether write-offs above the site's limit, and commands that set machines"
        " going, need the word of a second person",
    )
    oidc_issuer: str = Field(
        default="", description="the provider of identities of the office: https://id.example.com"
    )
    oidc_client_id: str = Field(default="", description="what Soko is called there")
    oidc_client_secret: str = Field(default="", repr=False, description="and its secret")
    webhooks_allowed: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description='networks that webhooks may call though not public: ["127.0.0.0/8"]',
    )
    drain_s: float = Field(
        default=0.0,
        ge=0,
        le=300,
        description="how long `soko serve` still answers after it was told to end, and says that"
        " it is not ready: longer than a proxy's time between two looks",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="of this machine, for Prometheus; 0: none"
    )
    otlp_endpoint: str = Field(
        default="", description="where metrics go: http://collector:4318/v1/metrics; empty: none"
    )
    otlp_traces: str = Field(
        default="", description="where traces go: http://collector:4318/v1/traces; empty: none"
    )
    production: bool = Field(
        default=False,
        description="whether what happens here is real: then `soko doctor` lets nothing pass that"
        " may lose data or lets strangers in",
    )
    log_level: str = Field(default="INFO")

    @property
    def over_tls(self) -> bool:
        """Whether whoever comes, comes over TLS: ended by us, or by a proxy of ours."""
        return self.tls_cert is not None or self.public_url.startswith("https://")

    @property
    def seal_key_file(self) -> Path:
        """Where the key is that seals the books."""
        return self.seal_key or self.state_dir / "seal.key"

    @property
    def contact_key_file(self) -> Path:
        """Where the keys are that contacts are sealed with."""
        return self.contact_key or self.state_dir / "contact.key"

    @field_validator("database_url")
    @classmethod
    def _with_driver_and_password(cls, url: str, info: ValidationInfo) -> str:
        """Our driver; and of the embedded server, which made up a password, that password."""
        for scheme in ("postgresql://", "postgres://"):
            if url.startswith(scheme):
                url = f"postgresql+psycopg://{url.removeprefix(scheme)}"
        parts = urlsplit(url)
        embedded = parts.hostname == "127.0.0.1" and parts.username and not parts.password
        file = info.data.get("database_dir", Path()) / "password"
        if not embedded or not file.is_file():
            return url
        secret = quote(file.read_text().strip(), safe="")
        netloc = f"{parts.username}:{secret}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=netloc))
