/** Pure figures of the floor: ages, hours of labour, spans on a time line. */

export interface Labour {
  hour: string;
  kind: string;
  zone: string;
  operator: string | null;
  people: number;
  tasks: number;
  lines: number;
  units: number;
  active_min: number;
  idle_min: number;
  standard_min: number;
}

export interface Sum {
  name: string;
  tasks: number;
  lines: number;
  units: number;
  active_min: number;
  idle_min: number;
  standard_min: number;
}

/** Figures added up by kind, zone or person, the most work first. */
export function summed(lines: readonly Labour[], by: "kind" | "zone" | "operator"): Sum[] {
  const found = new Map<string, Sum>();
  for (const line of lines) {
    const name = line[by] ?? "";
    const sum = found.get(name) ?? { name, tasks: 0, lines: 0, units: 0, active_min: 0, idle_min: 0, standard_min: 0 };
    for (const figure of ["tasks", "lines", "units", "active_min", "idle_min", "standard_min"] as const) sum[figure] += line[figure];
    found.set(name, sum);
  }
  return [...found.values()].sort((a, b) => b.active_min - a.active_min);
}

/** Units an hour that somebody worked. */
export function pace(sum: Sum): number | null {
  return sum.active_min > 0 ? (60 * sum.units) / sum.active_min : null;
}

/** The standard's time over the time it took: 1 is as expected. */
export function performance(sum: Sum): number | null {
  return sum.active_min > 0 && sum.standard_min > 0 ? sum.standard_min / sum.active_min : null;
}

/** The share of the time at work in which something was done. */
export function used(sum: Sum): number | null {
  const all = sum.active_min + sum.idle_min;
  return all > 0 ? sum.active_min / all : null;
}

export interface Hour {
  at: number;
  parts: { name: string; units: number }[];
  units: number;
}

/** Every hour from the first to the last, with the units of each kind; those without work too. */
export function hourly(lines: readonly Labour[]): Hour[] {
  const hours = new Map<number, Map<string, number>>();
  for (const line of lines) {
    const at = Date.parse(line.hour);
    const parts = hours.get(at) ?? new Map<string, number>();
    parts.set(line.kind, (parts.get(line.kind) ?? 0) + line.units);
    hours.set(at, parts);
  }
  if (hours.size === 0) return [];
  const first = Math.min(...hours.keys());
  const last = Math.max(...hours.keys());
  const all: Hour[] = [];
  for (let at = first; at <= last; at += 3_600_000) {
    const parts = [...(hours.get(at) ?? [])].map(([name, units]) => ({ name, units }));
    all.push({ at, parts, units: parts.reduce((sum, part) => sum + part.units, 0) });
  }
  return all;
}

export interface Span {
  from: number;
  to: number;
}

/** A frame in time round all moments that are known, with a little air. */
export function frame(moments: readonly (number | null)[]): Span {
  const known = moments.filter((each): each is number => each !== null);
  if (known.length === 0) return { from: 0, to: 1 };
  const from = known.reduce((a, b) => Math.min(a, b));
  const to = known.reduce((a, b) => Math.max(a, b));
  const air = Math.max((to - from) * 0.04, 60_000);
  return { from: from - air, to: to + air };
}

/** Where a moment lies in a frame, from 0 to 1. */
export function part(span: Span, at: number): number {
  return Math.min(1, Math.max(0, (at - span.from) / (span.to - span.from)));
}

/** Round moments for a scale, at most so many. */
export function marks(span: Span, most = 8): number[] {
  const steps = [60, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400].map((s) => s * 1000);
  const step = steps.find((each) => (span.to - span.from) / each <= most) ?? 86_400_000;
  const all: number[] = [];
  for (let at = Math.ceil(span.from / step) * step; at <= span.to; at += step) all.push(at);
  return all;
}

export interface Booked extends Span {
  id: string;
  door: string;
}

/** Seconds since then; never below 0. */
export function age(now: number, then: string): number {
  return Math.max(0, (now - Date.parse(then)) / 1000);
}
