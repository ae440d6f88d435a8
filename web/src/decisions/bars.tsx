/** The candidates of a decision, a stacked bar each; on a click, what would make that one win. */
import { useSignal } from "@preact/signals";
import { get } from "../core/api.ts";
import { t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { type Candidate, cheapFirst, inTermOrder, partsOf, type Scale, scaleOf, shadeOf } from "./costs.ts";
import type { Decision } from "./record.ts";

export interface WhatIf {
  site: string;
  missing_minor: number | null;
  terms: { term: string; now_minor: number; needed_minor: number }[];
  why: { code: string; params: Record<string, string | number> }[];
}

export function Bars({ decision, order }: { decision: Decision; order: string }) {
  const open = useSignal("");
  const answer = useSignal<WhatIf | null>(null);
  const weighed = decision.candidates.filter((each) => each.cost_minor !== null);
  const out = decision.candidates.filter((each) => each.cost_minor === null);
  const scale = scaleOf(weighed.map((each) => each.terms));
  const winners = new Set(decision.chosen.map((each) => each.site));
  const terms = [...new Set(weighed.flatMap((each) => inTermOrder(each.terms).map(([term]) => term)))];
  const ask = async (site: string): Promise<void> => {
    answer.value = null;
    if (open.value === site) {
      open.value = "";
      return;
    }
    open.value = site;
    answer.value = await get<WhatIf>(
      `/oms/v1/orders/${encodeURIComponent(order)}/decisions/what-if?${new URLSearchParams({ site })}`,
    ).catch(() => null);
  };
  return (
    <>
      <ul class="terms" aria-label={t("decisions.terms")}>
        {terms.map((term) => (
          <li key={term}>
            <i class={`term-${shadeOf(term)}`} aria-hidden="true" /> {word("term", term)}
          </li>
        ))}
      </ul>
      <ol class="bars">
        {cheapFirst(weighed).map((each) => (
          <li key={each.site} class={winners.has(each.site) ? "won" : ""} data-site={each.site}>
            <button type="button" aria-expanded={open.value === each.site} disabled={winners.has(each.site)} onClick={() => void ask(each.site)}>
              <span class="who">
                <b>{each.site}</b>
                <small>
                  {winners.has(each.site)
                    ? `✔ ${t("decisions.won")}`
                    : each.site === decision.runner_up
                      ? t("decisions.runner_up")
                      : t("decisions.what_if")}
                </small>
              </span>
              <Bar candidate={each} scale={scale} />
              <b class="sum num">{money(Math.round(each.cost_minor ?? 0), "JPY")}</b>
            </button>
            {open.value === each.site && <Answer told={answer.value} />}
          </li>
        ))}
      </ol>
      {out.length > 0 && (
        <>
          <h3>{t("decisions.fell_out")}</h3>
          <ul class="out">
            {out.map((each) => (
              <li key={each.site} data-out={each.site}>
                <b>✕ {each.site}</b> {each.reasons.map((why) => word("why", why.code, why.params)).join(" · ")}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

const WIDE = 1000;
const HIGH = 34;

function Bar({ candidate, scale }: { candidate: Candidate; scale: Scale }) {
  const parts = partsOf(candidate.terms, scale);
  const words = parts.map((part) => `${word("term", part.term)} ${money(Math.round(part.minor), "JPY")}`).join(", ");
  return (
    <svg class="bar" viewBox={`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label={words}>
      {parts.map((part) => (
        <rect
          key={part.term}
          class={`term-${shadeOf(part.term)}`}
          x={WIDE * part.from}
          width={Math.max(2, WIDE * part.width - 1.5)}
          height={HIGH}
        >
          <title>{`${word("term", part.term)} ${money(Math.round(part.minor), "JPY")}`}</title>
        </rect>
      ))}
      {scale.zero > 0 && <line x1={WIDE * scale.zero} x2={WIDE * scale.zero} y1="0" y2={HIGH} />}
    </svg>
  );
}

function Answer({ told }: { told: WhatIf | null }) {
  if (!told) return <p class="answer hint">{t("stock.loading")}</p>;
  return (
    <div class="answer" role="status" data-testid="what-if">
      {told.missing_minor !== null && (
        <p>
          <b>{t("decisions.missing", { site: told.site, money: money(Math.round(told.missing_minor), "JPY") })}</b>
        </p>
      )}
      {told.why.map((each, place) => (
        <p key={place}>{word("why", each.code, each.params)}</p>
      ))}
      {told.terms.length > 0 && (
        <>
          <p>{t("decisions.one_of")}</p>
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
              {told.terms.map((each) => (
                <tr key={each.term}>
                  <th scope="row">
                    <i class={`swatch term-${shadeOf(each.term)}`} aria-hidden="true" /> {word("term", each.term)}
                  </th>
                  <td class="num">{money(Math.round(each.now_minor), "JPY")}</td>
                  <td class="num">{money(Math.round(each.needed_minor), "JPY")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </div>
  );
}
