/**
 * The time machine: pictures of the last day on the same map (GET /console/v1/minutes).
 *
 * A minute is fetched when it is looked at, and the next one ahead. Between two pictures robots are
 * drawn on the straight line: two seconds are too short to leave the aisle. Times are the site's.
 */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { type Alarm, type Frame, past, plant, type Robot, type RobotState, shown } from "./live.ts";

type Row = [x_m: number, y_m: number, heading_rad: number, state: RobotState, battery: number, flags: number];
interface Minute {
  minute: string;
  names: string[];
  moments: { at: string; robots: (Row | null)[] }[];
  alarms: Alarm[];
}
interface Picture {
  at_ms: number;
  names: string[];
  rows: (Row | null)[];
  alarms: Alarm[];
}

const MINUTE_MS = 60_000;
const KEPT = 8;
const LOADED = 1;
const PAUSED = 2;
const APART_MS = 10_000; // pictures further apart are not joined by a line

/** From when to when there are pictures. */
export const span = signal<{ first_ms: number; last_ms: number } | null>(null);
/** Nobody recorded what is looked at. */
export const unrecorded = signal(false);
export const playing = signal(0); // how many times as fast; 0: it stands

const kept = new Map<number, Picture[] | "fetched">();

export async function readSpan(): Promise<void> {
  const told = await get<{ first: string | null; last: string | null }>("/console/v1/minutes").catch(() => null);
  span.value = told?.first && told.last ? { first_ms: Date.parse(told.first), last_ms: Date.parse(told.last) + MINUTE_MS } : null;
}

function minuteOf(at_ms: number): number {
  return Math.floor(at_ms / MINUTE_MS) * MINUTE_MS;
}

async function fetched(minute_ms: number): Promise<void> {
  if (kept.has(minute_ms)) return;
  kept.set(minute_ms, "fetched");
  for (const old of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT))) kept.delete(old);
  const told = await get<Minute>(`/console/v1/minutes/${new Date(minute_ms).toISOString()}`).catch(() => null);
  kept.set(minute_ms, told ? told.moments.map((each) => ({ at_ms: Date.parse(each.at), names: told.names, rows: each.robots, alarms: told.alarms })) : []);
}

/** The picture at a time of the site, between the two nearest; null: not there (yet). */
export function pictureAt(at_ms: number): Frame | null {
  const minute = minuteOf(at_ms);
  void fetched(minute);
  void fetched(minute + MINUTE_MS);
  const known = kept.get(minute);
  unrecorded.value = Array.isArray(known) && known.length === 0;
  if (!Array.isArray(known)) return null;
  const following = kept.get(minute + MINUTE_MS);
  const all = Array.isArray(following) ? [...known, ...following.slice(0, 1)] : known;
  const next = all.findIndex((each) => each.at_ms > at_ms);
  const before = all[next < 0 ? all.length - 1 : Math.max(0, next - 1)];
  if (!before) return null;
  const after = next > 0 ? all[next] : undefined;
  return frameOf(before, after && after.at_ms - before.at_ms <= APART_MS ? after : undefined, at_ms);
}

function frameOf(before: Picture, after: Picture | undefined, at_ms: number): Frame {
  const share = after ? (at_ms - before.at_ms) / (after.at_ms - before.at_ms) : 0;
  const then = new Map(after?.names.map((name, index) => [name, after.rows[index]]) ?? []);
  const robots: Robot[] = [];
  before.names.forEach((robot, index) => {
    const row = before.rows[index];
    if (!row) return;
    const [x, y, heading_rad, state, battery, flags] = row;
    const to = then.get(robot) ?? row;
    robots.push({
      robot,
      x_m: x + (to[0] - x) * share,
      y_m: y + (to[1] - y) * share,
      heading_rad,
      state,
      battery,
      load: flags & LOADED ? "?" : null,
      transport: null,
      route: [],
      paused: (flags & PAUSED) !== 0,
    });
  });
  const at = new Date(at_ms).toISOString();
  const stood = before.alarms.filter((each) => Date.parse(each.at) <= at_ms);
  return { at, site: plant.peek()?.site.code ?? "", robots, cartons: [], transports_open: 0, lanes: [], alarms: stood };
}

/** Look at a time of the site; null: live again. */
export function lookAt(at_ms: number | null): void {
  past.value = at_ms;
  if (at_ms === null) playing.value = 0;
  else {
    const picture = pictureAt(at_ms);
    if (picture) shown.value = picture;
  }
}

/** Time passes there too; stops at the end of what there is. */
export function goOn(real_ms: number): void {
  const [at_ms, known] = [past.peek(), span.peek()];
  if (at_ms === null || playing.peek() === 0 || !known) return;
  const next = Math.min(at_ms + real_ms * playing.peek(), known.last_ms);
  past.value = next;
  if (next === known.last_ms) playing.value = 0;
}
