/** The candidates of a decision, a stacked bar each; on a click, what would make that one win. */
import { useSignal } from "@preact/signals";
import { get } from "../core/api.ts";
import { day, t, word } from "../core/i18n.ts";
import { inTermOrder, partsOf, type Scale, scaleOf, shadeOf, sides, type Terms } from "./costs.ts";
import type { Decision, WhatIf } from "./record.ts";
import { said, yen } from "./say.ts";

const FEW = 6;

interface Row {
  name: string;
  sites: readonly string[];
  terms: Terms;
  cost: number;
  note: string;
  won: boolean;
}

/** The plan that was taken, the runner-up where it is of several sites, then every site by itself. */
function rowsOf(decision: Decision): Row[] {
  const winners = [...new Set(decision.chosen.map((each) => each.site))].sort();
  const other = decision.runner_up_plan;
  const rows: Row[] = [];
  const plan = (sites: readonly string[], terms: Terms, cost: number, note: string, won: boolean): void => {
    rows.push({ name: sites.join(" + "), sites, terms, cost, note, won });
  };
  if (winners.length > 0) plan(winners, decision.terms, decision.cost_minor, `✔ ${t("decisions.won")}`, true);
  if (other && other.sites.length > 1) plan(other.sites, other.terms, other.cost_minor, t("decisions.runner_up"), false);
  for (const each of sides(decision.candidates).weighed) {
    if (winners.length === 1 && winners[0] === each.site) continue;
    const second = other?.sites.length === 1 && other.sites[0] === each.site;
    const late = each.late_days > 0 ? ` · ${t("decisions.late", { days: each.late_days })}` : "";
    const comes = each.arrives_by ? `${t("decisions.arrives", { day: day(Date.parse(each.arrives_by)) })}${late}` : "";
    plan([each.site], each.terms, each.cost_minor, [second && t("decisions.runner_up"), comes].filter(Boolean).join(" · "), false);
  }
  return rows;
}

export function Bars({ decision, order, last }: { decision: Decision; order: string; last: boolean }) {
  const open = useSignal("");
  const answer = useSignal<WhatIf | null>(null);
  const all = useSignal(false);
  const rows = rowsOf(decision);
  const { out } = sides(decision.candidates);
  const scale = scaleOf(rows.map((row) => row.terms));
  const terms = [...new Set(rows.flatMap((row) => inTermOrder(row.terms).map(([term]) => term)))];
  const inOrder = inTermOrder(Object.fromEntries(terms.map((term) => [term, 1])));
  const ask = async (site: string): Promise<void> => {
    answer.value = null;
    open.value = open.value === site ? "" : site;
    if (open.value === "") return;
    const query = new URLSearchParams({ site });
    answer.value = await get<WhatIf>(`/oms/v1/orders/${encodeURIComponent(order)}/decisions/what-if?${query}`).catch(() => null);
  };
  const shown = all.value ? rows : rows.slice(0, FEW);
  return (
    <>
      <ul class="terms" aria-label={t("decisions.terms")}>
        {inOrder.map(([term]) => (
          <li key={term}>
            <i class={`term-${shadeOf(term)}`} aria-hidden="true" /> {word("term", term)}
          </li>
        ))}
      </ul>
      <ol class="bars">
        {shown.map((row) => {
          const asks = last && !row.won && row.sites.length === 1;
          return (
            <li key={row.name} class={row.won ? "won" : ""} data-site={row.name}>
              <button type="button" aria-expanded={asks ? open.value === row.name : undefined} disabled={!asks} onClick={() => void ask(row.name)}>
                <span class="who">
                  <b>{row.name}</b>
                  <small>{row.note}</small>
                </span>
                <Bar terms={row.terms} scale={scale} />
                <span class="sum">
                  <b class="num">{yen(row.cost)}</b>
                  {asks && <small>{open.value === row.name ? "▾" : "▸"} {t("decisions.what_if")}</small>}
                </span>
              </button>
              {open.value === row.name && <Answer told={answer.value} />}
            </li>
          );
        })}
      </ol>
      {rows.length > FEW && !all.value && (
        <button type="button" class="more" onClick={() => (all.value = true)}>
          {t("decisions.more", { count: rows.length - FEW })}
        </button>
      )}
      {out.length > 0 && (
        <details class="out" open={out.length <= FEW}>
          <summary>
            {t("decisions.fell_out")} ({out.length})
          </summary>
          <ul>
            {out.map((each) => (
              <li key={each.site} data-out={each.site}>
                <b>✕ {each.site}</b> {each.reasons.map(said).join(" · ")}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

const WIDE = 1000;
const HIGH = 34;

function Bar({ terms, scale }: { terms: Terms; scale: Scale }) {
  const parts = partsOf(terms, scale);
  const words = parts.map((part) => `${word("term", part.term)} ${yen(part.minor)}`);
  return (
    <svg class="bar" viewBox={`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label={words.join(", ")}>
      {parts.map((part, place) => (
        <rect
          key={part.term}
          class={`term-${shadeOf(part.term)}`}
          x={WIDE * part.from}
          width={Math.max(1.5, WIDE * part.width - 1.5)}
          height={HIGH}
        >
          <title>{words[place]}</title>
        </rect>
      ))}
      {scale.zero > 0 && <line x1={WIDE * scale.zero} x2={WIDE * scale.zero} y1="0" y2={HIGH} />}
    </svg>
  );
}

function Answer({ told }: { told: WhatIf | null }) {
  if (!told) return <p class="answer hint">{t("stock.loading")}</p>;
  const enough = told.terms.filter((each) => each.enough);
  return (
    <div class="answer" role="status" data-testid="what-if">
      <p>
        <b>
          {told.gap > 0
            ? t("decisions.missing", { site: told.site, money: yen(told.gap) })
            : t("decisions.not_dearer", { site: told.site })}
        </b>
      </p>
      {told.reasons.map((each, place) => (
        <p key={place}>{said(each)}</p>
      ))}
      {told.gap > 0 && (
        <>
          <p>{enough.length > 0 ? t("decisions.one_of") : t("decisions.not_one")}</p>
          {enough.length > 0 && (
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("decisions.term")}</th>
                  <th scope="col" class="num">
                    {t("decisions.is")}
                  </th>
                  <th scope="col" class="num">
                    {t("decisions.would_be")}
                  </th>
                </tr>
              </thead>
              <tbody>
                {enough.map((each) => (
                  <tr key={each.name}>
                    <th scope="row">
                      <i class={`swatch term-${shadeOf(each.name)}`} aria-hidden="true" /> {word("term", each.name)}
                    </th>
                    <td class="num">{yen(each.now)}</td>
                    <td class="num">{yen(each.needed)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </>
      )}
    </div>
  );
}
