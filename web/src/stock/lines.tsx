/** The list of SKUs: a line each over all sites, its sites below; more of them on the way down. */
import { useEffect, useRef } from "preact/hooks";
import { lang, number, t, word } from "../core/i18n.ts";
import { Bar, Parts } from "./bar.tsx";
import { type Asked, asked, begin, lines, looking, more, next, opened, sites, turn } from "./list.ts";
import { bySite, CARES, type Care, type Line, type SkuStock, unitsIn } from "./rows.ts";

type Go = (event: Event, href: string) => void;

export function List({ go }: { go: Go }) {
  useEffect(() => {
    if (lines.peek() === null && !looking.peek()) void begin().catch(() => undefined);
  }, []);
  const most = Math.max(1, ...(lines.value ?? []).map((line) => unitsIn(line.units)));
  return (
    <>
      <Filters />
      <ol class="lines">
        {(lines.value ?? []).map((line) => (
          <Sku key={line.sku} line={line} most={most} go={go} />
        ))}
      </ol>
      <End />
    </>
  );
}

function ask(part: Partial<Asked>): void {
  asked.value = { ...asked.value, ...part };
}

function Filters() {
  const { text, site, care } = asked.value;
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        value={text}
        placeholder={t("stock.search")}
        aria-label={t("stock.search")}
        onInput={(event) => ask({ text: event.currentTarget.value.trim() })}
      />
      <select aria-label={t("stock.site")} value={site} onChange={(event) => ask({ site: event.currentTarget.value })}>
        <option value="">{t("stock.every_site")}</option>
        {sites.value.map((code) => (
          <option key={code} value={code}>
            {code}
          </option>
        ))}
      </select>
      <fieldset>
        <legend class="unseen">{t("stock.care")}</legend>
        {(["", ...CARES] as const).map((each) => (
          <button key={each} type="button" aria-pressed={care === each} onClick={() => ask({ care: each })}>
            {careWord(each)}
          </button>
        ))}
      </fieldset>
    </form>
  );
}

function careWord(care: Care | ""): string {
  if (care === "") return t("stock.everything");
  return care === "sold_out" ? t("stock.sold_out") : word("stock_state", care);
}

function Sku({ line, most, go }: { line: Line; most: number; go: Go }) {
  const stock = opened.value.get(line.sku);
  const open = opened.value.has(line.sku);
  const href = `/ui/stock?sku=${encodeURIComponent(line.sku)}`;
  const free = line.units.free ?? 0;
  return (
    <li class={open ? "line open" : "line"} data-sku={line.sku}>
      <div class="total">
        <button
          type="button"
          class="turn"
          aria-expanded={open}
          aria-label={t("stock.open_row", { sku: line.sku })}
          onClick={() => void turn(line.sku).catch(() => undefined)}
        >
          {open ? "▾" : "▸"}
        </button>
        <a class="what" href={href} onClick={(event) => go(event, href)}>
          <b>{line.sku}</b> <span>{lang.value === "ja" ? line.name_ja : line.name_en}</span>
        </a>
        <p class={free > 0 ? "free" : "free none"}>
          <b class="num">{number(free)}</b> <small>{t("stock.free_short")}</small>
        </p>
        <Bar units={line.units} most={most} />
        <Parts units={line.units} short={4} />
        <small class="sites">{t("stock.all_sites", { count: line.sites })}</small>
      </div>
      {open && (stock ? <Sites stock={stock} /> : <p class="hint">{t("stock.loading")}</p>)}
    </li>
  );
}

function Sites({ stock }: { stock: SkuStock }) {
  const rows = bySite(stock);
  const most = Math.max(1, ...rows.map(([, at]) => unitsIn(at.units)));
  return (
    <ul class="of-sites">
      {rows.map(([code, at]) => (
        <li key={code}>
          <b>{code}</b>
          <span class={at.units.free > 0 ? "num" : "num none"}>{number(at.units.free)}</span>
          <Bar units={at.units} most={most} />
          <Parts units={at.units} short={3} />
        </li>
      ))}
    </ul>
  );
}

/** The way on: by itself when it comes into sight, or by the button. */
function End() {
  const button = useRef<HTMLButtonElement>(null);
  const onwards = next.value !== null;
  useEffect(() => {
    const seen = button.current;
    if (!onwards || !seen) return undefined;
    const watch = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && void more().catch(() => undefined),
      { rootMargin: "600px" },
    );
    watch.observe(seen);
    return () => watch.disconnect();
  }, [onwards, lines.value?.length]);
  const count = lines.value?.length ?? 0;
  if (lines.value === null || (looking.value && count === 0)) return <p class="hint">{t("stock.loading")}</p>;
  if (onwards) {
    return (
      <button ref={button} type="button" class="more" disabled={looking.value} onClick={() => void more()}>
        {looking.value ? t("stock.loading") : t("stock.more")}
      </button>
    );
  }
  if (count > 0) return <p class="hint">{t("stock.that_is_all", { count: number(count) })}</p>;
  const { text, site, care } = asked.value;
  if (text) return <p class="hint">{t("stock.nothing", { query: text })}</p>;
  return <p class="hint">{site || care ? t("stock.nothing_such") : t("stock.empty")}</p>;
}
