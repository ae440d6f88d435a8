/** What the server tells of an order to whoever has its token; and what of it is shown how. PURE. */

export interface Brand {
  name: string;
  colour: string | null;
  logo: string | null;
}
export interface Step {
  code: string;
  at: string | null; // null: not yet
}
export interface Parcel {
  number: string | null;
  carrier: string | null;
  status: string;
  shipped_at: string | null;
  delivered_at: string | null;
}
export interface Point {
  site: string;
  name_en: string;
  name_ja: string;
  prefecture: string;
  latitude: number;
  longitude: number;
}
export interface Pickup extends Point {
  state: string;
  code: string | null;
  qr: string | null;
  keep_until: string | null;
}
export interface Good {
  line_no: number;
  sku: string;
  name_en: string;
  name_ja: string;
  units: number;
  returnable: number;
}
export type Deed = "slot" | "collection_point" | "cancel" | "return";
export interface Back {
  id: string;
  number: string;
  state: string;
  tracking: string | null;
  qr: string;
}
export interface Tracking {
  number: string;
  brand: Brand;
  language: string;
  time_zone: string;
  first_name: string | null;
  status: string;
  steps: Step[];
  eta: { from: string | null; by: string | null; slot: string } | null;
  promise_moved: { was: string; reason: string } | null;
  parcels: Parcel[];
  pickup: Pickup | null;
  lines: Good[];
  allowed: Partial<Record<Deed, string | null>>; // null: yes; else why not
  slots: string[];
  points: Point[];
  returns: Back[];
}

/** The last step that has happened; -1: none. */
export function reached(steps: readonly Step[]): number {
  return steps.reduce((last, step, place) => (step.at === null ? last : place), -1);
}

/** A colour that text is read on: the ink for a brand's colour, by its luminance (WCAG 2). */
export function inkOn(colour: string): "#ffffff" | "#111418" {
  const part = (from: number): number => {
    const value = Number.parseInt(colour.slice(from, from + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  // Whichever of the two is further away.
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.057 ? "#ffffff" : "#111418";
}

/** A colour as the API may give it; null: none that can be drawn. */
export function colourOf(text: string | null | undefined): string | null {
  return text && /^#[0-9a-fA-F]{6}$/.test(text) ? text : null;
}

/** 14:00–16:00 from "14-16"; other codes have words in the catalogue. */
export function hoursOf(slot: string): string | null {
  const parts = /^(\d{2})-(\d{2})$/.exec(slot);
  return parts ? `${parts[1]}:00–${parts[2]}:00` : null;
}
