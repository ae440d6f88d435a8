/** What may be promised by day, as steps of a chart: days to the right, units upwards. PURE. */

export interface Supply {
  id: string;
  site: string;
  kind: string;
  units: number;
  received: number;
  held: number;
  eta_p50: string;
  eta_p90: string;
  confidence: number;
}
export interface Curves {
  free: number;
  expected: number[];
  safe: number[];
}
export interface Atp extends Curves {
  sku: string;
  dates: string[];
  sites: Record<string, Curves & { kind: string; time_zone: string; today: string }>;
  supplies: Supply[];
}

/** A round number of units that holds so many: 1, 2, 4, 6, 8, 10, 20, 40 … */
export function ceiling(most: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return [1, 2, 4, 6, 8, 10].map((each) => each * power).find((each) => each >= most) ?? 10 * power;
}

/** Where a chart of so many days and units has its points. */
export interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  days: number;
  most: number;
}

/** The left edge of a day; `frame.days` is the right edge of the last. */
export function xOf(frame: Frame, day: number): number {
  return frame.left + ((frame.width - frame.left - frame.right) * day) / frame.days;
}

export function yOf(frame: Frame, units: number): number {
  const high = frame.height - frame.top - frame.bottom;
  return frame.top + high * (1 - Math.min(units, frame.most) / frame.most);
}

/** The outline of a curve: flat over each day, a step between two that differ. */
export function outline(frame: Frame, curve: readonly number[]): string {
  const steps = curve.map((units, day) => {
    const y = yOf(frame, units).toFixed(1);
    return `${day === 0 ? "M" : "L"}${xOf(frame, day).toFixed(1)} ${y}H${xOf(frame, day + 1).toFixed(1)}`;
  });
  return steps.join("");
}

/** The same, closed at the bottom: an area. */
export function area(frame: Frame, curve: readonly number[]): string {
  const ground = yOf(frame, 0).toFixed(1);
  return `${outline(frame, curve)}V${ground}H${frame.left.toFixed(1)}Z`;
}

/** The day of a moment, counted from the first date, in a time zone; not before the first. */
export function dayOf(moment: string, first: string, timeZone: string): number {
  const local = new Date(moment).toLocaleDateString("sv-SE", { timeZone });
  return Math.max(0, Math.round((Date.parse(local) - Date.parse(first)) / 86_400_000));
}

/** How many days apart the dates under the chart are, so that they do not run together. */
export function everyDays(days: number, room: number): number {
  return [1, 2, 3, 7, 14, 28].find((each) => days / each <= room) ?? 56;
}
