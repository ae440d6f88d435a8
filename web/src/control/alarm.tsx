/** One alarm opened: known of, shelved for a while with a reason, what lies under it, whose orders it holds up. */
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
const UNDER = 20;

async function act(alarm: Alarm, what: "acknowledge" | "shelve" | "unshelve", body: Record<string, unknown> = {}): Promise<void> {
  const path = `/console/v1/alarms/${alarm.id}:${what}`;
  const answer = await tried(() => post(path, { command_id: newId(Date.now()), ...body }));
  if (answer) tellAlarms(answer);
}

export function AlarmActs({ alarm, under }: { alarm: Alarm; under: Alarm[] }) {
  if (!alarm.state) return null; // the WMS does not know of it yet
  const zone = plant.value?.site.time_zone;
  return (
    <div class="opened" data-testid="alarm">
      <p class="acts">
        {alarm.state !== "ACKED" && (
          <button type="button" class="main" data-act="acknowledge" disabled={busy.value > 0} onClick={() => void act(alarm, "acknowledge")}>
            {t("room.acknowledge")}
          </button>
        )}
        {alarm.shelved_until && (
          <button type="button" data-act="unshelve" disabled={busy.value > 0} onClick={() => void act(alarm, "unshelve")}>
            {t("room.unshelve")}
          </button>
        )}
      </p>
      {alarm.shelved_until && (
        <p>
          {t("room.shelved_until", { time: clock(Date.parse(alarm.shelved_until), zone, false) })}: {alarm.shelved_why}
        </p>
      )}
      {!alarm.shelved_until && alarm.active && <Shelve alarm={alarm} />}
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

function Shelve({ alarm }: { alarm: Alarm }) {
  const [why, setWhy] = useState("");
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
            disabled={busy.value > 0 || why.trim().length < 2}
            onClick={() => void act(alarm, "shelve", { minutes, reason: why.trim() })}
          >
            {t("room.shelve", { minutes })}
          </button>
        ))}
      </p>
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
