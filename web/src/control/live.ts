/** The control room's picture: feed, clock of the site, motion of robots, history for the sparklines. */
import { computed, effect, signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { lang } from "../core/i18n.ts";
import { ageS, Feed, tick } from "../core/live.ts";
import { applied, type Moved } from "./apply.ts";
import { poseAt, type Pose, type Track, Ways } from "./motion.ts";
import type { Plant } from "./plant.ts";
import { type Figures, figuresOf } from "./figures.ts";

export type RobotState = "IDLE" | "DRIVING" | "WAITING" | "WORKING" | "CHARGING" | "FAULT" | "SILENT";
export interface Robot {
  robot: string;
  x_m: number;
  y_m: number;
  heading_rad: number;
  state: RobotState;
  battery: number;
  load: string | null;
  transport: string | null;
  route: string[];
  paused?: boolean; // people, or a safety circuit, have it stand
  why?: string; // it cannot be reckoned with
  slots?: number; // of one that carries several loads …
  loads?: string[]; // … and all of them
}
export interface Stop {
  circuit: string;
  since: string;
  reset: boolean;
  robots: number;
}
export interface Carton {
  device: string;
  tracking: number;
  code: string | null;
  place: string;
}
export interface Alarm {
  at: string;
  id: string;
  source: string;
  code: string;
  priority: 1 | 2 | 3;
  active: boolean;
  detail?: string;
  state?: "UNACK" | "ACKED" | "RETURNED" | "LATCHED";
  owner?: string;
  until?: string | null; // of what is to be confirmed
  by?: string;
  cause?: string | null; // the id of the alarm that explains it
  shelved_until?: string | null;
  shelved_why?: string;
  suppressed_by?: { code: string; source: string } | null; // by design, while that stands
  out_until?: string | null; // out of service
}
export interface OutOfService {
  alarm: string;
  source: string;
  code: string; // "": everything of that machine
  since: string;
  until: string;
  by: string;
  reason: string;
}
export interface Frame {
  at: string;
  site: string;
  robots: Robot[];
  cartons: Carton[];
  transports_open: number;
  lanes: [string, number][];
  alarms: Alarm[];
  stops?: Stop[];
  areas?: string[]; // closed by people
}
export interface OrderRow {
  id: string;
  number: string;
  status: string;
  placed_at?: string;
  lines?: number | unknown[];
}
export interface Happening {
  at_ms: number; // of the site
  robot: string;
  what: string;
  detail: string;
}

export const STALE_S = 2;
const FIGURES_OLD_S = 6;
const BLOCKED_S = 60; // of the site: a shorter wait is traffic, not trouble
const FLOW_WINDOW_MS = 30 * 60_000; // throughput is the shipped parcels of the last half hour
const EVENTS_KEPT = 400;
const UNKNOWN_MS = 5_000; // of the site
const SHOWN_EVERY_MS = 450; // lists and figures: nobody reads faster, and the map has its own pace

const feed = new Feed("/console/v1/events");
export const frame = feed.topic<Frame>("frame");
const moved = feed.topic<Moved>("moved");
const summary = feed.topic<unknown>("summary");
const orderFeed = feed.topic<unknown>("orders");
const alarmFeed = feed.topic<unknown>("alarms");

/** The picture for all that is not the map. */
export const shown = signal<Frame | null>(null);
let shown_ms = 0;
/** The time of the site that is looked at; null: live. */
export const past = signal<number | null>(null);

/** An area by the name that the site gave it in this language; every other machine by its own. */
export function named(machine: string): string {
  const area = plant.value?.areas?.find((each) => each.name === machine);
  return (lang.value === "ja" ? area?.name_ja : area?.name_en) || machine;
}

export const connected = feed.open;
export const plant = signal<Plant | null>(null);
export const plantMissing = signal(false);
export const selected = signal<string | null>(null);
export const happenings = signal<Happening[]>([]);
export const flow = signal<{ at_ms: number; shipped: number }[]>([]);

export const frameAge = computed(() => ageS(frame.value));
/** Counters come every second; older than that they are hatched like the map. */
export const figuresStale = computed(() => ageS(summary.value) > FIGURES_OLD_S);
export const stale = computed(() => frameAge.value > STALE_S);
export const figures = computed<Figures>(() => figuresOf(summary.value?.value));
export const orders = computed<OrderRow[]>(() => rowsOf<OrderRow>(orderFeed.value?.value, "orders"));
/** What the WMS knows of (orders, picks) and what the site tells now (robots, machines), each once. */
export const alarms = computed<Alarm[]>(() => {
  const known = new Map<string, Alarm>();
  if (past.value !== null) return shown.value?.alarms ?? []; // as it was then
  const told = alarmFeed.value ? rowsOf<Alarm>(alarmFeed.value.value, "alarms") : [];
  for (const each of told) known.set(each.id, each);
  const heard = new Set(told.map((each) => `${each.source}/${each.code}`));
  for (const each of shown.value?.alarms ?? []) {
    if (each.active && !heard.has(`${each.source}/${each.code}`) && !isNew(each)) known.set(each.id, each);
  }
  return [...known.values()].sort((a, b) => a.priority - b.priority || b.at.localeCompare(a.at));
});

/** What the site tells is known with its cause a moment later; without that moment a flood would be shown as one. */
function isNew({ at }: Alarm): boolean {
  return alarmFeed.value !== null && Date.parse(shown.value?.at ?? at) - Date.parse(at) < UNKNOWN_MS;
}
/** All that people have taken out of service, whether it stands or not. */
export const outOfService = computed<OutOfService[]>(() => (alarmFeed.value && past.value === null ? rowsOf(alarmFeed.value.value, "out_of_service") : []));
/** More has come than somebody can look at. */
export const flood = computed(() => (alarmFeed.value?.value as { flood?: boolean } | undefined)?.flood === true);

/** The answer to an act is newer than the feed. */
export function tellAlarms(value: unknown): void {
  alarmFeed.value = { value, came_ms: performance.now() };
}

// ------------------------------------------------------------------------------ the site's clock
interface Mark {
  site_ms: number;
  came_ms: number;
}
const RATE_WINDOW_MS = 10_000;
let rate = 1;
let anchor: Mark | null = null;
let marks: Mark[] = [];
let frames_ms = 250;

/** What the site's clock shows now: it may run faster than ours. Stands when the feed is old. */
export function siteNow(now_ms: number): number | null {
  if (!anchor) return null;
  const since = Math.min(now_ms - anchor.came_ms, STALE_S * 1000);
  return anchor.site_ms + since * rate;
}
export const siteClock = computed(() => past.value ?? siteNow(tick.value));
/** 1 in real life, 60 in a demo that runs a day in 24 minutes. */
export const speed = signal(1);

// ------------------------------------------------------------------------------------- movement
const tracks = new Map<string, Track>();
const since = new Map<string, { state: RobotState; at_ms: number }>();
let ways: Ways | null = null;
let before = new Map<string, Robot>();

export function poseOf(robot: Robot, now_ms: number): Pose {
  const track = tracks.get(robot.robot);
  return track ? poseAt(track, now_ms) : { x: robot.x_m, y: robot.y_m, heading_rad: robot.heading_rad };
}

/** How long a robot has been in its state, in seconds of the site. */
export function inStateS(robot: string): number {
  const mark = since.get(robot);
  const now = siteNow(performance.now());
  return mark && now !== null ? Math.max(0, (now - mark.at_ms) / 1000) : 0;
}

export function isBlocked({ robot, state }: Robot): boolean {
  return state === "WAITING" && inStateS(robot) > BLOCKED_S;
}

function take(next: Frame, came_ms: number): void {
  const site_ms = Date.parse(next.at);
  if (past.peek() === null && (came_ms - shown_ms >= SHOWN_EVERY_MS || !shown.peek())) {
    shown_ms = came_ms;
    shown.value = next;
  }
  keepTime(site_ms, came_ms);
  const news: Happening[] = [];
  for (const robot of next.robots) {
    const old = before.get(robot.robot);
    move(robot, old, came_ms);
    if (!old || old.state !== robot.state) {
      since.set(robot.robot, { state: robot.state, at_ms: site_ms });
      if (old) news.push({ at_ms: site_ms, robot: robot.robot, what: `state.${robot.state}`, detail: robot.route[0] ?? "" });
    }
    if (old) news.push(...changesOfLoad(old, robot, site_ms));
  }
  before = new Map(next.robots.map((each) => [each.robot, each]));
  if (news.length > 0) happenings.value = [...news, ...happenings.peek()].slice(0, EVENTS_KEPT);
}

/** All that it carries. */
export function loadsOf(robot: Robot): string[] {
  return robot.loads ?? (robot.load ? [robot.load] : []);
}

function changesOfLoad(old: Robot, robot: Robot, at_ms: number): Happening[] {
  const had = loadsOf(old), has = loadsOf(robot);
  const news = (what: string) => (detail: string) => ({ at_ms, robot: robot.robot, what, detail });
  return [
    ...has.filter((each) => !had.includes(each)).map(news("event.loaded")),
    ...had.filter((each) => !has.includes(each)).map(news("event.unloaded")),
  ];
}

function move(robot: Robot, old: Robot | undefined, came_ms: number): void {
  if (!old || !ways) {
    const at = { x: robot.x_m, y: robot.y_m };
    tracks.set(robot.robot, { way: [at], from_ms: came_ms, until_ms: came_ms, heading_rad: robot.heading_rad });
    return;
  }
  const drawn = poseOf(old, came_ms);
  const way = ways.between(drawn, old, robot);
  const until_ms = came_ms + frames_ms * 1.15;
  tracks.set(robot.robot, { way, from_ms: came_ms, until_ms, heading_rad: robot.heading_rad });
}

/** The rate is taken over some seconds: single frames come in bursts. */
function keepTime(site_ms: number, came_ms: number): void {
  if (anchor) frames_ms = Math.min(1000, frames_ms * 0.8 + (came_ms - anchor.came_ms) * 0.2);
  anchor = { site_ms, came_ms };
  marks = marks.filter((each) => each.came_ms > came_ms - RATE_WINDOW_MS && each.site_ms <= site_ms);
  const first = marks[0];
  if (first && came_ms - first.came_ms > 1000) {
    rate = (site_ms - first.site_ms) / (came_ms - first.came_ms);
    speed.value = rate > 20 ? Math.round(rate / 5) * 5 : Math.round(rate);
  }
  marks.push(anchor);
}

/** Shipped parcels per hour of the site, over the last half hour. */
export const perHour = computed<number | null>(() => {
  const points = flow.value;
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || last.at_ms - first.at_ms < 60_000) return null;
  return ((last.shipped - first.shipped) * 3_600_000) / (last.at_ms - first.at_ms);
});

