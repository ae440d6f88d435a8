/**
 * What the store has to do, in order: by promise, what is late first. PURE.
 *
 * Time left is the server's figure less what has passed here since it came: a tablet's own clock may
 * be wrong by hours, and Soko's may run on a virtual day.
 */

export const KINDS = ["COLLECT", "RESERVE", "SHIP", "RETURN"] as const;
export type Kind = (typeof KINDS)[number];

export interface Line {
  line_no: number;
  sku: string;
  name_en: string;
  name_ja: string;
  units: number;
  place: string | null;
  state: string;
  image: string | null;
}
export interface Item {
  id: string;
  kind: Kind;
  number: string;
  order_id: string;
  state: string;
  promised_by: string | null;
  late_in_s: number | null;
  lines: Line[];
  bag: string | null;
  shelf: string | null;
  keep_until: string | null;
}

/** How a timer looks: never a colour alone, so each has a sign of its own. */
export type Mood = "late" | "soon" | "calm" | "ready" | "waiting" | "none";
export const SIGNS: Record<Mood, string> = {
  late: "■",
  soon: "▲",
  calm: "●",
  ready: "✓",
  waiting: "◷",
  none: "–",
};
export const SOON_S = 30 * 60;

/** Nothing for the store to do yet: goods are on their way. */
const WAITS = ["WAITING", "REQUESTED", "LABELLED", "IN_TRANSIT"]; // of collections, and of returns
/** Done as far as the store can: the customer comes. */
const READY = ["READY"];

/** Seconds until it is late, below zero when it is; null: nobody waits for it. */
export function leftS(item: Item, since_s: number): number | null {
  return item.late_in_s === null ? null : item.late_in_s - since_s;
}

export function mood(item: Item, since_s: number): Mood {
  if (READY.includes(item.state)) return "ready";
  if (WAITS.includes(item.state)) return "waiting";
  const left = leftS(item, since_s);
  if (left === null) return "none";
  if (left < 0) return "late";
  return left < SOON_S ? "soon" : "calm";
}

export type Group = "todo" | "ready" | "waiting";

export function groupOf(item: Item): Group {
  if (READY.includes(item.state)) return "ready";
  return WAITS.includes(item.state) ? "waiting" : "todo";
}

/** The least time left first; what has no promise comes last; then by number, so nothing jumps. */
export function inOrder(items: readonly Item[]): Item[] {
  const last = Number.POSITIVE_INFINITY;
  return [...items].sort(
    (a, b) => (a.late_in_s ?? last) - (b.late_in_s ?? last) || a.number.localeCompare(b.number),
  );
}

/** In groups, each in order; empty ones left out. */
export function grouped(items: readonly Item[]): [Group, Item[]][] {
  const groups: Group[] = ["todo", "ready", "waiting"];
  const sorted = inOrder(items);
  return groups
    .map((group): [Group, Item[]] => [group, sorted.filter((item) => groupOf(item) === group)])
    .filter(([, some]) => some.length > 0);
}

export function unitsOf(item: Item): number {
  return item.lines.reduce((sum, line) => sum + line.units, 0);
}

/** What can be done with it now, the main thing first. */
export type Act = "accept" | "reject" | "prepare" | "put-back" | "hand-over" | "return-to-floor";

const ACTS: Record<string, readonly Act[]> = {
  TO_ACCEPT: ["accept", "reject"],
  ACCEPTED: ["prepare", "reject"],
  PREPARING: ["prepare"],
  READY: ["hand-over", "return-to-floor"],
  RETURNING: ["put-back"],
  PICKING: ["prepare"], // deliveries: the packets of a warehouse
  PACKING: ["prepare"],
  PACKED: ["prepare"],
};

export function actsOf(item: Item): readonly Act[] {
  return ACTS[item.state] ?? [];
}

/** Whether it has been begun: then "prepare" means to go on. */
export function isBegun(item: Item): boolean {
  return ["PREPARING", "PICKING", "PACKING", "PACKED"].includes(item.state);
}

/** 1:05:00 or 12:05; late is shown as +3:10. */
export function countdown(left_s: number): string {
  const whole = Math.floor(Math.abs(left_s));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number): string => String(part).padStart(2, "0");
  const text = h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  return left_s < 0 ? `+${text}` : text;
}
