/**
 * Why this site: the candidates of a decision as bars of what each would cost, the reasons of those
 * that fell out, and what would have to change for another to win. Below: policies side by side.
 */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import "../core/desk.css";
import "./decisions.css";
import { ApiError, get } from "../core/api.ts";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { clock, day, type Params, percent, t, word } from "../core/i18n.ts";
import { Bars } from "./bars.tsx";
import type { Decision } from "./record.ts";
import { said } from "./say.ts";
import { Shadow } from "./shadow.tsx";

interface Latest {
  orders: { id: string; number: string; status: string }[];
}

export const order = signal(new URLSearchParams(location.search).get("order") ?? "");
const found = signal<readonly Decision[] | null>(null);
const of = signal(""); // the id of the order that is shown
const failed = signal<{ code: string; facts: Params } | null>(null);
const latest = signal<Latest["orders"]>([]);

async function look(): Promise<void> {
  found.value = null;
  failed.value = null;
  if (!order.peek()) return;
  try {
    const id = await idOf(order.peek());
    const told = await get<{ decisions: Decision[] }>(`/oms/v1/orders/${encodeURIComponent(id)}/decisions`);
    of.value = id;
    found.value = told.decisions;
  } catch (error) {
    failed.value = error instanceof ApiError ? { code: error.code, facts: error.facts } : { code: "no_answer", facts: {} };
  }
}

/** People say a number; the record goes by the id. */
async function idOf(asked: string): Promise<string> {
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(asked)) return asked;
  const known = await get<Record<string, string>>(`/api/v1/lookup/${encodeURIComponent(asked)}`);
  if (known["kind"] !== "order" || !known["id"]) throw new ApiError(404, "not_an_order", { code: asked });
  return known["id"];
}

async function readLatest(): Promise<void> {
  const answer = await get<Latest | Latest["orders"]>("/console/v1/orders?limit=12").catch(() => []);
  latest.value = Array.isArray(answer) ? answer : answer.orders;
}

function go(next: string): void {
  order.value = next;
  history.pushState(null, "", next ? `/ui/decisions?order=${encodeURIComponent(next)}` : "/ui/decisions");
  window.scrollTo(0, 0);
}

export function Page() {
  const asked = order.value;
  useEffect(() => void look(), [asked]);
  useEffect(() => {
    void readLatest();
    const turn = (): void => {
      order.value = new URLSearchParams(location.search).get("order") ?? "";
    };
    window.addEventListener("popstate", turn);
    return () => window.removeEventListener("popstate", turn);
  }, []);
  document.title = `${t("decisions.title")} · Soko`;
  return (
    <div class="deskpage decisions">
      <header>
        <Home />
        <h1>{t("decisions.title")}</h1>
        <LookSwitch />
        <LanguageSwitch />
      </header>
      <main>
        <Search />
        {failed.value && (
          <p class="warn" role="alert">
            ✕ {word("problem", failed.value.code, failed.value.facts)}
          </p>
        )}
        {asked && !failed.value && !found.value && <p class="hint">{t("stock.loading")}</p>}
        {found.value?.length === 0 && <p class="hint">{t("decisions.none")}</p>}
        {found.value?.map((decision, place) => (
          <One key={decision.id} decision={decision} order={of.value} last={place === 0} />
        ))}
        <Shadow />
      </main>
    </div>
  );
}

function Search() {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("order") as HTMLInputElement;
    go(field.value.normalize("NFKC").trim());
  };
  return (
    <form class="search" role="search" onSubmit={submit}>
      <label>
        {t("decisions.order")}
        <input name="order" value={order.value} list="latest" autocapitalize="off" spellcheck={false} autocomplete="off" />
      </label>
      <button type="submit" class="main">
        {t("decisions.look")}
      </button>
      {latest.value.length > 0 && (
        <p class="latest">
          {latest.value.slice(0, 6).map((each) => (
            <a
              key={each.id}
              href={`/ui/decisions?order=${encodeURIComponent(each.id)}`}
              aria-current={each.id === order.value ? "true" : undefined}
              onClick={(event) => {
                event.preventDefault();
                go(each.id);
              }}
            >
              {each.number}
            </a>
          ))}
        </p>
      )}
    </form>
  );
}

function One({ decision, order: id, last }: { decision: Decision; order: string; last: boolean }) {
  const at = Date.parse(decision.decided_at);
  return (
    <section class="box" data-testid="decision">
      <h2>
        {t(last ? "decisions.latest" : "decisions.earlier")} · {day(at)} {clock(at)}
      </h2>
      <p class="chosen-are">
        {t("decisions.chosen")}{" "}
        {decision.chosen.map((each) => (
          <span key={`${each.line_no} ${each.site}`}>
            <b>{each.site}</b> <small>{t("decisions.line_units", { line: each.line_no, units: each.units })}</small>
          </span>
        ))}
      </p>
      {decision.why.length > 0 && (
        <ul class="whys">
          {decision.why.map((each, place) => (
            <li key={place}>{said(each)}</li>
          ))}
        </ul>
      )}
      <dl class="sure">
        <div>
          <dt>{t("decisions.policy")}</dt>
          <dd>
            {decision.policy} v{decision.policy_version}
          </dd>
        </div>
        <div>
          <dt>{t("decisions.status")}</dt>
          <dd>{word("solve_status", decision.status.toUpperCase())}</dd>
        </div>
        {decision.gap !== null && (
          <div>
            <dt>{t("decisions.gap")}</dt>
            <dd class="num">{percent(decision.gap, 2)}</dd>
          </div>
        )}
      </dl>
      <Bars decision={decision} order={id} last={last} />
    </section>
  );
}
