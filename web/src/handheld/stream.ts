/**
 * What the server tells a handheld by itself. By fetch, not by EventSource: that one sends no headers,
 * and who is signed in says so in one. An open stream keeps what is in hand.
 */
import { headers } from "../core/api.ts";
import { session } from "./session.ts";

export interface Told {
  event: string;
  data: unknown;
}
const AGAIN_MS = 3000;

/** Hear events of a path until the returned function is called. */
export function listen(path: string, hear: (told: Told) => void): () => void {
  const over = new AbortController();
  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await once(path, hear, over.signal).catch(() => undefined);
      await new Promise((rest) => setTimeout(rest, AGAIN_MS));
    }
  };
  void run();
  return () => over.abort();
}

async function once(path: string, hear: (told: Told) => void, signal: AbortSignal): Promise<void> {
  const answer = await fetch(path, { headers: headers(session.peek()), signal });
  if (!answer.ok || !answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = `${text}${value}`.replaceAll("\r\n", "\n").split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const told = parsed(block);
      if (told) hear(told);
    }
  }
}

/** One event of a stream; null for a comment or one without data. PURE. */
export function parsed(block: string): Told | null {
  const field = (name: string): string[] =>
    block
      .split("\n")
      .filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^ /, ""));
  const data = field("data").join("\n");
  return data ? { event: field("event")[0] ?? "message", data: JSON.parse(data) as unknown } : null;
}
