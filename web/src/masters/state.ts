/** What the masters' page knows: which tab, which site, and the shapes of the server. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { addressed, tried } from "../core/shared.ts";

export interface Site {
  code: string;
  kind: string;
  name_en: string;
  name_ja: string;
  time_zone: string;
  prefecture: string;
  latitude: number;
  longitude: number;
  units_per_day: number;
  dispatch: string;
  cross_bays?: string;
  places?: number;
}

export interface Place {
  code: string;
  kind: string;
  lane: string | null;
  zone: string;
  aisle: number | null;
  bay: number | null;
  x_mm: number;
  y_mm: number;
  z_mm: number;
  pick_seq: number;
  storage_type: string;
  temperature: string;
  dangerous_goods: string;
  mix: string;
  max_units: number | null;
  max_weight_g: number | null;
  max_height_mm: number | null;
  blocked: string;
  label_epoch: number;
  digits: string;
  units: number;
  skus: number;
}

export interface Pack {
  level: string;
  units: number;
  length_mm: number;
  width_mm: number;
  height_mm: number;
  weight_g: number;
  gtins: string[];
}

export interface Sku {
  owner: string;
  code: string;
  name_en: string;
  name_ja: string;
  tracking: string;
  temperature: string;
  length_mm: number;
  width_mm: number;
  height_mm: number;
  weight_g: number;
  catch_weight: boolean;
  shelf_life_days: number | null;
  dangerous_goods: string;
  upright: boolean;
  fragile: boolean;
  stackable: boolean;
  picture: string;
  gtins: string[];
  packs: Pack[];
}

export const TABS = ["places", "sites", "goods", "rules", "files"] as const;
export const [tab, showTab] = addressed("tab", "places");
export const [site, showSite] = addressed("site", "");
export const sites = signal<readonly Site[]>([]);
/** What was just done, for who listens. */
export const said = signal("");

export async function readSites(): Promise<void> {
  const found = await tried(() => get<Site[]>("/console/v1/masters/sites"));
  if (!found) return;
  sites.value = found;
  if (!found.some((each) => each.code === site.value)) {
    const most = [...found].sort((a, b) => (b.places ?? 0) - (a.places ?? 0))[0];
    if (most) showSite(most.code);
  }
}
