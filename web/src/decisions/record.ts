/** A decision as the server tells it. */
import type { Candidate, Terms, Why } from "./costs.ts";

export interface Decision {
  id: string;
  kind: string;
  decided_at: string;
  status: string;
  policy: string;
  policy_version: number;
  cost_minor: number;
  terms: Terms;
  gap: number | null;
  chosen: { line_no: number; site: string; units: number }[];
  runner_up: string | null;
  runner_up_plan: { sites: string[]; cost_minor: number; terms: Terms } | null;
  candidates: Candidate[];
  why: Why[];
}
export interface WhatIf {
  site: string;
  wins: boolean;
  feasible: boolean;
  gap: number;
  terms: { name: string; now: number; needed: number; enough: boolean }[];
  reasons: Why[];
}
