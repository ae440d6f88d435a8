/**
 * What a scan means to the handheld, on any screen: a command of the lanyard card, a badge, the code
 * that the step wants, or a question.
 *
 *     CMD:UNDO BACK DONE HELP LOOKUP NEXT LOCK YES NO     and every exception by its code: CMD:SHORT
 *     BADGE-…                                             somebody else takes the device
 */
import { signal } from "@preact/signals";
import { ApiError, get } from "../core/api.ts";
import { CALL, DONE, type Packet, type Step, stepNow } from "./packet.ts";
import { session, strange } from "./session.ts";
import { feel } from "./tone.ts";
import { call, deed, flash, leave, nextTask, notice, onward, packet, view } from "./work.ts";

export type Sheet =
  | { kind: "none" }
  | { kind: "exceptions" }
  | { kind: "found"; code: string }
  | { kind: "type" }
  | { kind: "check" }
  | { kind: "code" }
  | { kind: "other" }
  | { kind: "camera" }
  | { kind: "lookup" }
  | { kind: "scanner" }
  | { kind: "lock"; badge: string }
  | { kind: "pair"; code?: string };
export interface Found {
  code: string;
  facts: Record<string, unknown> | null; // null: nobody knows it
}

export const CLOSED: Sheet = { kind: "none" };
export const sheet = signal<Sheet>(CLOSED);
export const found = signal<Found | null>(null);

const BADGE = /^BADGE[-:]/i;
/** Exceptions after which it matters how many were good. The others end nothing, or count as scanned. */
const COUNTED = ["short", "damaged", "wrong_item", "missing", "expired", "full"];
const MOST_TILES = 6;
const ANSWERS: Record<string, string[]> = { YES: ["yes", "OK", "EMPTY"], NO: ["no", "MORE"] };

/** A code was read. `again`: the same twice within a moment. */
export function read(code: string, again = false): void {
  if (again) return feel("again");
  const isCommand = code.startsWith("CMD:");
  if (sheet.value.kind === "pair" && !isCommand) return void (sheet.value = { kind: "pair", code });
  if (sheet.value.kind === "lock" || strange.value) {
    return isCommand ? feel("wrong") : void (sheet.value = { kind: "lock", badge: code });
  }
  if (isCommand) return command(code.slice(4).toUpperCase());
  if (BADGE.test(code)) return void (sheet.value = { kind: "lock", badge: code });
  if (sheet.value.kind === "lookup") return void lookUp(code);
  sheet.value = CLOSED;
  const step = packet.value ? stepNow(packet.value) : undefined;
  if (view.value !== "work" || !step) return void lookUp(code);
  const choice = step.op === "choose" ? step.expect.flatMap((each) => each.codes).find((each) => each === code) : undefined;
  if (choice) deed("choice", choice);
  else deed("scan", code);
}

/** The exceptions of a step that people may choose: at most six tiles, the last one calls somebody. */
export function exceptionsOf(step: Step): string[] {
  const own = step.allow.filter((code) => code !== "undo" && code !== "skip_photo" && code !== CALL);
  return [...own.slice(0, MOST_TILES - 1), CALL];
}

/** Something is wrong: asks how many are good where that matters. */
export function except(step: Step, now: Packet, code: string, scanned = false): void {
  if (code === CALL) {
    sheet.value = CLOSED;
    return void call();
  }
  const counted = now.counts[step.id] ?? 0;
  const ask = step.qty && COUNTED.includes(code) && !scanned;
  sheet.value = ask ? { kind: "found", code } : CLOSED;
  if (!ask) deed("exception", { code, found: counted });
}

/** The main button of a step, or its command. */
export function main(step: Step): void {
  if (step.qty?.open) deed("choice", DONE);
  else if (step.op === "photo") deed("choice", "");
  else if (step.op !== "choose") deed("choice", null);
}

function command(name: string): void {
  const now = packet.value;
  const step = now && view.value === "work" ? stepNow(now) : undefined;
  if (sheet.value.kind !== "none" && name === "BACK") return void (sheet.value = CLOSED);
  sheet.value = CLOSED;
  if (name === "LOOKUP") return void (sheet.value = { kind: "lookup" });
  if (name === "LOCK") return void (sheet.value = { kind: "lock", badge: "" });
  if (name === "BACK" || name === "HOME") return void leave();
  if (name === "NEXT" && view.value !== "work") return view.value === "home" ? void nextTask() : onward();
  if (!now || !step) return;
  if (name === "UNDO") return deed("undo", null);
  if (name === "DONE") return main(step);
  if (name === "HELP") return void (sheet.value = { kind: "exceptions" });
  if (name in ANSWERS) {
    const codes = step.expect.flatMap((each) => each.codes);
    const answer = ANSWERS[name]?.find((each) => codes.includes(each));
    return deed("choice", answer ?? name.toLowerCase());
  }
  except(step, now, name === "CALL" ? CALL : name.toLowerCase(), true);
}

/** "What is this?" */
export async function lookUp(code: string): Promise<void> {
  if (view.value === "work") sheet.value = { kind: "lookup" };
  else view.value = "home";
  notice.value = null;
  try {
    const path = `/api/v1/lookup/${encodeURIComponent(code)}?${new URLSearchParams({ site: session.value.site })}`;
    const facts = await get<Record<string, unknown>>(path, session.value);
    found.value = { code, facts };
    flash.value = "";
    feel("ok");
  } catch (error) {
    const unknown = error instanceof ApiError && error.status === 404;
    if (unknown) found.value = { code, facts: null };
    else notice.value = { kind: "problem", problem: { code: "no_answer", facts: {} } };
    feel("wrong");
  }
}
