/** Stock over all sites in all states, with the age of the figure. */
import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import "./stock.css";
import { get } from "../core/api.ts";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { lang, lasting, number, t, word } from "../core/i18n.ts";
import { ageS, tick, type Told } from "../core/live.ts";
import {
  added,
  bySku,
  nothing,
  PARTS,
  shownStates,
  type SkuStock,
  type Stock,
  type Units,
  unitsIn,
} from "./rows.ts";

const REFRESH_MS = 4000;
const CALM_MS = 250; // after the last key
const OLD_S = 15;
const LIMIT = 1000;

const query = signal(new URLSearchParams(location.search).get("sku") ?? "");
const told = signal<Told<Stock> | null>(null);
const away = signal(false);
const opened = signal<ReadonlySet<string>>(new Set());
const skus = computed(() => bySku(told.value?.value.rows ?? []));
const network = computed<Units>(() => {
  const sum = skus.value.reduce((units, each) => added(units, each.total), nothing());
  return { ...sum, ...told.value?.value.totals };
});
const states = computed(() => shownStates(network.value));

async function load(): Promise<void> {
  const asked = query.peek();
  try {
    const wanted = new URLSearchParams({ query: asked, limit: String(LIMIT) });
    const stock = await get<Stock>(`/console/v1/stock?${wanted}`);
    away.value = false;
    if (asked === query.peek()) told.value = { value: stock, came_ms: performance.now() };
  } catch {
    away.value = true;
  }
}

function keepFresh(): () => void {
  const again = setInterval(() => void load(), REFRESH_MS);
  let calm = 0;
  const end = effect(() => {
    const asked = query.value;
    window.clearTimeout(calm);
    calm = window.setTimeout(() => void load(), told.peek() ? CALM_MS : 0);
    const address = asked ? `?sku=${encodeURIComponent(asked)}` : location.pathname;
    history.replaceState(null, "", address);
  });
  return () => {
    clearInterval(again);
    end();
  };
}

export function Page() {
  useEffect(keepFresh, []);
  document.title = `${t("stock.title")} · Soko`;
  const age = ageS(told.value);
  const old = told.value !== null && (away.value || age > OLD_S);
  return (
    <div class="stock">
      <header>
        <Home />
        <h1>{t("stock.title")}</h1>
        <input
          type="search"
          value={query.value}
          placeholder={t("stock.search")}
          aria-label={t("stock.search")}
          onInput={(event) => {
            query.value = event.currentTarget.value.trim();
          }}
        />
        <span class={old ? "age bad" : "age"} role="status" data-testid="age">
          {told.value && t("stock.age", { age: lasting(Math.floor(tick.value && age)) })}
        </span>
        <LookSwitch />
        <LanguageSwitch />
      </header>
      <Network units={network.value} />
      {away.value && <p class="warn">▲ {t("stock.no_answer")}</p>}
      <main class={old ? "stale" : ""}>
        <Table rows={skus.value} />
        <Nothing rows={skus.value.length} />
      </main>
    </div>
  );
}

function Nothing({ rows }: { rows: number }) {
  if (rows > 0) {
    const cut = (told.value?.value.rows.length ?? 0) >= LIMIT;
    return cut ? <p class="hint">{t("stock.first", { count: number(rows) })}</p> : null;
  }
  if (!told.value) return <p class="hint">{t("stock.loading")}</p>;
  return <p class="hint">{query.value ? t("stock.nothing", { query: query.value }) : t("stock.empty")}</p>;
}

function Network({ units }: { units: Units }) {
  return (
    <section class="network" aria-label={t("stock.network")} data-testid="network">
      <h2>{t("stock.network")}</h2>
      <dl>
        <div class="free">
          <dt>
            <i class="u-free" aria-hidden="true" /> {t("stock.free")}
          </dt>
          <dd class="num">{number(units.free)}</dd>
        </div>
        {states.value.map((state) => (
          <div key={state}>
            <dt>
              <i class={`u-${state}`} aria-hidden="true" /> {word("stock_state", state)}
            </dt>
            <dd class="num">{number(units[state])}</dd>
          </div>
        ))}
      </dl>
      <Bar units={units} most={unitsIn(units)} />
    </section>
  );
}

function Table({ rows }: { rows: SkuStock[] }) {
  const most = Math.max(1, ...rows.map((each) => unitsIn(each.total)));
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t("stock.sku")}</th>
          <th scope="col">
            <span class="unseen">{t("stock.all_states")}</span>
          </th>
          <th scope="col" class="n free">
            <i class="u-free" aria-hidden="true" />
            {word("stock_state", "free")}
          </th>
          {states.value.map((state) => (
            <th key={state} scope="col" class="n">
              <i class={`u-${state}`} aria-hidden="true" />
              {word("stock_state", state)}
            </th>
          ))}
        </tr>
      </thead>
      {rows.map((row) => (
        <Sku key={row.sku} row={row} most={most} />
      ))}
    </table>
  );
}

function Sku({ row, most }: { row: SkuStock; most: number }) {
  const open = opened.value.has(row.sku);
  const turn = (): void => {
    const next = new Set(opened.value);
    if (!next.delete(row.sku)) next.add(row.sku);
    opened.value = next;
  };
  const name = lang.value === "ja" ? row.name_ja : row.name_en;
  return (
    <tbody class={open ? "open" : ""} data-sku={row.sku}>
      <tr class="total" onClick={turn}>
        <th scope="row">
          <button type="button" aria-expanded={open} aria-label={t("stock.open_row", { sku: row.sku })}>
            {open ? "▾" : "▸"}
          </button>
          <b>{row.sku}</b> <span class="name">{name}</span>
          <small>{t("stock.all_sites", { count: row.sites.length })}</small>
        </th>
        <td class="bars">
          <Bar units={row.total} most={most} />
        </td>
        <Cells units={row.total} />
      </tr>
      {open &&
        row.sites.map((site) => (
          <tr key={site.site}>
            <th scope="row" class="site">
              {site.site}
            </th>
            <td class="bars">
              <Bar units={site} most={most} />
            </td>
            <Cells units={site} />
          </tr>
        ))}
    </tbody>
  );
}

function Cells({ units }: { units: Units }) {
  return (
    <>
      {(["free", ...states.value] as const).map((state) => (
        <td key={state} class={`n num ${state} ${units[state] === 0 ? "zero" : ""}`}>
          {units[state] === 0 ? "·" : number(units[state])}
        </td>
      ))}
    </>
  );
}

function Bar({ units, most }: { units: Units; most: number }) {
  return (
    <div class="ubar" aria-hidden="true">
      {PARTS.filter((state) => units[state] > 0).map((state) => (
        <i key={state} class={`u-${state}`} style={{ width: `${(100 * units[state]) / most}%` }} />
      ))}
    </div>
  );
}
