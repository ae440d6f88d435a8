/** One SKU: all states at all sites, what may be promised day by day, where it can be had. */
import { lang, number, t, word } from "../core/i18n.ts";
import { Bar } from "./bar.tsx";
import { Chart } from "./chart.tsx";
import { Near } from "./near.tsx";
import { bySite, type SkuStock, shownStates, unitsIn } from "./rows.ts";
import { shown } from "./sku.ts";

export function One({ sku }: { sku: string }) {
  const stock = shown.value;
  if (stock === null || stock.sku !== sku) return <p class="hint">{t("stock.loading")}</p>;
  return (
    <article class="one" data-sku={sku}>
      <Head stock={stock} />
      <div class="panes">
        <Chart />
        <Near sku={sku} />
      </div>
      <Matrix stock={stock} />
    </article>
  );
}

function Head({ stock }: { stock: SkuStock }) {
  const { units, overdue, channels } = stock.total;
  return (
    <section class="head" data-testid="network" aria-label={t("stock.network")}>
      <h2 class="name">
        <b>{stock.sku}</b> {lang.value === "ja" ? stock.name_ja : stock.name_en}
      </h2>
      <p class="big">
        <b class="num">{number(units.free)}</b> {t("stock.free")}
      </p>
      <Bar units={units} most={Math.max(1, unitsIn(units))} />
      <dl>
        {shownStates(units).map((state) => (
          <div key={state}>
            <dt>
              <i class={`u-${state}`} aria-hidden="true" /> {word("stock_state", state)}
            </dt>
            <dd class="num">{number(units[state])}</dd>
          </div>
        ))}
        {Object.entries(channels).map(([channel, free]) => (
          <div key={`c-${channel}`}>
            <dt>{t("stock.for_channel", { channel })}</dt>
            <dd class="num">{number(free)}</dd>
          </div>
        ))}
      </dl>
      {overdue > 0 && <p class="note">{t("stock.overdue", { units: number(overdue) })}</p>}
    </section>
  );
}

function Matrix({ stock }: { stock: SkuStock }) {
  const rows = bySite(stock);
  const states = shownStates(stock.total.units);
  return (
    <section class="matrix">
      <h2>{t("stock.matrix")}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("stock.matrix")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("stock.site")}</th>
              {(["free", ...states] as const).map((state) => (
                <th key={state} scope="col" class="n">
                  <i class={`u-${state}`} aria-hidden="true" />
                  {word("stock_state", state)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(([code, at]) => (
              <tr key={code}>
                <th scope="row">
                  {code} <small>{word("site_kind", at.kind)}</small>
                </th>
                {(["free", ...states] as const).map((state) => (
                  <td key={state} class={`n num ${state} ${at.units[state] === 0 ? "zero" : ""}`}>
                    {at.units[state] === 0 ? "·" : number(at.units[state])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
