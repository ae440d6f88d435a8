/**
 * Work packets: a piece of work as a handheld walks through it, one scan at a time.
 *
 * The whole flow is data: a list of steps with six operations, so a new flow needs no new screen.
 * `reduce` is PURE: (packet, event) -> packet or problem. The server runs the same function
 * (wms/work/packet.py) on the same events; both must give the answers in
 * tests/vectors/packets/*.json, so a device that is off-line goes on exactly as the server would.
 *
 * Laws: an event that is refused changes nothing; state is a fold over `history`, and undo is the
 * fold without its last event.
 */

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
}
/** What may be scanned or chosen here. No codes: anything of that kind. */
export interface Expect {
  kind: string;
  codes: string[];
}
/** How many, and whether counting by scan or by typing is offered first. */
export interface Quantity {
  target: number;
  max: number;
  unit: string;
  by: "scan" | "type";
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
  online?: boolean;
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
  counts: Record<string, number>;
  choices: Record<string, string>;
  reported: { step: string; code: string; found: number }[];
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

/** What a scan means for matching: no symbology id, the SSCC or GTIN of a GS1 code. */
export function codeOf(scanned: string): string {
  const text = scanned.trim().replace(/^\][A-Za-z]\w/, "");
  const sscc = /^00(\d{18})$/.exec(text);
  if (sscc?.[1]) return sscc[1];
  const gtin = /^01(\d{14})/.exec(text);
  if (gtin?.[1]) return gtin[1].replace(/^0+/, "");
  return /^(\d{8}|\d{12,14})$/.test(text) ? text.replace(/^0+/, "") : text;
}

function undo(packet: Packet): Outcome {
  if (packet.history.length === 0) return refused("nothing_to_undo");
  let fresh: Packet = {
    ...packet,
    step: packet.steps[0]?.id ?? null,
    progress: { ...packet.progress, done: 0 },
    counts: {},
    choices: {},
    reported: [],
    history: [],
  };
  for (const event of packet.history.slice(0, -1)) {
    const again = reduce(fresh, event);
    if (again.problem) return again; // cannot be: what was accepted once is accepted again
    fresh = again.packet;
  }
  return { packet: fresh };
}

function taken(packet: Packet, step: Step, { type, value }: WorkEvent): Outcome {
  if (type === "scan" && typeof value === "string") return scan(packet, step, value);
  if (type === "qty" && Number.isInteger(value) && step.qty) {
    return typed(packet, step, step.qty, value as number);
  }
  if (type === "choice" && ["choose", "confirm", "print"].includes(step.op)) {
    return choose(packet, step, value === null ? "" : String(value));
  }
  if (type === "exception" && typeof value === "object" && value !== null) {
    return except(packet, step, value);
  }
  return refused("wrong_type", { op: step.op });
}

function scan(packet: Packet, step: Step, scanned: string): Outcome {
  if (step.op !== "scan" && step.op !== "count") return refused("wrong_type", { op: step.op });
  if (!isExpected(step, scanned)) {
    const wanted = step.expect.flatMap((each) => each.codes)[0] ?? "";
    return refused("wrong_scan", { scanned, wanted });
  }
  if (!step.qty) return forward(packet, step);
  return count(packet, step, step.qty, countOf(packet, step) + 1);
}

function isExpected(step: Step, scanned: string): boolean {
  const code = codeOf(scanned);
  return (
    step.expect.length === 0 ||
    step.expect.some(({ codes }) => codes.length === 0 || codes.map(codeOf).includes(code))
  );
}

function typed(packet: Packet, step: Step, qty: Quantity, units: number): Outcome {
  if (units <= 0) return refused("not_a_count", { units });
  if (step.expect.length > 0 && !countOf(packet, step)) return refused("scan_first");
  return count(packet, step, qty, units);
}

function count(packet: Packet, step: Step, qty: Quantity, units: number): Outcome {
  if (units > qty.max) return refused("too_many", { max: qty.max });
  const counted = { ...packet, counts: { ...packet.counts, [step.id]: units } };
  return units >= qty.target ? forward(counted, step) : { packet: counted };
}

function choose(packet: Packet, step: Step, choice: string): Outcome {
  const codes = step.expect.flatMap((each) => each.codes);
  if (codes.length > 0 && !codes.includes(choice)) return refused("wrong_choice", { chosen: choice });
  return forward({ ...packet, choices: { ...packet.choices, [step.id]: choice } }, step);
}

function except(packet: Packet, step: Step, { code, found }: Trouble): Outcome {
  if (!step.allow.includes(code) || code === "undo") {
    return refused("not_allowed", { exception: code });
  }
  if (step.qty && !(found >= 0 && found < step.qty.target)) {
    return refused("not_a_count", { units: found });
  }
  const counts = step.qty ? { ...packet.counts, [step.id]: found } : packet.counts;
  const reported = [...packet.reported, { step: step.id, code, found }];
  return forward({ ...packet, counts, reported }, step);
}

function forward(packet: Packet, step: Step): Outcome {
  const progress = { ...packet.progress, done: packet.progress.done + 1 };
  return { packet: { ...packet, step: step.next, progress } };
}

function refused(code: string, facts: Params = {}): Outcome {
  return { problem: { code, facts } };
}
