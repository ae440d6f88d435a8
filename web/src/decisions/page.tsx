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
import { clock, day, t, word } from "../core/i18n.ts";
import { Bars } from "./bars.tsx";
import { type Decision, type Decisions, read as asRead } from "./record.ts";
import { Shadow } from "./shadow.tsx";

interface Latest {
  orders: { id: string; number: string; status: string }[];
}

export const order = signal(new URLSearchParams(location.search).get("order") ?? "");
const found = signal<Decisions | null>(null);
const failed = signal("");
const latest = signal<Latest["orders"]>([]);

async function look(): Promise<void> {
  found.value = null;
  failed.value = "";
  if (!order.peek()) return;
  try {
    found.value = asRead(await get(`/oms/v1/orders/${encodeURIComponent(order.peek())}/decisions`));
  } catch (error) {
    failed.value = error instanceof ApiError ? error.code : "no_answer";
  }
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
            ✕ {word("problem", failed.value)}
          </p>
        )}
        {asked && !failed.value && !found.value && <p class="hint">{t("stock.loading")}</p>}
        {found.value?.decisions.length === 0 && <p class="hint">{t("decisions.none")}</p>}
        {found.value?.decisions.map((decision, place) => (
          <One key={decision.id} decision={decision} order={asked} last={place === 0} />
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

function One({ decision, order: of, last }: { decision: Decision; order: string; last: boolean }) {
  const at = Date.parse(decision.decided_at);
  return (
    <section class="box" data-testid="decision">
      <h2>
        {t(last ? "decisions.latest" : "decisions.earlier")} · {day(at)} {clock(at)}
      </h2>
      <p class="chosen-are">
        {t("decisions.chosen")}{" "}
        {decision.chosen.map((each) => (
          <b key={`${each.line_no} ${each.site}`}>
            {each.site}
            <small>
              {" "}
              {t("decisions.line_units", { line: each.line_no, units: each.units })}
            </small>
          </b>
        ))}
      </p>
      <dl class="sure">
        {decision.policy && (
          <div>
            <dt>{t("decisions.policy")}</dt>
            <dd>{decision.policy}</dd>
          </div>
        )}
        <div>
          <dt>{t("decisions.status")}</dt>
          <dd>{word("solve_status", decision.status)}</dd>
        </div>
        {decision.gap !== null && (
          <div>
            <dt>{t("decisions.gap")}</dt>
            <dd class="num">{(100 * decision.gap).toFixed(2)} %</dd>
          </div>
        )}
      </dl>
      {decision.why.length > 0 && (
        <ul class="whys">
          {decision.why.map((each, place) => (
            <li key={place}>{word("why", each.code, each.params)}</li>
          ))}
        </ul>
      )}
      <Bars decision={decision} order={of} />
    </section>
  );
}
