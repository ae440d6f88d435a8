/**
 * The way through a packet: which step comes next, by branches and round skipped groups; the rules
 * of wms/work/packet_way.py. Skipping changes no step, only `later`, the groups that come last.
 */
import type { Outcome, Packet, Step } from "./packet.ts";

const END = "!end";

/** Behind this step, which is done. */
export function onward(packet: Packet, step: Step, choice = ""): Packet {
  const branch = Object.entries(step.goto ?? {}).find(([code]) => code === choice)?.[1];
  const asked = branch ?? step.next;
  const target = roundSkipped(packet, step, asked === END ? null : asked, packet.later ?? []);
  const { done, total } = packet.progress;
  return { ...packet, step: target, progress: { done: Math.min(done + 1, total), total } };
}

/** Leave the group of this step for later. */
export function skip(packet: Packet, step: Step): Outcome {
  const group = step.group ?? "";
  const later = packet.later ?? [];
  const inside = packet.steps.filter((each) => groupOf(each) === group).map((each) => each.id);
  if (!group) return { problem: { code: "not_allowed", facts: { exception: "skip" } } };
  if (inside.some((each) => packet.counts[each])) return { problem: { code: "goods_in_hand", facts: {} } };
  const moved = [...later.filter((each) => each !== group), group];
  const turn = later.indexOf(group);
  const behind = later[turn + 1];
  const target =
    turn < 0 ? roundSkipped(packet, step, exitOf(packet, group), moved) : behind ? firstOf(packet, behind) : null;
  if (target === null || target === firstOf(packet, group)) return { problem: { code: "nothing_else", facts: {} } };
  const done = Math.max(0, packet.progress.done - inside.indexOf(step.id));
  const choices = Object.fromEntries(Object.entries(packet.choices).filter(([each]) => !inside.includes(each)));
  return { packet: { ...packet, step: target, later: moved, choices, progress: { ...packet.progress, done } } };
}

/** Where a way out of a group leads, when groups were skipped. */
function roundSkipped(packet: Packet, step: Step, asked: string | null, later: string[]): string | null {
  const group = step.group ?? "";
  const groupAt = (id: string | null): string => groupOf(packet.steps.find((each) => each.id === id));
  if (later.length === 0 || !group || groupAt(asked) === group) return asked;
  if (asked !== exitOf(packet, group) && asked !== firstOf(packet, groupAt(asked))) return asked;
  const grouped = packet.steps.filter((each) => groupOf(each));
  const behind = grouped.at(-1)?.next ?? null;
  const turn = (packet.later ?? []).indexOf(group);
  if (turn >= 0) {
    const left = packet.later?.[turn + 1];
    return left ? firstOf(packet, left) : behind;
  }
  let target = asked;
  while (later.includes(groupAt(target))) target = exitOf(packet, groupAt(target));
  return target === behind ? firstOf(packet, later[0] ?? "") : target;
}

function groupOf(step: Step | undefined): string {
  return step?.group ?? "";
}

function firstOf(packet: Packet, group: string): string | null {
  return packet.steps.find((each) => group && groupOf(each) === group)?.id ?? null;
}

function exitOf(packet: Packet, group: string): string | null {
  return packet.steps.filter((each) => groupOf(each) === group).at(-1)?.next ?? null;
}
