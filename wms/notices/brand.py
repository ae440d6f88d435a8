"""Brand: whose shop it is that speaks, as customers see it in notices and on the tracking page."""

from dataclasses import dataclass

from wms.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A shop's name and looks. `zone` is where its customers are who have not said."""

    name: str = "Soko"
    colour: str = "#1f6feb"
    logo_url: str = ""
    public_url: str = "http://127.0.0.1:8080"
    zone: str = "Asia/Tokyo"

    def track_url(self, token: str) -> str:
        """Where the customer follows the order with that token."""
        return f"{self.public_url.rstrip('/')}/t/{token}"


def brand_of(settings: Settings) -> Brand:
    """As the settings have it."""
    return Brand(
        name=settings.brand_name,
        colour=settings.brand_colour,
        logo_url=settings.brand_logo_url,
        public_url=settings.public_url,
        zone=settings.customer_zone,
    )
