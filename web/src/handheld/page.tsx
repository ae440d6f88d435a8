/** The handheld: one instruction, one big thing; the scanner is the only control on the happy path. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import "./handheld.css";
import { LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { maybeWord, number, t, word } from "../core/i18n.ts";
import { Message } from "./message.tsx";
import { online, pending } from "./outbox.ts";
import { Scanner, REST_MS } from "./scanner.ts";
import { Task } from "./screen.tsx";
import { change, KINDS, session } from "./session.ts";
import { back, begin, flash, found, lastTried, hearOffers, leave, lookUp, nextTask, notice, offered, onward, packet, read, view } from "./work.ts";

const resting = signal(false);
let rest = 0;

export function Page() {
  const { site } = session.value;
  useEffect(() => hearOffers(site), [site]);
  useEffect(() => void begin(), []);
  document.title = `${t("h.title")} · Soko`;
  return <Handheld home={<Start />} />;
}

/** Packets, one after the other; and where there is none in hand, the page they are opened from. */
export function Handheld({ home }: { home: ComponentChildren }) {
  const sink = useRef<HTMLInputElement>(null);
  useEffect(keepAwake, []);
  useEffect(() => {
    if (!sink.current) return undefined;
    const scanner = new Scanner(
      sink.current,
      ({ code, again }) => {
        read(code, again);
        resting.value = true;
        window.clearTimeout(rest);
        rest = window.setTimeout(() => (resting.value = false), REST_MS);
      },
      () => (notice.value = { kind: "say", key: "h.ime" }),
    );
    sink.current.focus();
    return scanner.listen();
  }, []);
  // Buttons must not keep the focus: the scanner's Enter would press them again.
  const free = (): void => {
    if (!(document.activeElement instanceof HTMLInputElement)) sink.current?.focus({ preventScroll: true });
  };
  return (
    <div
      class={`handheld ${flash.value}`}
      data-scanner={resting.value ? "resting" : "ready"}
      data-view={view.value}
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
    </div>
  );
}

function Strip() {
  const task = view.value === "work" || view.value === "done" ? packet.value : null;
  const { done, total } = task?.progress ?? { done: 0, total: 0 };
  return (
    <header class="strip">
      <h1>
        {task ? word("kind", task.kind) : "Soko"} {task && task.title !== task.kind && <small>{task.title}</small>}
      </h1>
      {task && (
        <div class="progress" role="img" aria-label={t("h.progress", { done, total })}>
          <i style={{ width: `${total ? (100 * done) / total : 0}%` }} />
        </div>
      )}
      {task && (
        <span class="num" data-testid="progress">
          {done}/{total}
        </span>
      )}
      <span class={online.value ? "net good" : "net bad"} role="status" data-testid="net" data-pending={pending.value}>
        {online.value ? "●" : "✕"}
        {pending.value > 0 && <b class="num"> {number(pending.value)}</b>}
        <span class="unseen">{online.value ? t("h.online") : t("h.offline")}</span>
      </span>
    </header>
  );
}

function Start() {
  const { kinds, site, operator } = session.value;
  const toggle = (kind: string): void => {
    const next = kinds.includes(kind) ? kinds.filter((each) => each !== kind) : [...kinds, kind];
    if (next.length > 0) change({ kinds: next });
  };
  return (
    <main class="start">
      <button type="button" class="next" data-testid="next" onClick={() => void nextTask()}>
        {t("h.next")}
      </button>
      <Message />
      <fieldset>
        <legend>{t("h.kinds")}</legend>
        {KINDS.map((kind) => (
          <button key={kind} type="button" class="chip" aria-pressed={kinds.includes(kind)} onClick={() => toggle(kind)}>
            {kinds.includes(kind) ? "✓ " : ""}
            {word("kind", kind)} {(offered.value[kind] ?? 0) > 0 && <b class="num">{number(offered.value[kind] ?? 0)}</b>}
          </button>
        ))}
      </fieldset>
      <div class="who">
        <Field label={t("h.site")} value={site} set={(value) => change({ site: value })} />
        <Field label={t("h.operator")} value={operator} set={(value) => change({ operator: value })} />
      </div>
      <Lookup />
      <nav>
        <LookSwitch />
        <LanguageSwitch />
      </nav>
    </main>
  );
}

function Field({ label, value, set }: { label: string; value: string; set: (value: string) => void }) {
  return (
    <label>
      {label}
      <input value={value} autocapitalize="off" onChange={(event) => set(event.currentTarget.value.trim())} />
    </label>
  );
}

function Lookup() {
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("code") as HTMLInputElement;
    if (field.value.trim()) void lookUp(field.value.trim());
    field.value = "";
    field.blur();
  };
  const known = found.value;
  return (
    <section class="lookup">
      <form onSubmit={ask}>
        <label>
          {t("h.lookup")} <small>{t("h.lookup_hint")}</small>
          <input name="code" autocapitalize="off" autocomplete="off" />
        </label>
      </form>
      {known && !known.facts && <p class="message wrong">{t("h.unknown_code", { code: known.code })}</p>}
      {known?.facts && (
        <dl class="found" data-testid="found">
          {flat(known.facts).map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

/** Facts as lines; those by site ("free" of a SKU) as a line each. */
function flat(facts: Record<string, unknown>): [string, string][] {
  return Object.entries(facts).flatMap(([name, value]): [string, string][] => {
    const label = word("fact", name);
    if (value === null || name === "id") return [];
    if (typeof value !== "object") return [[label, maybeWord(name, String(value)) ?? String(value)]];
    return Object.entries(value).map(([place, units]) => [`${label} · ${place}`, String(units)]);
  });
}

function Looking() {
  return (
    <main class="looking" aria-live="polite">
      <p class="verb">
        {lastTried.value === "none" ? t("h.no_work") : lastTried.value === "no_answer" ? t("h.no_server") : t("h.looking")}
      </p>
      <Message />
      <button type="button" onClick={() => void leave()}>
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
