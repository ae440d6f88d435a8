/** Stock as the page shows it: one line a SKU over all sites, its sites below. PURE. */

/** All states, in the order of the goods' way; `free` is what may still be promised. */
export const STATES = [
  "inbound",
  "sellable",
  "reserved",
  "allocated",
  "picked",
  "packed",
  "in_transit",
  "return_requested",
  "return_in_transit",
  "quarantine",
  "damaged",
] as const;
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
  for (const state of [...STATES, "free"] as const) sum[state] += b[state] ?? 0;
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
  return STATES.reduce((sum, state) => sum + Math.max(0, units[state]), 0);
}
