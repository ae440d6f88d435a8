/** Left: what needs a person, and what came in last. */
import { lang, lasting, maybeWord, t, word } from "../core/i18n.ts";
import { type Alarm, alarms, type OrderRow, orders, selected, siteClock } from "./live.ts";

const SHAPE = { 1: "■", 2: "▲", 3: "●" } as const;
const ROWS = 12;

export function AlarmList() {
  const active = alarms.value;
  const now = siteClock.value ?? 0;
  return (
    <section class="alarms" aria-label={t("alarms.title")}>
      <h2>
        {t("alarms.title")} <b class="num">{active.length}</b>
      </h2>
      {active.length === 0 ? (
        <p class="calm">
          <span aria-hidden="true">✓</span> {t("alarms.none")}
        </p>
      ) : (
        <ol aria-live="polite">
          {active.slice(0, ROWS).map((alarm) => (
            <AlarmRow key={alarm.id} alarm={alarm} now={now} />
          ))}
        </ol>
      )}
      {active.length > ROWS && <p class="more">{t("alarms.more", { count: active.length - ROWS })}</p>}
    </section>
  );
}

function AlarmRow({ alarm, now }: { alarm: Alarm; now: number }) {
  const hint = maybeWord("alarm_do", alarm.code);
  return (
    <li class={`p${alarm.priority}`}>
      <button type="button" onClick={() => (selected.value = alarm.source)}>
        <i aria-label={t("alarms.priority", { priority: alarm.priority })}>{SHAPE[alarm.priority]}</i>
        <span class="what">
          <b>{alarm.source}</b> {word("alarm", alarm.code)}
          {alarm.detail && <small class="detail" title={alarm.detail}>{readable(alarm.detail)}</small>}
          {hint && <small class="do">→ {hint}</small>}
        </span>
        <time class="num">{lasting((now - Date.parse(alarm.at)) / 1000)}</time>
      </button>
    </li>
  );
}

export function OrderList() {
  const latest = orders.value;
  return (
    <section class="orders" aria-label={t("orders.latest")}>
      <h2>{t("orders.latest")}</h2>
      {latest.length === 0 && <p class="calm">{t("orders.none")}</p>}
      <ol data-testid="orders" lang={lang.value}>
        {latest.slice(0, 40).map((order) => (
          <li key={order.id}>
            <b class="num">{order.number}</b>
            <span class="lines num">{linesIn(order)}</span>
            <span class={`status ${order.status.toLowerCase()}`}>{word("order", order.status.toUpperCase())}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function linesIn({ lines }: OrderRow): string {
  const count = Array.isArray(lines) ? lines.length : (lines ?? 0);
  return count === 1 ? t("orders.line") : t("orders.lines", { count });
}

/** A detail may be facts as JSON: shown as words, not braces. */
function readable(detail: string): string {
  if (!detail.startsWith("{")) return detail;
  try {
    const all = JSON.parse(detail) as Record<string, unknown>;
    if (typeof all.problem === "string") return all.problem;
    const facts = Object.entries(all);
    return facts.map(([name, value]) => `${word("fact", name)} ${String(value)}`).join(", ");
  } catch {
    return detail;
  }
}
