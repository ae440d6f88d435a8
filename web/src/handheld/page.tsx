/** The handheld: one instruction, one big thing; the scanner is the only control on the happy path. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import "./handheld.css";
import { t, word } from "../core/i18n.ts";
import { Start } from "./home.tsx";
import { later, worded } from "./later.tsx";
import { Message } from "./message.tsx";
import { online, pending } from "./outbox.ts";
import { lockNow, watchIdle } from "./idle.ts";
import { read, sheet } from "./read.ts";
import { type Read, Scanner, REST_MS } from "./scanner.ts";
import { Task } from "./screen.tsx";
import { session, strange } from "./session.ts";
import { sheetsPart } from "./soon.ts";
import { asking, back, begin, flash, hearOffers, lastTried, leave, notice, onward, packet, view } from "./work.ts";

const lockPart = worded(() => import("./lock.tsx"));
const Lock = later(() => lockPart().then((each) => each.Lock));
const Pair = later(() => lockPart().then((each) => each.Pair));
const Eye = later(() => sheetsPart().then((each) => each.Eye));
const Trial = later(() => worded(() => import("./trial.tsx"))().then((each) => each.Trial));
const RECOVERS = ["recover", "putback"];

const resting = signal(false);
const trialled = signal<Read | null>(null);
let rest = 0;

export function Page() {
  const { site } = session.value;
  useEffect(() => hearOffers(site), [site]);
  useEffect(() => void begin(), []);
  useEffect(() => watchIdle(lock), []);
  useEffect(() => void import("./life.ts").then((each) => each.live()).catch(() => undefined), []);
  document.title = `${t("h.title")} · Soko`;
  return <Handheld home={<Start />} />;
}

/** The device lies about: a badge opens it again, and the packet is as it was. */
function lock(): void {
  lockNow();
  strange.value = true;
}

/** Packets, one after the other; and where there is none in hand, the page they are opened from. */
export function Handheld({ home }: { home: ComponentChildren }) {
  const sink = useRef<HTMLInputElement>(null);
  useEffect(keepAwake, []);
  // What the first screen does without is there before the Wi-Fi goes.
  useEffect(() => void sheetsPart().catch(() => undefined), []);
  useLayoutEffect(() => {
    // before it is seen: whoever sees a step may scan
    if (!sink.current) return undefined;
    const scanner = new Scanner(
      sink.current,
      (seen) => {
        if (sheet.value.kind === "scanner") trialled.value = seen;
        else read(seen.code, seen.again);
        resting.value = true;
        window.clearTimeout(rest);
        rest = window.setTimeout(() => (resting.value = false), REST_MS);
      },
      () => (notice.value = { kind: "say", key: "h.ime" }),
      () => sheet.value.kind === "scanner",
    );
    sink.current.focus();
    return scanner.listen();
  }, []);
  // Buttons must not keep the focus: the scanner's Enter would press them again.
  const free = (): void => {
    if (!(document.activeElement instanceof HTMLInputElement)) sink.current?.focus({ preventScroll: true });
  };
  const recovers = packet.value && view.value === "work" && RECOVERS.includes(packet.value.kind) ? "recovers" : "";
  return (
    <div
      class={`handheld ${flash.value} ${recovers}`}
      data-scanner={resting.value ? "resting" : "ready"}
      data-view={view.value}
      data-asking={asking.value}
      onClick={free}
    >
      <input
        ref={sink}
        class="sink"
        inputMode="none"
        lang="en"
        autocapitalize="off"
        autocomplete="off"
        spellcheck={false}
        aria-label={t("h.typed_code")}
        tabIndex={-1}
      />
      <Strip />
      {view.value === "home" && home}
      {view.value === "looking" && <Looking />}
      {view.value === "work" && packet.value && <Task packet={packet.value} />}
      {view.value === "done" && packet.value && <Done />}
      {view.value === "lost" && <Lost />}
      <Curtain />
    </div>
  );
}

/** What covers everything, whatever is being done. */
function Curtain() {
  const open = sheet.value;
  const asked = /[#?&]pair=[\w-]+/.exec(location.href)?.[0] ?? "";
  if (open.kind === "pair" || (asked && !session.value.device_token)) return <Pair scanned={open} first={asked} />;
  if (open.kind === "lock") return <Lock badge={open.badge} mayClose={!strange.value} />;
  if (strange.value) return <Lock badge="" mayClose={false} />;
  if (open.kind === "scanner") return <Trial last={trialled.value} />;
  if (open.kind !== "camera" || view.value === "work") return null;
  return (
    <div class="sheet" role="dialog" aria-modal="true" aria-label={t("h.title")}>
      <Eye />
    </div>
  );
}

/** Somebody else has the packet now, or it is no more: said until it was read. */
function Lost() {
  const go = (): void => {
    void leave().then(onward);
  };
  return (
    <main class="lost" data-testid="lost">
      <Message />
      <p class="verb">{t("h.lost")}</p>
      <p>{t("h.lost_hint")}</p>
      <button type="button" class="next" onClick={go}>
        {back.value ? t("h.back") : t("h.next")}
      </button>
    </main>
  );
}

function Strip() {
  const task = view.value === "work" || view.value === "done" ? packet.value : null;
  const { done: taken, total } = task?.progress ?? { done: 0, total: 0 };
  const done = task?.step === null ? total : taken; // steps for exceptions only were none
  return (
    <header class="strip">
      <h1>
        {task ? word("kind", task.kind) : session.value.name || "Soko"} {task && task.title !== task.kind && <small>{task.title}</small>}
      </h1>
      {task && (
        <div class="progress" role="img" aria-label={t("h.progress", { done, total })}>
          <i style={{ width: `${total ? (100 * done) / total : 0}%` }} />
        </div>
      )}
      {task && (
        <span class="num done" data-testid="progress">
          {done}/{total}
        </span>
      )}
      <span class={online.value ? "net good" : "net bad"} role="status" data-testid="net" data-pending={pending.value}>
        {online.value ? "●" : "✕"}
        {/* As it is: the first number that is worded costs a slow device a tenth of a second. */}
        {pending.value > 0 && <b class="num"> {pending.value}</b>}
        <span class="unseen">{online.value ? t("h.online") : t("h.offline")}</span>
      </span>
    </header>
  );
}

function Looking() {
  return (
    <main class="looking" aria-live="polite">
      <p class="verb">
        {lastTried.value === "none" ? t("h.no_work") : lastTried.value === "no_answer" ? t("h.no_server") : t("h.looking")}
      </p>
      <Message />
      <button type="button" data-testid="home" onClick={() => void leave()}>
        {t("h.back")}
      </button>
    </main>
  );
}

function Done() {
  const task = packet.value;
  if (!task) return null;
  return (
    <main class="finished" data-testid="done">
      <p class="tick" aria-hidden="true">
        ✔
      </p>
      <p class="verb">{word("say", task.done_say.code, task.done_say.params)}</p>
      {pending.value > 0 && !online.value && <p>{t("h.queued", { count: pending.value })}</p>}
      <button type="button" class="next" onClick={onward}>
        {back.value ? t("h.back") : t("h.next")}
      </button>
    </main>
  );
}

/** A screen that goes dark between two scans costs more than its light. */
function keepAwake(): () => void {
  const ask = (): void => {
    if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    void navigator.wakeLock.request("screen").catch(() => undefined);
  };
  ask();
  document.addEventListener("visibilitychange", ask);
  return () => document.removeEventListener("visibilitychange", ask);
}
