/**
 * Work packets: a piece of work as a handheld walks through it, one scan at a time.
 *
 * The whole flow is data: a list of steps with six operations, so a new flow needs no new screen.
 * `reduce` is PURE: (packet, event) -> packet or problem. The server runs the same function
 * (wms/work/packet.py) on the same events; both must give the answers in
 * tests/vectors/packets/*.json, so a device that is off-line goes on exactly as the server would.
 *
 * Laws: an event that is refused changes nothing; state is a fold over `history`, and undo is the
 * fold without its last event. Each event is taken at the step that it names, so the fold holds
 * where the server has put in steps since.
 */

import { bare, partOf, unitOf } from "./gs1.ts";
import { onward, skip } from "./way.ts";

export { codeOf } from "./gs1.ts";

export type Op = "scan" | "count" | "choose" | "confirm" | "print" | "photo";
export type EventType = "scan" | "qty" | "choice" | "exception" | "undo";
export type Params = Record<string, string | number>;

/** A sentence for the screen: a code that the device translates, and what to fill in. */
export interface Say {
  code: string;
  params: Params;
}
/** One small line under the big value; `label` is a code. */
export interface Fact {
  label: string;
  value: string;
  en?: string; // for English readers, where it differs
}
/** What may be scanned or chosen here. No codes: anything of that kind. */
export interface Expect {
  kind: string;
  codes: string[];
  check?: string[]; // digits that stand on the place, taken instead of its barcode
}
/** How many, and whether counting by scan or by typing is offered first. */
export interface Quantity {
  target: number;
  max: number;
  unit: string;
  by: "scan" | "type";
  open?: boolean; // the target is not shown and ends nothing: "done" does
  distinct?: boolean; // every scan must be another unit
}
/** One instruction, one big thing. */
export interface Step {
  id: string;
  op: Op;
  say: Say;
  big: string;
  facts: Fact[];
  expect: Expect[];
  qty: Quantity | null;
  next: string | null;
  allow: string[];
  online?: boolean; // only the server can judge what is done here
  image?: string | null;
  goto?: Record<string, string>; // where a choice or exception leads to, instead of `next`
  group?: string; // steps that belong together: skipped, they come last
}
/** The value of an exception event: what is wrong, and how many were good. */
export interface Trouble {
  code: string;
  found: number;
}
/** What a person did on a device. */
export interface WorkEvent {
  id: string;
  packet: string;
  rev: number;
  step: string;
  type: EventType;
  value: string | number | Trouble | null;
  at: string;
  seq: number;
  device: string;
}
/** A piece of work, and how far it is. `step` is the one to do now; null: finished. */
export interface Packet {
  id: string;
  kind: string;
  rev: number;
  title: string;
  lease_until: string;
  progress: { done: number; total: number };
  steps: Step[];
  exceptions: string[];
  done_say: Say;
  step: string | null;
  site?: string;
  note?: string; // a supervisor's message
  counts: Record<string, number>;
  choices: Record<string, string>;
  reported: { step: string; code: string; found: number }[];
  later?: string[]; // groups that were skipped
  history: WorkEvent[];
}
/** Why an event was not taken; the packet is as it was. */
export interface Problem {
  code: string;
  facts: Params;
}
export type Outcome =
  | { packet: Packet; problem?: undefined }
  | { packet?: undefined; problem: Problem };

/** The choice that ends an open count. */
export const DONE = "done";
/** The exception that calls somebody and ends nothing. */
export const CALL = "supervisor";

/** What the packet is after that event, or why the event cannot be taken. */
export function reduce(packet: Packet, event: WorkEvent): Outcome {
  if (event.packet !== packet.id) return refused("other_packet");
  if (event.rev !== packet.rev) return refused("stale_packet", { rev: packet.rev });
  if (packet.step === null) return refused("packet_done");
  if (event.type === "undo") return undo(packet);
  const step = stepNow(packet);
  if (!step || event.step !== step.id) return refused("other_step", { step: packet.step });
  const after = taken(packet, step, event);
  if (after.problem) return after;
  return { packet: { ...after.packet, history: [...packet.history, event] } };
}

/** The step to do now, if there is one. */
export function stepNow(packet: Packet): Step | undefined {
  return packet.steps.find((step) => step.id === packet.step);
}

/** How many of this step are counted. */
export function countOf(packet: Packet, step: Step): number {
  return packet.counts[step.id] ?? 0;
}

/** What was scanned at a step, as it was read. */
export function scans(packet: Packet, step: Step): string[] {
  return packet.history
    .filter((event) => event.step === step.id && event.type === "scan")
    .map((event) => String(event.value));
}

