/** Where robots were in the last half hour, and where they waited (GET /console/v1/heat). */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";

export interface Heat {
  cell_m: number;
  minutes: number;
  cells: [column: number, row: number, seen: number, waited: number][];
}

/** Shown when there is one. */
export const heat = signal<Heat | null>(null);

export async function turnHeat(): Promise<void> {
  heat.value = heat.value ? null : await get<Heat>("/console/v1/heat?minutes=30").catch(() => null);
}
