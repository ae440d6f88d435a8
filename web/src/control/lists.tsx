/** Left: what needs a person, and what came in last. */
import { clock, day, lang, lasting, maybeWord, t, word } from "../core/i18n.ts";
import { busy } from "../core/shared.ts";
import { act, AlarmActs, opened } from "./alarm.tsx";
import { type Alarm, alarms, flood, named, type OrderRow, orders, outOfService, plant, selected, siteClock } from "./live.ts";

const SHAPE = { 1: "■", 2: "▲", 3: "●" } as const;
const HOLLOW = { 1: "□", 2: "△", 3: "○" } as const; // its trouble is over
const STATE = { ACKED: "✓", RETURNED: "↩", LATCHED: "◈" } as const;
const ROWS = 12;
const APART = 40;

/** Those that stand for themselves; what they explain lies under them; apart, what nobody is to hear of. */
export function AlarmList() {
  const all = alarms.value;
  const now = siteClock.value ?? 0;
  const heard = all.filter((each) => !each.out_until);
  const shelved = heard.filter((each) => each.shelved_until);
  const hidden = heard.filter((each) => !each.shelved_until && each.suppressed_by);
  const shown = heard.filter((each) => !each.shelved_until && !each.suppressed_by);
  const ids = new Set(shown.map((each) => each.id));
  const heads = shown.filter((each) => !each.cause || !ids.has(each.cause));
  const standing = heads.filter((each) => each.active).length;
  return (
    <section class="alarms" aria-label={t("alarms.title")} data-testid="alarms">
      <h2>
        {t("alarms.title")} <b class="num">{standing}</b>
        {shown.length > heads.length && <small>{t("room.of", { count: shown.length })}</small>}
      </h2>
      {flood.value && (
        <p class="flood" role="status">
          <span aria-hidden="true">≋</span> {t("room.flood")}
        </p>
      )}
      {heads.length === 0 ? (
        <p class="calm">
          <span aria-hidden="true">✓</span> {t("alarms.none")}
        </p>
      ) : (
        <ol aria-live="polite">
          {heads.slice(0, ROWS).map((alarm) => (
            <AlarmRow key={alarm.id} alarm={alarm} now={now} under={shown.filter((each) => each.cause === alarm.id)} />
          ))}
        </ol>
      )}
      {heads.length > ROWS && <p class="more">{t("alarms.more", { count: heads.length - ROWS })}</p>}
      <Apart name="shelved" sign="◷" alarms={shelved} now={now} />
      <Apart name="suppressed" sign="⊘" alarms={hidden} now={now} />
    </section>
  );
}

function Apart({ name, sign, alarms, now }: { name: "shelved" | "suppressed"; sign: string; alarms: Alarm[]; now: number }) {
  if (alarms.length === 0) return null;
  return (
    <details data-testid={name}>
      <summary>
        <span aria-hidden="true">{sign}</span> {word("alarm_apart", name, { count: alarms.length })}
      </summary>
      <ol>
        {alarms.slice(0, APART).map((alarm) => (
          <AlarmRow key={alarm.id} alarm={alarm} now={now} under={[]} />
        ))}
      </ol>
    </details>
  );
}

/** Everything that is out of service, whether it stands or not: until when, by whom and why. */
export function OutOfService() {
  const all = outOfService.value;
  const standing = alarms.value.filter((each) => each.out_until && each.active);
  const zone = plant.value?.site.time_zone;
  if (all.length === 0) return null;
  return (
    <section class="alarms out" data-testid="out-of-service" aria-label={t("room.out", { count: all.length })}>
      <h2>
        <span aria-hidden="true">⊗</span> {t("room.out", { count: all.length })}
      </h2>
      <ol>
        {all.map((one) => {
          const stands = standing.some((each) => each.source === one.source && (one.code === "" || one.code === each.code));
          const until = Date.parse(one.until);
          return (
            <li key={`${one.source}/${one.code}`} data-out={`${one.source}/${one.code}`} data-stands={stands}>
              <p>
                <b>{named(one.source)}</b> {one.code ? word("alarm", one.code) : t("room.out_all")}
                {stands && <small>▲ {t("room.out_stands")}</small>}
                <small>{one.reason}</small>
                <small>{t("room.out_until", { time: `${day(until, zone)} ${clock(until, zone, false)}`, by: one.by })}</small>
              </p>
              <button type="button" data-act="put-back" disabled={busy.value > 0} onClick={() => void act(one.alarm, "put-back-in-service")}>
                {t("room.put_back")}
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

interface RowProps {
  alarm: Alarm;
  now: number;
  under: Alarm[];
}

function AlarmRow({ alarm, now, under }: RowProps) {
  const hint = maybeWord("alarm_do", alarm.code);
  const state = alarm.state ?? "UNACK";
  return (
    <li class={`p${alarm.priority} ${state.toLowerCase()}`} data-alarm={`${alarm.code}/${alarm.source}`} data-state={state}>
      <button type="button" aria-expanded={opened.value === alarm.id} onClick={() => open(alarm)}>
        <i aria-label={t("alarms.priority", { priority: alarm.priority })}>{(alarm.active ? SHAPE : HOLLOW)[alarm.priority]}</i>
        <span class="what">
          <b>{named(alarm.source)}</b> {word("alarm", alarm.code)}
          {alarm.detail && <small class="detail" title={alarm.detail}>{readable(alarm.detail)}</small>}
          {hint && <small class="do">→ {hint}</small>}
          {under.length > 0 && (
            <small class="under">
              <span aria-hidden="true">└</span> {t("room.under", { count: under.length })}
            </small>
          )}
          {state !== "UNACK" && (
            <small class="known">
              <span aria-hidden="true">{STATE[state]}</span> {word("alarm_state", state)} {alarm.owner}
            </small>
          )}
        </span>
        <time class="num">{lasting((now - Date.parse(alarm.at)) / 1000)}</time>
      </button>
      {opened.value === alarm.id && <AlarmActs alarm={alarm} under={under} />}
    </li>
  );
}

function open(alarm: Alarm): void {
  selected.value = alarm.source;
  opened.value = opened.value === alarm.id ? null : alarm.id;
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
