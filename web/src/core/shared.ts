/** What desks share: doing something with its problem shown, and asking again and again. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError } from "./api.ts";
import type { Params } from "./i18n.ts";

export interface Failure {
  code: string;
  facts: Params;
}

/** The latest problem of the page; null when the last thing went well. */
export const failure = signal<Failure | null>(null);
/** How many things are being done. */
export const busy = signal(0);

/** Do something; what goes wrong is shown and answered with null. */
export async function tried<T>(work: () => Promise<T>): Promise<T | null> {
  busy.value += 1;
  try {
    const answer = await work();
    failure.value = null;
    return answer;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    failure.value = { code: error.code, facts: error.facts };
    return null;
  } finally {
    busy.value -= 1;
  }
}

/** Read at once and then every so often, as long as the page is seen; anew when `on` changes. */
export function usePolling(read: () => Promise<unknown>, every_ms: number, on: unknown[] = []): void {
  useEffect(() => {
    let over = false;
    let timer = 0;
    const again = async (): Promise<void> => {
      if (document.visibilityState === "visible") await read();
      if (!over) timer = window.setTimeout(() => void again(), every_ms);
    };
    void again();
    return () => {
      over = true;
      window.clearTimeout(timer);
    };
  }, on);
}

/** A part of the address (?tab=…) that changes without loading the page anew. */
export function addressed(name: string, otherwise: string): [ReadonlySignal<string>, (value: string) => void] {
  const value = signal(new URLSearchParams(location.search).get(name) ?? otherwise);
  return [
    value,
    (next) => {
      const query = new URLSearchParams(location.search);
      query.set(name, next);
      history.replaceState(null, "", `${location.pathname}?${query.toString()}`);
      value.value = next;
    },
  ];
}
