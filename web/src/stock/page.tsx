/** Stock: the list of SKUs, or one of them, by what the address says. */
import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import "./stock.css";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { lasting, t } from "../core/i18n.ts";
import { tick } from "../core/live.ts";
import { away, follow, heard_ms } from "./feed.ts";
import { address, asked, begin, lines, reload, renew } from "./list.ts";
import { List } from "./lines.tsx";
import { One } from "./one.tsx";
import { readOne, shown } from "./sku.ts";

const CALM_MS = 250; // after the last key
const OLD_S = 20;

/** The SKU of the address; none: the list. */
const named = signal(new URLSearchParams(location.search).get("sku"));
const age_s = computed(() => (heard_ms.value === null ? 0 : Math.max(0, tick.value - heard_ms.value) / 1000));
const old = computed(() => heard_ms.value !== null && age_s.value > OLD_S);

async function changed(skus: ReadonlySet<string> | null): Promise<void> {
  const sku = named.peek();
  if (sku !== null) {
    if (skus === null || skus.has(sku)) await readOne(sku);
  } else if (skus === null) {
    await reload();
  } else {
    await renew(skus);
  }
}

/** Go to another address of this page without leaving it. */
export function go(event: Event, href: string): void {
  event.preventDefault();
  history.pushState(null, "", href);
  turnTo();
}

function turnTo(): void {
  named.value = new URLSearchParams(location.search).get("sku");
  window.scrollTo(0, 0);
  if (named.value === null) {
    if (lines.value === null) void begin().catch(silent);
  } else if (shown.value?.sku !== named.value) {
    shown.value = null;
    void readOne(named.value).catch(silent);
  }
}

/** What the feed will try again anyway. */
function silent(): void {
  away.value = heard_ms.value === null;
}

function live(): () => void {
  const stop = follow(changed);
  window.addEventListener("popstate", turnTo);
  let calm = 0;
  let first = true;
  const end = effect(() => {
    const href = address(asked.value);
    if (first) {
      first = false;
      return;
    }
    window.clearTimeout(calm);
    calm = window.setTimeout(() => {
      history.replaceState(null, "", href);
      void begin().catch(silent);
    }, CALM_MS);
  });
  return () => {
    stop();
    end();
    window.removeEventListener("popstate", turnTo);
  };
}

export function Page() {
  useEffect(live, []);
  const sku = named.value;
  document.title = `${sku ?? t("stock.title")} · Soko`;
  return (
    <div class="stock">
      <header>
        <Home />
        <h1>
          {sku === null ? (
            t("stock.title")
          ) : (
            <a href={address(asked.value)} onClick={(event) => go(event, address(asked.value))}>
              ‹ {t("stock.title")}
            </a>
          )}
        </h1>
        <span class={old.value || away.value ? "age bad" : "age"} role="status" data-testid="age">
          {heard_ms.value !== null && t("stock.age", { age: lasting(Math.floor(age_s.value)) })}
        </span>
        <LookSwitch />
        <LanguageSwitch />
      </header>
      {away.value && <p class="warn">▲ {t("stock.no_answer")}</p>}
      <main class={old.value ? "stale" : ""}>{sku === null ? <List go={go} /> : <One sku={sku} />}</main>
    </div>
  );
}
