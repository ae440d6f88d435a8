/** Docks: which truck stands at which door when, and how far its delivery is. */
import { signal } from "@preact/signals";
import { get } from "../core/api.ts";
import { clock, number, percent, t, word } from "../core/i18n.ts";
import { busy, tried, usePolling } from "../core/shared.ts";
import { marks, part, type Span } from "./figures.ts";
import { act, asked, now, readNow, said, site, zone } from "./state.ts";

interface Appointment {
  id: string;
  site: string;
  door: string;
  starts_at: string;
  ends_at: string;
  asn_id: string | null;
  number: string | null;
  supplier: string | null;
  carrier: string;
  vehicle: string;
  state: "PLANNED" | "CHECKED_IN" | "DONE" | "NO_SHOW" | "CANCELLED";
  late: boolean;
  checked_in_at: string | null;
}
interface Door {
  code: string;
  opens: string;
  closes: string;
  active: boolean;
}
interface Asn {
  id: string;
  kind: string;
  number: string;
  supplier: string;
  state: string;
  eta_p50: string;
  units_announced: number;
  units_received: number;
  units_damaged: number;
  units_held: number;
}

const AGAIN_MS = 5_000;
const HOUR_MS = 3_600_000;
const BEFORE_H = 3;
const AFTER_H = 9;
const WIDTH = 1100;
const LEFT = 90;
const ROW = 58;
const TOP = 26;

const doors = signal<readonly Door[] | null>(null);
const appointments = signal<readonly Appointment[]>([]);
const asns = signal<readonly Asn[]>([]);
const chosen = signal("");

async function read(): Promise<void> {
  await readNow();
  if (!site.value) return;
  const start = new Date(now.value - 12 * HOUR_MS).toISOString();
  await tried(async () => {
    const here = { site: site.value };
    doors.value = await get<Door[]>(`/console/v1/doors?${asked(here)}`);
    appointments.value = await get<Appointment[]>(`/console/v1/appointments?${asked({ ...here, start, days: 2 })}`);
    asns.value = (await get<{ asns: Asn[] }>(`/console/v1/asns?${asked({ ...here, limit: 60 })}`)).asns;
  });
}

async function does(one: Appointment, what: "check-in" | "done" | "cancel"): Promise<void> {
  const done = await act(`/console/v1/appointments/${one.site}/${one.id}:${what}`);
  if (done) said.value = `${one.number ?? one.carrier}: ${word("dock_did", what)}`;
  await read();
}

export function Docks() {
  usePolling(read, AGAIN_MS, [site.value]);
  const one = appointments.value.find((each) => each.id === chosen.value);
  return (
    <>
      {doors.value?.length === 0 && <p class="hint">{t("floor.no_doors")}</p>}
      {(doors.value?.length ?? 0) > 0 && <Board />}
      {one && <One one={one} />}
      {asns.value.length > 0 && <Deliveries />}
    </>
  );
}

function titled(one: Appointment): string {
  return [one.number, one.supplier, one.carrier, one.vehicle].filter(Boolean).join(" · ") || "–";
}

function progress(asn: Asn | undefined): number | null {
  if (!asn || asn.units_announced === 0) return null;
  return (asn.units_received + asn.units_damaged + asn.units_held) / asn.units_announced;
}

