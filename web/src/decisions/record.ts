/** A decision as the server tells it, in the words of this page. PURE. */
import type { Candidate, Why } from "./costs.ts";

export interface Decision {
  id: string;
  decided_at: string;
  status: string;
  gap: number | null;
  policy: string | null;
  chosen: { line_no: number; site: string; units: number }[];
  runner_up: string | null;
  candidates: Candidate[];
  why: Why[];
}
export interface Decisions {
  decisions: Decision[];
}

export function read(told: unknown): Decisions {
  return told as Decisions;
}
