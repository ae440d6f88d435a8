/** A device that lies about is locked after a quarter of an hour. */
import { change, session } from "./session.ts";

const IDLE_MS = 15 * 60_000;

/** Whoever was here has gone; their packet stays with them. */
export function lockNow(): void {
  if (session.value.token) change({ token: "" });
}

/** Lock after a quarter of an hour without a touch or a scan. */
export function watchIdle(lock: () => void): () => void {
  let timer = 0;
  const again = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => session.value.name && lock(), IDLE_MS);
  };
  const signs = ["keydown", "pointerdown"] as const;
  for (const sign of signs) document.addEventListener(sign, again, true);
  again();
  return () => {
    window.clearTimeout(timer);
    for (const sign of signs) document.removeEventListener(sign, again, true);
  };
}
