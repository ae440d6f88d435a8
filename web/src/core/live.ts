/**
 * What the server tells by itself (server-sent events), kept with the moment it came, so that every
 * figure knows its age. EventSource reconnects on its own; where it gives up, we start it again.
 */
import { type Signal, signal } from "@preact/signals";

/** Ticks four times a second: read it to show an age. In ms of performance.now(). */
export const tick = signal(performance.now());
setInterval(() => {
  tick.value = performance.now();
}, 250);

export interface Told<T> {
  value: T;
  came_ms: number;
}

export class Feed {
  readonly open = signal(false);
  private readonly url: string;
  private readonly topics = new Map<string, Signal<Told<unknown> | null>>();
  private source: EventSource | null = null;
  private retry = 0;

  constructor(url: string) {
    this.url = url;
  }

  /** The latest event of that name; null until one came. Ask before `start`. */
  topic<T>(name: string): Signal<Told<T> | null> {
    const topic = this.topics.get(name) ?? signal<Told<unknown> | null>(null);
    this.topics.set(name, topic);
    return topic as Signal<Told<T> | null>;
  }

  start(): void {
    const source = new EventSource(this.url);
    this.source = source;
    source.onopen = () => {
      this.open.value = true;
    };
    source.onerror = () => {
      this.open.value = false;
      if (source.readyState !== EventSource.CLOSED) return;
      window.clearTimeout(this.retry);
      this.retry = window.setTimeout(() => this.start(), 1000);
    };
    for (const [name, topic] of this.topics) {
      source.addEventListener(name, (event) => {
        topic.value = {
          value: JSON.parse((event as MessageEvent<string>).data) as unknown,
          came_ms: performance.now(),
        };
      });
    }
  }

  stop(): void {
    window.clearTimeout(this.retry);
    this.source?.close();
    this.open.value = false;
  }
}

/** How old a told thing is, in seconds; infinite when nothing came yet. */
export function ageS(told: Told<unknown> | null): number {
  return told ? Math.max(0, tick.value - told.came_ms) / 1000 : Number.POSITIVE_INFINITY;
}
