/**
 * Stock as the page shows it: a SKU over all sites, and site by site. PURE.
 *
 * What is reserved, allocated, kept as safety stock or blocked is part of what is sellable; `free` is the
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
  "blocked",
] as const;
export type State = (typeof STATES)[number];
/** Parts of what another state counts as a whole. */
const WITHIN: readonly State[] = ["sellable", "cart", "click_reserve"];
/** What a bar is made of: every unit once. */
export const PARTS = ["free", ...STATES.filter((state) => !WITHIN.includes(state))] as const;
export type Units = Record<State | "free", number>;
/** What the list can be filtered by: goods that somebody should look after. */
export const CARES = ["sold_out", "blocked", "quarantine", "damaged", "lost", "unknown"] as const;
export type Care = (typeof CARES)[number];

/** A line of the list: states that are 0 are left out. */
export interface Line {
  sku: string;
  name_en: string;
  name_ja: string;
  sites: number;
  units: Partial<Units>;
}
export interface LinesPage {
  as_of: string;
  age_s: number;
  sites: string[];
  lines: Line[];
  next: string | null;
}
export interface Figures {
  units: Units;
  channels: Record<string, number>;
  segments: Record<string, number>;
  overdue: number;
}
export interface AtSite extends Figures {
  kind: string;
  age_s: number;
}
export interface SkuStock {
  sku: string;
  name_en: string;
  name_ja: string;
  total: Figures;
  sites: Record<string, AtSite>;
}
export interface Availability {
  as_of: string;
  age_s: number;
  skus: SkuStock[];
}

/** How many units there are in each state, 0 where nothing was said. */
export function whole(units: Partial<Units>): Units {
  return Object.fromEntries(["free", ...STATES].map((state) => [state, units[state as State] ?? 0])) as Units;
}

/** How much there is of it in all states: the width of its bar. */
export function unitsIn(units: Partial<Units>): number {
  return PARTS.reduce((sum, state) => sum + Math.max(0, units[state] ?? 0), 0);
}

/** The states that there are any units in; the rest is folded away. */
export function shownStates(units: Partial<Units>): State[] {
  return STATES.filter((state) => (units[state] ?? 0) !== 0);
}

/** What a line tells beside its bar: parts with any units, the free ones apart. */
export function partsOf(units: Partial<Units>): State[] {
  return PARTS.filter((part): part is State => part !== "free" && (units[part] ?? 0) > 0);
}

/** The sites of a SKU, those with the most free units first. */
export function bySite(stock: SkuStock): [string, AtSite][] {
  return Object.entries(stock.sites).sort(
    ([a, one], [b, other]) => other.units.free - one.units.free || a.localeCompare(b),
  );
}

/** The line that a SKU's own figures make. */
export function lineOf(stock: SkuStock): Line {
  const { sku, name_en, name_ja, total, sites } = stock;
  return { sku, name_en, name_ja, units: total.units, sites: Object.keys(sites).length };
}

/** The lines with some of them told anew; none comes or goes. */
export function renewed(lines: readonly Line[], news: readonly SkuStock[]): Line[] {
  const fresh = new Map(news.map((stock) => [stock.sku, lineOf(stock)]));
  return lines.map((line) => fresh.get(line.sku) ?? line);
}

/** The lines with more behind them; one that is there already is not shown twice. */
export function joined(lines: readonly Line[], more: readonly Line[]): Line[] {
  const known = new Set(lines.map((line) => line.sku));
  return [...lines, ...more.filter((line) => !known.has(line.sku))];
}
