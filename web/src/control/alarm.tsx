/** One alarm opened: known of, reset, shelved or out of service with a reason; what lies under it, whose orders it holds up. */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../core/api.ts";
import { clock, t, word } from "../core/i18n.ts";
import { busy, tried } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { type Alarm, plant, tellAlarms } from "./live.ts";

/** The id of the alarm that is open. */
export const opened = signal<string | null>(null);
const MINUTES = [5, 15, 60] as const;
const HOURS = [8, 24, 168] as const;
const HEARD = /^(machine|safety)\./; // never out of service
const UNDER = 20;
type What = "acknowledge" | "reset" | "shelve" | "unshelve" | "take-out-of-service" | "put-back-in-service";

export async function act(id: string, what: What, body: Record<string, unknown> = {}): Promise<void> {
  const path = `/console/v1/alarms/${id}:${what}`;
  const answer = await tried(() => post(path, { command_id: newId(Date.now()), ...body }));
  if (answer) tellAlarms(answer);
}

export function AlarmActs({ alarm, under }: { alarm: Alarm; under: Alarm[] }) {
  if (!alarm.state) return null; // the WMS does not know of it yet
  const zone = plant.value?.site.time_zone;
  return (
    <div class="opened" data-testid="alarm">
      <p class="acts">
        {alarm.state === "LATCHED" && (
          <button type="button" class="main" data-act="reset" disabled={busy.value > 0} onClick={() => void act(alarm.id, "reset")}>
            {t("room.reset")}
          </button>
        )}
        {alarm.state !== "ACKED" && !(alarm.state === "LATCHED" && alarm.owner) && (
          <button type="button" class="main" data-act="acknowledge" disabled={busy.value > 0} onClick={() => void act(alarm.id, "acknowledge")}>
            {t("room.acknowledge")}
          </button>
        )}
        {alarm.shelved_until && (
          <button type="button" data-act="unshelve" disabled={busy.value > 0} onClick={() => void act(alarm.id, "unshelve")}>
            {t("room.unshelve")}
          </button>
        )}
      </p>
      {alarm.shelved_until && (
        <p>
          {t("room.shelved_until", { time: clock(Date.parse(alarm.shelved_until), zone, false) })}: {alarm.shelved_why}
        </p>
      )}
      {alarm.suppressed_by && (
        <p>
          {t("room.hidden_by")} <b>{alarm.suppressed_by.source}</b> {word("alarm", alarm.suppressed_by.code)}
        </p>
      )}
      {!alarm.shelved_until && alarm.active && <Aside alarm={alarm} />}
      <HeldUp alarm={alarm} />
      {under.length > 0 && (
        <ul class="effects">
          {under.slice(0, UNDER).map((each) => (
            <li key={each.id}>
              <b>{each.source}</b> {word("alarm", each.code)}
            </li>
          ))}
          {under.length > UNDER && <li>{t("alarms.more", { count: under.length - UNDER })}</li>}
        </ul>
      )}
    </div>
  );
}

/** Out of the way for minutes, or out of service until a day: never without a reason. */
function Aside({ alarm }: { alarm: Alarm }) {
  const [why, setWhy] = useState("");
  const [whole, setWhole] = useState(false);
  const reason = why.trim();
  const may = busy.value === 0 && reason.length >= 2;
  return (
    <form class="shelve" onSubmit={(event) => event.preventDefault()}>
      <label>
        {t("room.shelve_why")}
        <input name="shelve" minLength={2} maxLength={500} value={why} onInput={(event) => setWhy(event.currentTarget.value)} />
      </label>
      <p class="acts">
        {MINUTES.map((minutes) => (
          <button
            key={minutes}
            type="button"
            data-shelve={minutes}
            disabled={!may}
            onClick={() => void act(alarm.id, "shelve", { minutes, reason })}
          >
            {t("room.shelve", { minutes })}
          </button>
        ))}
      </p>
      {!HEARD.test(alarm.code) && (
        <>
          <p class="acts">
            <span>{t("room.out_for")}</span>
            {HOURS.map((hours) => (
              <button
                key={hours}
                type="button"
                data-out={hours}
                disabled={!may}
                onClick={() => void act(alarm.id, "take-out-of-service", { hours, whole, reason })}
              >
                {hours < 48 ? t("room.hours", { count: hours }) : t("room.days", { count: hours / 24 })}
              </button>
            ))}
          </p>
          <label class="whole">
            <input type="checkbox" name="whole" checked={whole} onInput={(event) => setWhole(event.currentTarget.checked)} /> {t("room.whole", { machine: alarm.source })}
          </label>
        </>
      )}
    </form>
  );
}

function HeldUp({ alarm }: { alarm: Alarm }) {
  const [orders, setOrders] = useState<{ id: string; number: string }[] | null>(null);
  useEffect(() => {
    void get<{ id: string; number: string }[]>(`/console/v1/alarms/${alarm.id}/orders`).then(setOrders, () => setOrders([]));
  }, [alarm.id]);
  if (!orders?.length) return null;
  return (
    <p class="heldup" data-testid="heldup">
      {t("room.held_up", { count: orders.length })} <b class="num">{orders.slice(0, UNDER).map((each) => each.number).join(" ")}</b>
    </p>
  );
}