/** Where anything is counted: goods after goods, each as often as scanned, or as was typed then. */
export function piles(packet: Packet, step: Step): { code: string; units: number }[] {
  const found: { code: string; units: number; typed: boolean }[] = [];
  for (const event of packet.history) {
    const last = found.at(-1);
    if (event.step !== step.id) continue;
    if (event.type === "scan" && last?.code === event.value && !last.typed) last.units += 1;
    else if (event.type === "scan") found.push({ code: String(event.value), units: 1, typed: false });
    else if (event.type === "qty" && last) Object.assign(last, { units: Number(event.value), typed: true });
  }
  return found;
}

function undo(packet: Packet): Outcome {
  const last = packet.history.at(-1)?.step;
  if (last === undefined) return refused("nothing_to_undo");
  if (packet.steps.some((step) => step.id === last && !step.allow.includes("undo"))) return refused("cannot_undo");
  let fresh: Packet = {
    ...packet,
    progress: { ...packet.progress, done: 0 },
    counts: {},
    choices: {},
    reported: [],
    later: [],
    history: [],
  };
  for (const event of packet.history.slice(0, -1)) {
    const again = reduce({ ...fresh, step: event.step }, event);
    if (again.problem) return again; // cannot be: what was accepted once is accepted again
    fresh = again.packet;
  }
  return { packet: { ...fresh, step: last } };
}

function taken(packet: Packet, step: Step, { type, value }: WorkEvent): Outcome {
  if (type === "scan" && typeof value === "string") return scan(packet, step, value);
  if (type === "qty" && Number.isInteger(value) && step.qty) {
    return typed(packet, step, step.qty, value as number);
  }
  if (type === "choice") return choose(packet, step, value === null ? "" : String(value));
  if (type === "exception" && typeof value === "object" && value !== null) {
    return except(packet, step, value);
  }
  return refused("wrong_type", { op: step.op });
}

function scan(packet: Packet, step: Step, scanned: string): Outcome {
  if (step.op !== "scan" && step.op !== "count") return refused("wrong_type", { op: step.op });
  if (step.expect.length > 0 && !step.expect.some((each) => isMet(each, scanned))) {
    const wanted = step.expect.flatMap((each) => each.codes)[0] ?? "";
    return refused("wrong_scan", { scanned, wanted });
  }
  if (!step.qty) return { packet: onward(packet, step) };
  if (step.qty.distinct && scans(packet, step).map(unitOf).includes(unitOf(scanned))) {
    return refused("scanned_twice", { scanned });
  }
  return count(packet, step, step.qty, countOf(packet, step) + 1);
}

function isMet({ kind, codes, check }: Expect, scanned: string): boolean {
  const code = partOf(scanned, kind);
  return (
    codes.length === 0 || codes.some((each) => partOf(each, kind) === code) || (check?.includes(bare(scanned)) ?? false)
  );
}

function typed(packet: Packet, step: Step, qty: Quantity, units: number): Outcome {
  if (qty.distinct) return refused("scan_each");
  if (units < 0 || (units === 0 && !qty.open)) return refused("not_a_count", { units });
  if (units > 0 && step.expect.length > 0 && !countOf(packet, step)) return refused("scan_first");
  return count(packet, step, qty, units);
}

function count(packet: Packet, step: Step, qty: Quantity, units: number): Outcome {
  if (units > qty.max) return refused("too_many", { max: qty.max });
  const counted = { ...packet, counts: { ...packet.counts, [step.id]: units } };
  return { packet: units >= qty.target && !qty.open ? onward(counted, step) : counted };
}

function choose(packet: Packet, step: Step, choice: string): Outcome {
  if (step.qty?.open && choice === DONE) {
    const counts = { ...packet.counts, [step.id]: countOf(packet, step) };
    return { packet: onward({ ...packet, counts }, step, choice) };
  }
  if (step.op === "scan" || step.op === "count") return refused("wrong_type", { op: step.op });
  const codes = step.expect.flatMap((each) => each.codes);
  if (codes.length > 0 && !codes.includes(choice)) return refused("wrong_choice", { chosen: choice });
  if (step.op === "photo" && !choice && !step.allow.includes("skip_photo")) return refused("photo_needed");
  return { packet: onward({ ...packet, choices: { ...packet.choices, [step.id]: choice } }, step, choice) };
}

function except(packet: Packet, step: Step, { code, found }: Trouble): Outcome {
  if (!step.allow.includes(code) || code === "undo") return refused("not_allowed", { exception: code });
  if (code === "skip") return skip(packet, step);
  const reported = [...packet.reported, { step: step.id, code, found }];
  const told = { ...packet, reported };
  if (code === CALL) return { packet: told };
  if (!step.qty) return { packet: onward(told, step, code) };
  const most = step.qty.open ? step.qty.max : step.qty.target - 1;
  if (!(found >= 0 && found <= most)) return refused("not_a_count", { units: found });
  return { packet: onward({ ...told, counts: { ...packet.counts, [step.id]: found } }, step, code) };
}

function refused(code: string, facts: Params = {}): Outcome {
  return { problem: { code, facts } };
}