function rowsOf<T>(told: unknown, name: string): T[] {
  if (Array.isArray(told)) return told as T[];
  const inner = (told as Record<string, unknown> | undefined)?.[name];
  return Array.isArray(inner) ? (inner as T[]) : [];
}

async function loadPlant(): Promise<void> {
  try {
    const told = await get<Plant>("/console/v1/plant");
    ways = new Ways(told);
    plant.value = told;
    plantMissing.value = false;
  } catch {
    plantMissing.value = true;
    setTimeout(() => void loadPlant(), 2000);
  }
}

/** Begin; give back what ends it. */
export function watch(): () => void {
  void loadPlant();
  const ends = [
    effect(() => {
      const before = frame.peek();
      if (moved.value && before) frame.value = { value: applied(before.value, moved.value.value), came_ms: moved.value.came_ms };
    }),
    effect(() => {
      if (frame.value) take(frame.value.value, frame.value.came_ms);
    }),
    effect(() => {
      if (!summary.value || !anchor) return;
      const at_ms = siteNow(summary.value.came_ms) ?? 0;
      const kept = flow.peek().filter((each) => each.at_ms > at_ms - FLOW_WINDOW_MS && each.at_ms <= at_ms);
      flow.value = [...kept, { at_ms, shipped: figures.peek().parcelsShipped }];
    }),
  ];
  feed.start();
  return () => {
    feed.stop();
    for (const end of ends) end();
  };
}
