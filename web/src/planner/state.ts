/** What the planner's desk shows, and what it was told last. */
import { signal } from "@preact/signals";
import { get, type Who } from "../core/api.ts";
import { entry } from "../core/deskentry.ts";
import { kept, keep } from "../core/kept.ts";
import { addressed, tried } from "../core/shared.ts";

export type Patch = { patch: string } & Record<string, unknown>;

export interface Snapshot {
  id: string;
  name: string;
  facts: Record<string, unknown>;
  made_at: string;
  made_by: string;
}
export interface Node {
  code: string;
  kind: string;
  cut_off_minute: number;
  units_per_day: number | null;
  pickers: number;
  picker_minor: number;
  robots: number;
  [name: string]: unknown;
}
export interface Network extends Snapshot {
  nodes: Node[];
  carriers: { code: string; parcel_minor: number }[];
  regions: { code: string }[];
  rules: Record<string, string | number>;
  orders_per_day: number;
  units: Record<string, number>;
}
export interface Headline {
  id: string;
  state: string;
  asked_by: string;
  seconds: number | null;
  failed: string;
  best: number | null;
  bound: number | null;
  kpis: Record<string, number>;
}
export interface Scenario {
  id: string;
  snapshot_id: string;
  name: string;
  patches: Patch[];
  tags: string[];
  baseline: boolean;
  owner: string;
  version: number;
  run: Headline | null;
  stale: boolean;
}
export interface Run {
  id: string;
  scenario_id: string;
  seeds: number[];
  iterations: number;
  state: string;
  stop_wanted: boolean;
  progress: [number, number, number | null][];
  result: { days: number; kpis: Record<string, { mean: number; p50: number; p90: number }> } | null;
  failed: string;
  asked_by: string;
  waiting_before: number;
}
export interface Plan {
  id: string;
  name: string;
  state: string;
  reason: string;
  changes: { kind: string; site: string; value: unknown }[];
  by_hand: Patch[];
  active_from: string;
  proposed_by: string;
  decided_by: string;
  activated_at: string | null;
  rolled_back_by: string;
  failed: string;
}

export const TABS = ["scenarios", "compare", "plans", "report", "ahead"] as const;
export const [tab, showTab] = addressed("tab", "scenarios");
export const [snapshotId, showSnapshot] = addressed("snapshot", "");
export const [site, showSite] = addressed("site", "");
export const snapshots = signal<readonly Snapshot[]>([]);
export const scenarios = signal<readonly Scenario[]>([]);
export const network = signal<Network | null>(null);
export const chosen = signal<readonly string[]>([]); // scenarios to compare, the first is the base
export const said = signal("");

const KEPT = "soko.planner";
/** Who plans, where nobody signs in: a name, so that somebody else can approve. */
export const planner = signal(kept(KEPT) ?? "");

export function named(name: string): void {
  planner.value = name;
  keep(KEPT, name);
}

export function who(): Who | undefined {
  return entry().session ? undefined : { device: "desk", operator: planner.value.trim() || "planner" };
}

export async function readSnapshots(): Promise<void> {
  const found = await tried(() => get<Snapshot[]>("/planner/v1/snapshots", who()));
  if (!found) return;
  snapshots.value = found;
  const first = found[0];
  if (first && !found.some((each) => each.id === snapshotId.value)) showSnapshot(first.id);
  await readScenarios();
}

export async function readScenarios(): Promise<void> {
  const id = snapshotId.value;
  if (!id) return;
  if (network.value?.id !== id) network.value = await tried(() => get<Network>(`/planner/v1/snapshots/${id}`, who()));
  const found = await tried(() => get<Scenario[]>(`/planner/v1/scenarios?snapshot=${id}`, who()));
  if (!found) return;
  scenarios.value = found;
  chosen.value = chosen.value.filter((one) => found.some((each) => each.id === one));
}
