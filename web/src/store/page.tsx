/** For the people in a store: what to do next, handing over, taking back, and where else there is one. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import "./store.css";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { clock, lasting, t, word } from "../core/i18n.ts";
import { Handheld } from "../handheld/page.tsx";
import { online, pending } from "../handheld/outbox.ts";
import { readable, Scanner } from "../handheld/scanner.ts";
import { session } from "../handheld/session.ts";
import { begin, view } from "../handheld/work.ts";
import { HandOver } from "./handover.tsx";
import { Queue } from "./list.tsx";
import { OneItem } from "./one.tsx";
import { Returns } from "./returns.tsx";
import { read } from "./scan.ts";
import { Seek } from "./seek.tsx";
import { away, chosen, failure, items, one, since_s, type Tab, tab, watchQueue } from "./state.ts";

const TABS: [Tab, string][] = [
  ["queue", "☰"],
  ["handover", "⇥"],
  ["returns", "↩"],
  ["seek", "⌕"],
];

export function Page() {
  useEffect(() => void begin(), []);
  useEffect(watchQueue, []);
  document.title = `${t("store.title")} · ${session.value.site} · Soko`;
  return view.value === "home" ? <Counter /> : <Handheld home={null} />;
}

function Counter() {
  const sink = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    // before it is seen: whoever sees a step may scan
    if (!sink.current) return undefined;
    const scanner = new Scanner(
      sink.current,
      ({ code, again }) => again || read(readable(code)),
      () => (failure.value = { code: "ime", facts: {} }),
    );
    sink.current.focus({ preventScroll: true });
    return scanner.listen();
  }, []);
  const free = (): void => {
    const holds = document.activeElement instanceof HTMLInputElement;
    if (!holds) sink.current?.focus({ preventScroll: true });
  };
  return (
    <div class="store" data-tab={tab.value} data-scanner="ready" onClick={free}>
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
      <Top />
      {away.value && (
        <p class="away" role="alert">
          <b>✕ {t("store.offline")}</b> {items.value && t("store.offline_as_of", { at: shownAt() })}
        </p>
      )}
      <Trouble />
      <main>
        {tab.value === "queue" && (
          <div class={chosen.value ? "desk chosen" : "desk"}>
            <Queue />
            {one.value ? <OneItem key={one.value.id} item={one.value} /> : <p class="pick-one">{t("store.pick_one")}</p>}
          </div>
        )}
        {tab.value === "handover" && <HandOver />}
        {tab.value === "returns" && <Returns />}
        {tab.value === "seek" && <Seek />}
      </main>
      <Tabs />
    </div>
  );
}

function shownAt(): string {
  return clock(Date.now() - 1000 * since_s.value, undefined, false);
}

function Top() {
  const old = since_s.value > 15;
  return (
    <header>
      <Home />
      <h1>
        <small>{t("store.title")}</small> {session.value.site}
      </h1>
      <span class={away.value || old ? "net bad" : "net good"} role="status" data-testid="net">
        {away.value || old ? `✕ ${lasting(Math.floor(since_s.value))}` : "●"}
        {pending.value > 0 && !online.value && <b class="num"> {t("h.queued", { count: pending.value })}</b>}
        <span class="unseen">{away.value ? t("store.offline") : t("h.online")}</span>
      </span>
      <LookSwitch />
      <LanguageSwitch />
    </header>
  );
}

function Trouble() {
  const now = failure.value;
  if (!now || (now.code === "no_answer" && away.value)) return null;
  return (
    <p class="trouble" role="alert" data-testid="trouble" data-code={now.code}>
      <span>
        <b aria-hidden="true">✕</b> {word("problem", now.code, now.facts)}
      </span>
      <button type="button" onClick={() => (failure.value = null)}>
        {t("close")}
      </button>
    </p>
  );
}

function Tabs() {
  const go = (next: Tab): void => {
    failure.value = null;
    chosen.value = null;
    tab.value = next;
    window.scrollTo(0, 0);
  };
  return (
    <nav class="tabs" aria-label={t("store.title")}>
      {TABS.map(([name, sign]) => (
        <button
          key={name}
          type="button"
          data-to={name}
          aria-current={tab.value === name ? "page" : undefined}
          onClick={() => go(name)}
        >
          <i aria-hidden="true">{sign}</i>
          {word("store_tab", name)}
        </button>
      ))}
    </nav>
  );
}
