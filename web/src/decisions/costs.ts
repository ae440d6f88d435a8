/** What a candidate costs, term by term, and how its bar is drawn. PURE. Amounts are minor units. */

export type Terms = Record<string, number>;

export interface Candidate {
  site: string;
  feasible: boolean;
  cost_minor: number;
  terms: Terms;
  ships_on: string | null;
  arrives_by: string | null;
  late_days: number;
  reasons: Why[];
}
/** A sentence of the server: a code, and what to fill in. */
export interface Why {
  code: string;
  params: Record<string, unknown>;
}
export interface Part {
  term: string;
  minor: number;
  from: number; // share of the widest bar at which it begins
  width: number; // share of it
}

/** Always in this order, so that the same term has the same colour and place on every bar. */
export const TERMS = [
  "carrier",
  "weight",
  "packing",
  "cartons",
  "handling",
  "split",
  "time",
  "late",
  "co2",
  "balance",
  "backorders",
  "markdown",
  "scarcity",
] as const;
const OF_TERM = new Map<string, number>(TERMS.map((term, place) => [term, place]));

/** The number of a term's colour: known ones by their place, others after them. */
export function shadeOf(term: string): number {
  return (OF_TERM.get(term) ?? TERMS.length) % 14;
}

export function inTermOrder(terms: Terms): [string, number][] {
  const last = TERMS.length;
  return Object.entries(terms)
    .filter(([, minor]) => Math.round(minor) !== 0)
    .sort(([a], [b]) => (OF_TERM.get(a) ?? last) - (OF_TERM.get(b) ?? last) || a.localeCompare(b));
}

/** The parts of a bar. What a term saves (below zero) lies left of zero, what it costs right of it. */
export function partsOf(terms: Terms, scale: Scale): Part[] {
  let [left, right] = [scale.zero, scale.zero];
  return inTermOrder(terms).map(([term, minor]) => {
    const width = Math.abs(minor) / scale.span;
    if (minor < 0) {
      left -= width;
      return { term, minor, from: left, width };
    }
    const part = { term, minor, from: right, width };
    right += width;
    return part;
  });
}

export interface Scale {
  span: number; // minor units over the whole width
  zero: number; // share of the width left of zero
}

/** One scale for all bars of a picture. */
export function scaleOf(all: readonly Terms[]): Scale {
  const sum = (terms: Terms, sign: 1 | -1): number =>
    Object.values(terms).reduce((total, minor) => total + Math.max(0, sign * minor), 0);
  const most = Math.max(1, ...all.map((terms) => sum(terms, 1)));
  const least = Math.max(0, ...all.map((terms) => sum(terms, -1)));
  return { span: most + least, zero: least / (most + least) };
}

/** What can be drawn, the cheapest first; and what could not be chosen, with its reasons. */
export function sides(candidates: readonly Candidate[]): { weighed: Candidate[]; out: Candidate[] } {
  const inOrder = [...candidates].sort((a, b) => a.cost_minor - b.cost_minor || a.site.localeCompare(b.site));
  return { weighed: inOrder.filter((each) => each.feasible), out: inOrder.filter((each) => !each.feasible) };
}
