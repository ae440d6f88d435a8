/** One SKU: its figures, what may be promised of it, and where it can be had. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import type { Place, Point } from "./around.ts";
import type { Atp } from "./curve.ts";
import type { Availability, SkuStock } from "./rows.ts";

const DAYS = 28;
const TOKYO: Point = { latitude: 35.6812, longitude: 139.7671 };

export const shown = signal<SkuStock | null>(null);
export const atp = signal<Atp | null>(null);
export const atpOf = signal(""); // the site whose curve is shown; "": the network's
export const near = signal<readonly Place[]>([]);
export const from = signal<Point & { name: string }>({ ...TOKYO, name: "" });
export const all = signal<readonly Place[]>([]); // sites that one can look from

interface Found {
  places: Place[];
}

/** Read everything about a SKU. */
export async function readOne(sku: string): Promise<void> {
  const of = new URLSearchParams({ sku });
  const [stock, days] = await Promise.all([
    get<Availability>(`/v1/availability?${of}`),
    get<Atp>(`/v1/atp?${of}&days=${DAYS}`),
    readNear(sku),
  ]);
  shown.value = stock.skus[0] ?? null;
  atp.value = days;
}

/** Look for it from somewhere. */
export async function readNear(sku: string): Promise<void> {
  const { latitude, longitude } = from.peek();
  const point = { sku, latitude: String(latitude), longitude: String(longitude) };
  const stores = new URLSearchParams({ ...point, limit: "12", also_none: "true" });
  const places = (await get<Found>(`/v1/find-in-store?${stores}`)).places;
  near.value = places.filter((place) => place.distance_m !== null);
  if (all.peek().length > 0) return;
  const kinds = ["DC", "FC", "STORE", "LOCKER"].map((kind) => `kind=${kind}`).join("&");
  const every = new URLSearchParams({ ...point, limit: "100", also_none: "true" });
  const sites = (await get<Found>(`/v1/find-in-store?${every}&${kinds}`)).places;
  all.value = sites.filter((place) => place.distance_m !== null).sort((a, b) => a.site.localeCompare(b.site));
}

/** Look from there. */
export function lookFrom(sku: string, code: string): void {
  const place = all.peek().find((each) => each.site === code);
  from.value = place ? { latitude: place.latitude, longitude: place.longitude, name: code } : { ...TOKYO, name: "" };
  void readNear(sku).catch(() => undefined);
}
