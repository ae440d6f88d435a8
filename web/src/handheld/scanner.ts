/**
 * A barcode scanner that types (a "wedge"), anywhere on the page: no field needs the focus.
 *
 * Keys are gathered until Enter or Tab, or until 60 ms of silence after at least four of them: nobody
 * types that fast. A device whose scanner has sent Enter once is known to send it (its profile, kept in
 * the browser): then silence ends nothing, for a busy device stutters in the middle of a code. While a
 * scanner is tried out nothing is known of it, and nobody is in a hurry: a second. If such
 * a scanner is changed for one that sends none, a second of silence ends a code all the same, and the
 * device is known no more. Keys that a browser hides (`Unidentified`, 229) arrive as text in a sink field.
 * What is read is NFKC-normalised: full-width letters become half-width; the character that a device
 * sends for GS (0x1D) becomes GS, and a control key that means it (Ctrl+]) too.
 */
import { GS } from "./gs1.ts";

const SILENCE_MS = 60;
const DOUBT_MS = 1000; // so long after a code without its Enter, the scanner must be another one
const KNOWN = "soko.scanner";
const SHORTEST = 4;
const FORGET_MS = 3000; // a stray key does not spoil the next code
const TYPED_MS = 45; // slower keys than this come from fingers: only Enter ends them
/** The same code again within this time is a double read, not a second thing. */
export const REST_MS = 700;

export type Suffix = "enter" | "tab" | "none";
export interface Profile {
  suffix: Suffix | null; // null: not known yet
  gs: string; // what this scanner types for GS; "": GS itself, or nothing
  tested: boolean; // by the test page
}
export interface Read {
  code: string;
  again: boolean;
  raw: string; // as the keys came, before anything was made of it
  suffix: Suffix;
}

/** What is known of this device's scanner. An earlier Soko kept only the word "enter". */
export function profileOf(kept: string | null): Profile {
  const fresh: Profile = { suffix: kept === "enter" ? "enter" : null, gs: "", tested: false };
  if (!kept?.startsWith("{")) return fresh;
  try {
    return { ...fresh, ...(JSON.parse(kept) as Partial<Profile>) };
  } catch {
    return fresh;
  }
}

export function profile(): Profile {
  return profileOf(localStorage.getItem(KNOWN));
}

export function keepProfile(next: Profile): void {
  localStorage.setItem(KNOWN, JSON.stringify(next));
}

export class Scanner {
  private readonly sink: HTMLInputElement;
  private readonly onRead: (read: Read) => void;
  private readonly onKana: () => void;
  private readonly isTrial: () => boolean;
  private text = "";
  private slowest_ms = 0;
  private key_ms = 0;
  private timer = 0;
  private last = { code: "", at_ms: Number.NEGATIVE_INFINITY };

  constructor(sink: HTMLInputElement, onRead: (read: Read) => void, onKana: () => void, isTrial = () => false) {
    this.sink = sink;
    this.isTrial = isTrial;
    this.onRead = onRead;
    this.onKana = onKana;
  }

  /** Listen; give back what ends it. */
  listen(): () => void {
    const key = (event: KeyboardEvent): void => this.key(event);
    const input = (event: Event): void => this.hidden(event as InputEvent);
    const composed = (): void => this.hidden();
    document.addEventListener("keydown", key, true);
    this.sink.addEventListener("input", input);
    this.sink.addEventListener("compositionend", composed);
    return () => {
      document.removeEventListener("keydown", key, true);
      this.sink.removeEventListener("input", input);
      this.sink.removeEventListener("compositionend", composed);
      window.clearTimeout(this.timer);
    };
  }

  private key(event: KeyboardEvent): void {
    const target = event.target;
    if (target instanceof HTMLInputElement && target !== this.sink) return; // somebody fills in a field
    if (event.ctrlKey && event.key === "]") return this.take(event, GS);
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Enter" || event.key === "Tab") {
      if (this.text === "") return;
      event.preventDefault();
      event.stopPropagation();
      const suffix = event.key === "Enter" ? "enter" : "tab";
      if (this.text.length >= SHORTEST) learn(suffix);
      this.end(suffix);
      return;
    }
    const digit = /^Numpad([0-9])$/.exec(event.code)?.[1];
    const char = digit ?? event.key;
    if (char.length !== 1 || (char === " " && this.text === "")) return;
    this.take(event, char);
  }

  private take(event: KeyboardEvent, char: string): void {
    event.preventDefault();
    this.add(char);
  }

  private hidden(event?: InputEvent): void {
    if (event?.isComposing) return; // compositionend brings the whole of it
    const text = this.sink.value;
    this.sink.value = "";
    if (text) this.add(text);
  }

  private add(text: string): void {
    const now = performance.now();
    if (this.text !== "") this.slowest_ms = Math.max(this.slowest_ms, now - this.key_ms);
    this.key_ms = now;
    this.text += text;
    window.clearTimeout(this.timer);
    const { suffix } = profile();
    this.timer = window.setTimeout(
      () => {
        if (this.text.length >= SHORTEST && this.slowest_ms < TYPED_MS) {
          if (suffix !== "none") learn(null);
          return this.end("none");
        }
        this.timer = window.setTimeout(() => this.forget(), FORGET_MS);
      },
      suffix === "enter" || suffix === "tab" || this.isTrial() ? DOUBT_MS : SILENCE_MS,
    );
  }

  private forget(): void {
    this.text = "";
    this.slowest_ms = 0;
  }

  private end(suffix: Suffix): void {
    window.clearTimeout(this.timer);
    const raw = this.text;
    const code = readable(raw, profile().gs);
    this.forget();
    if (/[\u3040-\u30ff]/.test(code)) return this.onKana();
    if (code === "") return;
    const now = performance.now();
    const again = code === this.last.code && now - this.last.at_ms < REST_MS;
    if (!again) this.last = { code, at_ms: now };
    this.onRead({ code, again, raw, suffix });
  }
}

/** A scanner shows by itself how it ends a code. */
function learn(suffix: Suffix | null): void {
  const known = profile();
  if (known.suffix === suffix) return;
  if (known.tested) return keepProfile({ ...known, suffix });
  if (suffix) localStorage.setItem(KNOWN, suffix === "enter" ? suffix : JSON.stringify({ ...known, suffix }));
  else localStorage.removeItem(KNOWN);
}

/** As a code is meant: half-width, GS where this scanner types something else, without blanks around it. */
export function readable(text: string, gs = ""): string {
  const plain = text.normalize("NFKC");
  return (gs ? plain.replaceAll(gs, GS) : plain).replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
}