function Board() {
  const span: Span = { from: now.value - BEFORE_H * HOUR_MS, to: now.value + AFTER_H * HOUR_MS };
  const x = (at: number): number => LEFT + (WIDTH - LEFT) * part(span, at);
  const rows = doors.value ?? [];
  const high = TOP + ROW * rows.length;
  return (
    <section class="box chart">
      <h2>{t("floor.doors")}</h2>
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.doors")}>
        <svg viewBox={`0 0 ${WIDTH} ${high}`} class="docks" data-testid="docks">
          {marks(span, 12).map((mark) => (
            <g key={mark} class="grid">
              <line x1={x(mark)} x2={x(mark)} y1={TOP - 6} y2={high} />
              <text x={x(mark)} y={13} text-anchor="middle">
                {clock(mark, zone(), false)}
              </text>
            </g>
          ))}
          {rows.map((door, turn) => (
            <g key={door.code} data-door={door.code}>
              <line class="row" x1={0} x2={WIDTH} y1={TOP + turn * ROW} y2={TOP + turn * ROW} />
              <text x={8} y={TOP + turn * ROW + 26} class="name">
                {door.code}
              </text>
              <text x={8} y={TOP + turn * ROW + 44}>
                {door.active ? `${door.opens.slice(0, 5)}–${door.closes.slice(0, 5)}` : t("floor.shut")}
              </text>
            </g>
          ))}
          {appointments.value
            .filter((one) => Date.parse(one.ends_at) > span.from && Date.parse(one.starts_at) < span.to && one.state !== "CANCELLED")
            .map((one) => {
              const turn = rows.findIndex((door) => door.code === one.door);
              const [from, to] = [x(Date.parse(one.starts_at)), x(Date.parse(one.ends_at))];
              const y = TOP + turn * ROW + 6;
              const asn = asns.value.find((each) => each.id === one.asn_id);
              const done = progress(asn);
              return (
                <g
                  key={one.id}
                  class={`truck${one.late ? " late" : ""}`}
                  data-appointment={one.id}
                  data-state={one.state}
                  role="button"
                  tabIndex={0}
                  onClick={() => (chosen.value = one.id)}
                  onKeyDown={(event) => {
                    if (event.key === "Enter" || event.key === " ") chosen.value = one.id;
                  }}
                >
                  <rect x={from} y={y} width={Math.max(8, to - from - 3)} height={ROW - 12} rx={5} />
                  {done !== null && <rect class="done" x={from} y={y + ROW - 20} width={Math.max(0, (to - from - 3) * Math.min(1, done))} height={8} rx={3} />}
                  <text x={from + 7} y={y + 18} class="name">
                    {one.late ? "▲ " : ""}
                    {cut(one.number ?? one.supplier ?? one.carrier, to - from)}
                  </text>
                  <text x={from + 7} y={y + 34}>
                    {cut(word("dock_state", one.state), to - from)}
                  </text>
                </g>
              );
            })}
          <line class="now" x1={x(now.value)} x2={x(now.value)} y1={TOP - 6} y2={high} />
        </svg>
      </div>
    </section>
  );
}

/** As many letters as fit. */
function cut(text: string, width: number): string {
  const most = Math.max(1, Math.floor((width - 12) / 9));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function One({ one }: { one: Appointment }) {
  const off = busy.value > 0;
  return (
    <section class="box" data-testid="appointment">
      <h2>
        {one.door} · {clock(Date.parse(one.starts_at), zone(), false)}–{clock(Date.parse(one.ends_at), zone(), false)} · {titled(one)}
      </h2>
      <p class="acts">
        <b>{word("dock_state", one.state)}</b>
        {one.late && <b class="bad">▲ {t("floor.late")}</b>}
        {one.state === "PLANNED" && (
          <button type="button" class="main" data-act="check-in" disabled={off} onClick={() => void does(one, "check-in")}>
            {t("floor.check_in")}
          </button>
        )}
        {one.state === "CHECKED_IN" && (
          <button type="button" class="main" data-act="done" disabled={off} onClick={() => void does(one, "done")}>
            {t("floor.left")}
          </button>
        )}
        {one.state === "PLANNED" && (
          <button type="button" data-act="cancel" disabled={off} onClick={() => void does(one, "cancel")}>
            {t("floor.call_off")}
          </button>
        )}
      </p>
    </section>
  );
}

function Deliveries() {
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.deliveries")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("floor.delivery")}</th>
            <th scope="col">{t("floor.state")}</th>
            <th scope="col">{t("floor.expected")}</th>
            <th scope="col">{t("floor.progress")}</th>
            <th scope="col" class="num">
              {t("floor.damaged")}
            </th>
            <th scope="col" class="num">
              {t("floor.held")}
            </th>
          </tr>
        </thead>
        <tbody>
          {asns.value.map((asn) => (
            <tr key={asn.id} data-asn={asn.number}>
              <th scope="row">
                {asn.number}
                <small>{asn.supplier}</small>
              </th>
              <td>{word("asn_state", asn.state)}</td>
              <td class="num">{clock(Date.parse(asn.eta_p50), zone(), false)}</td>
              <td>
                <progress max={1} value={Math.min(1, progress(asn) ?? 0)} aria-label={percent(progress(asn) ?? 0)} />{" "}
                <span class="num">
                  {number(asn.units_received)} / {number(asn.units_announced)}
                </span>
              </td>
              <td class={`num${asn.units_damaged ? " bad" : ""}`}>{number(asn.units_damaged)}</td>
              <td class={`num${asn.units_held ? " bad" : ""}`}>{number(asn.units_held)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
