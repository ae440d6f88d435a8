"""The 47 prefectures of Japan: how people write them, their tariff zones, where they are.

    prefecture("東京"), prefecture("Tokyo"), prefecture("東京都")   -> the same one
    nearest(35.6, 139.8)                                            -> 東京都

Carriers price by some dozen zones of prefectures. The place of a prefecture is its capital, in
degrees: good enough to say how far a parcel goes.

Source: the zones are those that the public parcel tariffs share (北海道, 北東北, 南東北, 関東,
信越, 北陸, 中部, 関西, 中国, 四国, 九州, 沖縄).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0
ZONES = (
    "北海道", "北東北", "南東北", "関東", "信越", "北陸", "中部", "関西", "中国", "四国", "九州",
    "沖縄",
)  # fmt: skip
_TABLE = """
北海道 Hokkaido 北海道 43.06 141.35
青森県 Aomori 北東北 40.82 140.74
岩手県 Iwate 北東北 39.70 141.15
宮城県 Miyagi 南東北 38.27 140.87
秋田県 Akita 北東北 39.72 140.10
山形県 Yamagata 南東北 38.24 140.36
福島県 Fukushima 南東北 37.75 140.47
茨城県 Ibaraki 関東 36.34 140.45
栃木県 Tochigi 関東 36.57 139.88
群馬県 Gunma 関東 36.39 139.06
埼玉県 Saitama 関東 35.86 139.65
千葉県 Chiba 関東 35.60 140.12
東京都 Tokyo 関東 35.69 139.69
神奈川県 Kanagawa 関東 35.45 139.64
新潟県 Niigata 信越 37.90 139.02
富山県 Toyama 北陸 36.70 137.21
石川県 Ishikawa 北陸 36.59 136.63
福井県 Fukui 北陸 36.07 136.22
山梨県 Yamanashi 関東 35.66 138.57
長野県 Nagano 信越 36.65 138.18
岐阜県 Gifu 中部 35.39 136.72
静岡県 Shizuoka 中部 34.98 138.38
愛知県 Aichi 中部 35.18 136.91
三重県 Mie 中部 34.73 136.51
滋賀県 Shiga 関西 35.00 135.87
京都府 Kyoto 関西 35.02 135.76
大阪府 Osaka 関西 34.69 135.52
兵庫県 Hyogo 関西 34.69 135.18
奈良県 Nara 関西 34.69 135.83
和歌山県 Wakayama 関西 34.23 135.17
鳥取県 Tottori 中国 35.50 134.24
島根県 Shimane 中国 35.47 133.05
岡山県 Okayama 中国 34.66 133.93
広島県 Hiroshima 中国 34.40 132.46
山口県 Yamaguchi 中国 34.19 131.47
徳島県 Tokushima 四国 34.07 134.56
香川県 Kagawa 四国 34.34 134.04
愛媛県 Ehime 四国 33.84 132.77
高知県 Kochi 四国 33.56 133.53
福岡県 Fukuoka 九州 33.61 130.42
佐賀県 Saga 九州 33.25 130.30
長崎県 Nagasaki 九州 32.74 129.87
熊本県 Kumamoto 九州 32.79 130.74
大分県 Oita 九州 33.24 131.61
宮崎県 Miyazaki 九州 31.91 131.42
鹿児島県 Kagoshima 九州 31.56 130.56
沖縄県 Okinawa 沖縄 26.21 127.68
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefecture:
    """One of them. `zone` is the number of its zone in ZONES."""

    name: str
    name_en: str
    zone: int
    latitude: float
    longitude: float


def _read() -> tuple[Prefecture, ...]:
    rows = (line.split() for line in _TABLE.strip().splitlines())
    return tuple(
        Prefecture(
            name=name,
            name_en=name_en,
            zone=ZONES.index(zone),
            latitude=float(latitude),
            longitude=float(longitude),
        )
        for name, name_en, zone, latitude, longitude in rows
    )


PREFECTURES = _read()


def _names() -> Mapping[str, Prefecture]:
    names: dict[str, Prefecture] = {}
    for each in PREFECTURES:
        bare = each.name if each.name == "北海道" else each.name[:-1]
        names |= {each.name: each, bare: each, each.name_en.lower(): each}
    return names


_BY_NAME = _names()


def prefecture(name: str) -> Prefecture | None:
    """The prefecture that a name means; None if it is none, or not in Japan."""
    return _BY_NAME.get(name.strip()) or _BY_NAME.get(name.strip().lower())


def nearest(latitude: float, longitude: float) -> str:
    """The name of the prefecture whose capital is nearest to a place, given in degrees."""
    return min(
        PREFECTURES, key=lambda each: _km(latitude, longitude, each.latitude, each.longitude)
    ).name


@cache
def distance_km(one: Prefecture, other: Prefecture) -> float:
    """How far two prefectures are apart, as the crow flies."""
    return _km(one.latitude, one.longitude, other.latitude, other.longitude)


def _km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    north, south = radians(lat1), radians(lat2)
    half = sin((south - north) / 2) ** 2
    half += cos(north) * cos(south) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))
