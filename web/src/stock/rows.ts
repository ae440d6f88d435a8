/**
 * Stock as the page shows it: one line a SKU over all sites, its sites below. PURE.
 *
 * What is reserved, allocated or kept as safety stock is part of what is sellable; `free` is the
 * rest of it. So a bar is made of these parts and never of `sellable` itself.
 */

/** All states, in the order of the goods' way. */
export const STATES = [
  "expected",
  "received",
  "sellable",
  "reserved",
  "cart",
  "click_reserve",
  "allocated",
  "picked",
  "packed",
  "to_customer",
  "to_store",
  "to_locker",
  "store_to_dc",
  "dc_to_dc",
  "return_requested",
  "return_in_transit",
  "return_received",
  "quarantine",
  "damaged",
  "lost",
  "unknown",
  "safety",
] as const;
/** Shown only where there is any. */
export const RARE: readonly State[] = [
  "cart",
  "click_reserve",
  "to_store",
  "to_locker",
  "store_to_dc",
  "dc_to_dc",
  "return_received",
  "lost",
  "unknown",
  "safety",
];
/** Parts of what another state counts as a whole. */
const WITHIN: readonly State[] = ["sellable", "cart", "click_reserve"];
/** What a bar is made of: every unit once. */
export const PARTS = ["free", ...STATES.filter((state) => !WITHIN.includes(state))] as const;
export type State = (typeof STATES)[number];
export type Units = Record<State | "free", number>;

export interface StockRow extends Units {
  site: string;
  sku: string;
  name_en?: string | null;
  name_ja?: string | null;
}
export interface Stock {
  sites: (string | { code: string })[];
  rows: StockRow[];
  totals?: Partial<Units>;
}
export interface SkuStock {
  sku: string;
  name_en: string;
  name_ja: string;
  total: Units;
  sites: StockRow[];
}

export function nothing(): Units {
  const units = Object.fromEntries(STATES.map((state) => [state, 0]));
  return { ...units, free: 0 } as Units;
}

export function added(a: Units, b: Partial<Units>): Units {
  const sum = { ...a };
  for (const state of ["free", ...STATES] as const) sum[state] += b[state] ?? 0;
  return sum;
}

/** The rows by SKU, in the order in which they came; sites with the most free units first. */
export function bySku(rows: StockRow[]): SkuStock[] {
  const skus = new Map<string, SkuStock>();
  for (const row of rows) {
    const known = skus.get(row.sku) ?? {
      sku: row.sku,
      name_en: row.name_en ?? "",
      name_ja: row.name_ja ?? "",
      total: nothing(),
      sites: [],
    };
    known.total = added(known.total, row);
    known.sites.push(row);
    skus.set(row.sku, known);
  }
  for (const each of skus.values()) each.sites.sort((a, b) => b.free - a.free || a.site.localeCompare(b.site));
  return [...skus.values()];
}

/** How much there is of it in all states: the width of its bar. */
export function unitsIn(units: Units): number {
  return PARTS.reduce((sum, state) => sum + Math.max(0, units[state] ?? 0), 0);
}

/** The states that get a column. */
export function shownStates(totals: Partial<Units>): State[] {
  return STATES.filter((state) => !RARE.includes(state) || (totals[state] ?? 0) > 0);
}
