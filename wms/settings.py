"""Settings of the WMS: read once from the environment (`SOKO_*`), frozen, and passed down.

A composition root makes one and hands its parts on. Nothing below imports a global.
"""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What may differ from one installation to the next."""

    model_config = SettingsConfigDict(env_prefix="SOKO_", frozen=True, extra="ignore")

    database_url: str = Field(
        default="postgresql+psycopg://soko@127.0.0.1:54320/soko",
        description="where PostgreSQL is; any server of version 15 or later",
    )
    database_pool: int = Field(default=10, ge=1, le=200, description="connections a process")
    mqtt_url: str = Field(default="mqtt://127.0.0.1:18830", description="where the broker is")
    http: str = Field(default="http://127.0.0.1:8080", description="where `soko serve` listens")
    carrier_url: str = Field(
        default="http://127.0.0.1:8090", description="where the carrier's API is"
    )
    state_dir: Path = Field(
        default=Path("var"), description="where spools, journals and the demo's database live"
    )
    site_file: Path | None = Field(default=None, description="the plant shown in the console")
    clock: Path | None = Field(default=None, description="a shared scaled clock (edge.clock)")
    port_offset: int = Field(default=0, description="added to every device port of the site file")
    log_level: str = Field(default="INFO")
