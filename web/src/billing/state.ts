/** What the billing desk shows, and what it was told last. */
import { computed, signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { addressed, tried } from "../core/shared.ts";

export interface Tax {
  percent: number;
  net_minor: number;
  tax_minor: number;
}

export interface Invoice {
  id: string;
  owner: string;
  month: string;
  kind: string;
  state: string;
  number: string;
  corrects: string;
  currency: string;
  issued_on: string | null;
  parties: Record<string, Record<string, string>>;
  taxes: Tax[];
  net_minor: number;
  tax_minor: number;
  total_minor: number;
}

export interface Line {
  no: number;
  site: string;
  code: string;
  kind: string;
  per: string;
  version: number;
  quantity: number;
  rate: string;
  tax_percent: number;
  amount_minor: number;
}

export interface Link {
  no: number;
  quantity: number;
  charge_minor: number;
  movement: { occurred_at: string; sku: string; lot: string; units: number; from_place: string; to_place: string; cause_kind: string } | null;
}

export const TABS = ["invoices", "tariffs", "issuer"] as const;
export const [tab, showTab] = addressed("tab", "invoices");
export const [owner, showOwner] = addressed("owner", "");
export const invoices = signal<readonly Invoice[]>([]);
export const chosen = signal<Invoice | null>(null);
export const said = signal("");
export const owners = computed(() => [...new Set(invoices.value.map((each) => each.owner))].sort());

export async function readInvoices(): Promise<void> {
  const query = new URLSearchParams({ limit: "200", ...(owner.value ? { owner: owner.value } : {}) });
  const found = await tried(() => get<{ invoices: Invoice[] }>(`/billing/v1/invoices?${query}`));
  if (!found) return;
  invoices.value = found.invoices;
  chosen.value = found.invoices.find((each) => each.id === chosen.value?.id) ?? null;
}
