"""The demo's network: 11 DCs and FCs and 24 stores over Japan, and where customers live.

Everything but the hub is worked by people alone. The hub, TYO1, also has robots, a sorter, a
conveyor and two RFID gates (its site file is simulators/sites/tokyo.toml), and all parcels go
through it. Coordinates are of the cities, to a hundredth of a degree.
"""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Literal

HUB = "TYO1"
EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Place:
    """A site of the network."""

    code: str
    kind: Literal["DC", "FC", "STORE"]
    name_en: str
    name_ja: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Region:
    """Where customers live, and what share of them."""

    prefecture: str
    postal_code: str
    latitude: float
    longitude: float
    population_m: float  # millions, 2020 census, rounded


PLACES = (
    Place("TYO1", "DC", "Tokyo hub DC", "東京ハブDC", 35.64, 139.80),
    Place("SAI1", "DC", "Saitama DC", "埼玉DC", 35.86, 139.65),
    Place("CHB1", "FC", "Chiba FC", "千葉FC", 35.61, 140.12),
    Place("YOK1", "FC", "Yokohama FC", "横浜FC", 35.44, 139.64),
    Place("NGY1", "DC", "Nagoya DC", "名古屋DC", 35.18, 136.91),
    Place("OSA1", "DC", "Osaka DC", "大阪DC", 34.69, 135.50),
    Place("KOB1", "FC", "Kobe FC", "神戸FC", 34.69, 135.20),
    Place("HIR1", "DC", "Hiroshima DC", "広島DC", 34.39, 132.46),
    Place("FUK1", "DC", "Fukuoka DC", "福岡DC", 33.59, 130.40),
    Place("SEN1", "DC", "Sendai DC", "仙台DC", 38.27, 140.87),
    Place("SPK1", "DC", "Sapporo DC", "札幌DC", 43.06, 141.35),
    Place("S-GNZ", "STORE", "Ginza store", "銀座店", 35.67, 139.76),
    Place("S-SJK", "STORE", "Shinjuku store", "新宿店", 35.69, 139.70),
    Place("S-SBY", "STORE", "Shibuya store", "渋谷店", 35.66, 139.70),
    Place("S-IKB", "STORE", "Ikebukuro store", "池袋店", 35.73, 139.71),
    Place("S-YOK", "STORE", "Yokohama store", "横浜店", 35.47, 139.62),
    Place("S-KWS", "STORE", "Kawasaki store", "川崎店", 35.53, 139.70),
    Place("S-OMY", "STORE", "Omiya store", "大宮店", 35.91, 139.62),
    Place("S-CHB", "STORE", "Chiba store", "千葉店", 35.61, 140.11),
    Place("S-MIT", "STORE", "Mito store", "水戸店", 36.37, 140.48),
    Place("S-UTM", "STORE", "Utsunomiya store", "宇都宮店", 36.56, 139.88),
    Place("S-NGT", "STORE", "Niigata store", "新潟店", 37.91, 139.04),
    Place("S-KNZ", "STORE", "Kanazawa store", "金沢店", 36.58, 136.65),
    Place("S-SZK", "STORE", "Shizuoka store", "静岡店", 34.97, 138.39),
    Place("S-HMM", "STORE", "Hamamatsu store", "浜松店", 34.70, 137.73),
    Place("S-SKE", "STORE", "Nagoya Sakae store", "名古屋栄店", 35.17, 136.91),
    Place("S-KYT", "STORE", "Kyoto store", "京都店", 35.00, 135.76),
    Place("S-UMD", "STORE", "Osaka Umeda store", "大阪梅田店", 34.70, 135.50),
    Place("S-NMB", "STORE", "Osaka Namba store", "大阪難波店", 34.66, 135.50),
    Place("S-SNM", "STORE", "Kobe Sannomiya store", "神戸三宮店", 34.69, 135.19),
    Place("S-OKY", "STORE", "Okayama store", "岡山店", 34.67, 133.92),
    Place("S-TKM", "STORE", "Takamatsu store", "高松店", 34.34, 134.05),
    Place("S-HRS", "STORE", "Hiroshima store", "広島店", 34.39, 132.46),
    Place("S-HKT", "STORE", "Hakata store", "博多店", 33.59, 130.42),
    Place("S-NAH", "STORE", "Naha store", "那覇店", 26.21, 127.68),
)

REGIONS = (
    Region("東京都", "100-0001", 35.68, 139.77, 14.0),
    Region("神奈川県", "231-0001", 35.45, 139.64, 9.2),
    Region("大阪府", "530-0001", 34.70, 135.50, 8.8),
    Region("愛知県", "460-0001", 35.18, 136.91, 7.5),
    Region("埼玉県", "330-0061", 35.86, 139.65, 7.3),
    Region("千葉県", "260-0001", 35.61, 140.12, 6.3),
    Region("兵庫県", "650-0001", 34.69, 135.18, 5.5),
    Region("北海道", "060-0001", 43.06, 141.35, 5.2),
    Region("福岡県", "812-0011", 33.59, 130.42, 5.1),
    Region("静岡県", "420-0001", 34.98, 138.38, 3.6),
    Region("広島県", "730-0011", 34.40, 132.46, 2.8),
    Region("京都府", "604-0001", 35.02, 135.76, 2.6),
    Region("宮城県", "980-0001", 38.27, 140.87, 2.3),
    Region("新潟県", "950-0001", 37.92, 139.04, 2.2),
    Region("岡山県", "700-0001", 34.66, 133.93, 1.9),
    Region("沖縄県", "900-0001", 26.21, 127.68, 1.5),
    Region("石川県", "920-0001", 36.59, 136.63, 1.1),
    Region("香川県", "760-0001", 34.34, 134.05, 1.0),
)


def place(code: str) -> Place:
    """The site of that code."""
    return next(p for p in PLACES if p.code == code)


def distance_km(one: Place | Region, other: Place | Region) -> float:
    """Great-circle distance (haversine)."""
    lat1, lat2 = radians(one.latitude), radians(other.latitude)
    across = radians(other.longitude - one.longitude)
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin(across / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half))


def line_haul_s(code: str) -> float:
    """How long a load from that site is on its way to the hub, in seconds.

    A van for the region (40 km/h door to door), else express by road and air: an hour and a half,
    and another hour for every 800 km. A quick network, so that a day ends on its evening.
    """
    km = distance_km(place(code), place(HUB))
    van_km_max = 90.0
    if km <= van_km_max:
        return 900 + km / 40 * 3600
    return 1.5 * 3600 + km / 800 * 3600
