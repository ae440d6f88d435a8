/** Places around a point, as a map: true to direction, with rings that say how far. PURE. */

export interface Place {
  site: string;
  kind: string;
  name_en: string;
  name_ja: string;
  prefecture: string;
  latitude: number;
  longitude: number;
  distance_m: number | null;
  free: number;
  stock: "in_stock" | "few_left" | "none";
  age_s: number;
}
export interface Point {
  latitude: number;
  longitude: number;
}

type Far = Pick<Place, "distance_m">;

const rad = (degrees: number): number => (degrees * Math.PI) / 180;

/** The direction from one point to another: radians clockwise from north. */
export function bearing(from: Point, to: Point): number {
  const [lat0, lat, east] = [rad(from.latitude), rad(to.latitude), rad(to.longitude - from.longitude)];
  return Math.atan2(
    Math.sin(east) * Math.cos(lat),
    Math.cos(lat0) * Math.sin(lat) - Math.sin(lat0) * Math.cos(lat) * Math.cos(east),
  );
}

/** Where on a map of radius 1 a place lies: its direction as it is, near ones drawn apart. */
export function onMap(from: Point, place: Point & Far, farthest_m: number): [number, number] {
  const r = Math.sqrt(Math.min(1, (place.distance_m ?? 0) / farthest_m));
  const turn = bearing(from, place);
  return [r * Math.sin(turn), -r * Math.cos(turn)];
}

/** Two rings, the outer one round the farthest place: 1, 2, 5, 10 … kilometres. */
export function rings(places: readonly Far[]): [number, number] {
  const farthest = Math.max(500, ...places.map((place) => place.distance_m ?? 0));
  const power = 10 ** Math.floor(Math.log10(farthest));
  const outer = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= farthest) ?? farthest;
  return [outer / 4, outer];
}
