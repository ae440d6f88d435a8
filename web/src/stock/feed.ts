/**
 * What has changed, as it happens: one long poll after the other. Each answer, be it empty, says
 * that everything up to now is known; so the age of all figures is the time since the last one.
 */
import { signal } from "@preact/signals";
import { ApiError, get } from "../core/api.ts";

interface Change {
  site: string;
  sku: string;
  free: number;
}
interface Changes {
  changes: Change[];
  next: string;
}

const WAIT_S = 8; // less than what core/api.ts waits for an answer
const AGAIN_MS = 2000;
const CALM_MS = 700; // between two answers: a busy day changes something all the time

/** When the server last told all there was, in ms of performance.now(); null: never yet. */
export const heard_ms = signal<number | null>(null);
export const away = signal(false);

/** Follow until told to stop: `changed` with SKUs, or with null when all must be read anew. */
export function follow(changed: (skus: ReadonlySet<string> | null) => Promise<void>): () => void {
  let stopped = false;
  let cursor: string | null = null;
  const pause = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms));

  async function once(): Promise<void> {
    if (cursor === null) {
      const begin = await get<Changes>("/v1/stock-changes");
      await changed(null); // read after the cursor was given: nothing can be missed
      cursor = begin.next;
    } else {
      const query = new URLSearchParams({ after: cursor, wait_s: String(WAIT_S), limit: "1000" });
      const news = await get<Changes>(`/v1/stock-changes?${query}`);
      if (stopped) return;
      if (news.changes.length > 0) await changed(new Set(news.changes.map((each) => each.sku)));
      cursor = news.next;
    }
    heard_ms.value = performance.now();
    away.value = false;
  }

  void (async () => {
    while (!stopped) {
      try {
        await once();
        await pause(CALM_MS);
      } catch (error) {
        if (error instanceof ApiError && error.code === "cursor_gone") cursor = null;
        away.value = true;
        await pause(AGAIN_MS);
      }
    }
  })();
  return () => {
    stopped = true;
  };
}
