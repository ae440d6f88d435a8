/** People and devices: who may do what, which device is paired, seen when, shut out. */
import { signal } from "@preact/signals";
import { get, put } from "../core/api.ts";
import { clock, hours, maybeWord, t, word } from "../core/i18n.ts";
import { busy, tried, usePolling } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { age } from "./figures.ts";
import { act, now, readNow, said, site, zone } from "./state.ts";

interface Operator {
  id: string;
  code: string;
  name: string;
  languages: string[];
  kinds: string[];
  zones: string[];
  equipment: string[];
  supervisor: boolean;
  active: boolean;
}
interface Device {
  id: string;
  name: string;
  site: string;
  zone: string;
  station: string;
  printer: string;
  equipment: string[];
  paired_at: string | null;
  revoked_at: string | null;
  last_seen_at: string | null;
  battery: number | null;
  firmware: string;
  queued: number;
}
interface Pairing {
  code: string;
  url: string;
  svg: string;
  until: string;
}

const AGAIN_MS = 10_000;
const LOW = 20;
const SILENT_S = 5 * 60; // a handheld says how it is every minute

const operators = signal<readonly Operator[]>([]);
const devices = signal<readonly Device[]>([]);
const editing = signal<Operator | null>(null);
const adding = signal<Device | null>(null);
const pairing = signal<(Pairing & { name: string }) | null>(null);

async function read(): Promise<void> {
  await readNow();
  await tried(async () => {
    operators.value = await get<Operator[]>("/console/v1/operators");
    devices.value = await get<Device[]>("/console/v1/devices");
  });
}

async function pair(one: Device): Promise<void> {
  const made = await act<Pairing>(`/console/v1/devices/${one.id}:pairing`);
  pairing.value = made && { ...made, name: one.name };
}

async function revoke(one: Device): Promise<void> {
  const done = await act(`/console/v1/devices/${one.id}:revoke`);
  if (done) said.value = t("floor.revoked", { what: one.name });
  await read();
}

export function People() {
  usePolling(read, AGAIN_MS, []);
  return (
    <div class="people">
      <section class="box">
        <div class="planbar">
          <h2>{t("floor.devices")}</h2>
          <button
            type="button"
            data-act="new-device"
            onClick={() => {
              const none = { zone: "", station: "", printer: "", equipment: [], paired_at: null, revoked_at: null, last_seen_at: null, battery: null, firmware: "", queued: 0 };
              adding.value = { id: newId(Date.now()), name: "", site: site.value, ...none };
            }}
          >
            ＋ {t("masters.new")}
          </button>
        </div>
        {adding.value && <DeviceEditor key={adding.value.id} of={adding.value} />}
        {pairing.value && <Qr />}
        <Devices />
      </section>
      <section class="box">
        <div class="planbar">
          <h2>{t("floor.operators")}</h2>
          <button
            type="button"
            data-act="new-operator"
            onClick={() => {
              const none = { kinds: [], zones: [], equipment: [], supervisor: false, active: true };
              editing.value = { id: newId(Date.now()), code: "", name: "", languages: ["ja"], ...none };
            }}
          >
            ＋ {t("masters.new")}
          </button>
        </div>
        {editing.value && <OperatorEditor key={editing.value.id} of={editing.value} />}
        <Operators />
      </section>
    </div>
  );
}

/** The code to scan with the device, once; the picture is the server's own SVG. */
function Qr() {
  const one = pairing.value;
  if (!one) return null;
  const picture = `data:image/svg+xml;utf8,${encodeURIComponent(one.svg)}`;
  return (
    <div class="qr" data-testid="pairing">
      <img src={picture} alt={t("floor.pairing_code", { name: one.name })} width="220" height="220" />
      <div>
        <h2>{t("floor.pairing_code", { name: one.name })}</h2>
        <p class="code num">{one.code}</p>
        <p>{t("floor.pairing_until", { time: clock(Date.parse(one.until), zone(), false) })}</p>
        <button type="button" onClick={() => (pairing.value = null)}>
          {t("floor.close")}
        </button>
      </div>
    </div>
  );
}

function Devices() {
  if (devices.value.length === 0) return <p class="hint">{t("floor.no_devices")}</p>;
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.devices")}>
      <table>
        <tbody>
          {devices.value.map((one) => (
            <tr key={one.id} data-device={one.name}>
              <th scope="row">
                <button type="button" class="link" onClick={() => (adding.value = one)}>
                  {one.name}
                </button>
                <small>{[one.site, one.zone, one.station, ...one.equipment, one.firmware].filter(Boolean).join(" · ")}</small>
              </th>
              <td>
                {one.revoked_at ? <b class="bad">✕ {t("floor.shut_out")}</b> : one.paired_at ? <b class="fine">✓ {t("floor.paired")}</b> : t("floor.not_paired")}
                <Seen one={one} />
              </td>
              <td class="num">
                {one.battery !== null && <span class={one.battery < LOW ? "bad" : ""}>▮ {one.battery} %</span>}
                {one.queued > 0 && <small class="bad">{t("floor.queued", { count: one.queued })}</small>}
              </td>
              <td>
                <span class="acts">
                  <button type="button" data-act="pair" disabled={busy.value > 0} onClick={() => void pair(one)}>
                    {t("floor.pair")}
                  </button>
                  {!one.revoked_at && one.paired_at && (
                    <button type="button" data-act="revoke" disabled={busy.value > 0} onClick={() => void revoke(one)}>
                      {t("floor.shut_out_now")}
                    </button>
                  )}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** When it was heard last; a device in use that says nothing has no Wi-Fi, no power or no owner. */
function Seen({ one }: { one: Device }) {
  if (!one.last_seen_at) return null;
  const seconds = age(now.value, one.last_seen_at);
  const silent = !one.revoked_at && seconds > SILENT_S;
  return (
    <small class={silent ? "bad" : ""} data-silent={silent}>
      {silent ? "▲ " : ""}
      {t(silent ? "floor.silent" : "floor.seen", { time: hours(seconds) })}
    </small>
  );
}

function Operators() {
  const what = (one: Operator): string =>
    [one.kinds.map((each) => maybeWord("kind", each) ?? each).join(", ") || t("floor.all_work"), one.zones.join(", "), one.equipment.join(", ")]
      .filter(Boolean)
      .join(" · ");
  if (operators.value.length === 0) return <p class="hint">{t("floor.no_operators")}</p>;
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("floor.operators")}>
      <table>
        <tbody>
          {operators.value.map((one) => (
            <tr key={one.id} data-operator={one.code}>
              <th scope="row">
                <button type="button" class="link" onClick={() => (editing.value = one)}>
                  {one.name}
                </button>
                <small>
                  {one.code} · {one.languages.join(", ")}
                </small>
              </th>
              <td>{what(one)}</td>
              <td>
                {one.supervisor && <b>{t("floor.supervisor")}</b>}
                {!one.active && <b class="bad">✕ {t("floor.not_active")}</b>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function wordsOf(value: FormDataEntryValue | null): string[] {
  return String(value ?? "").split(/[\s,、]+/).filter(Boolean);
}

function OperatorEditor({ of }: { of: Operator }) {
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    const body = {
      code: text("code"),
      name: text("name"),
      badge: text("badge") || null,
      pin: text("pin") || null,
      languages: wordsOf(form.get("languages")),
      kinds: wordsOf(form.get("kinds")),
      zones: wordsOf(form.get("zones")),
      equipment: wordsOf(form.get("equipment")),
      supervisor: form.get("supervisor") !== null,
      active: form.get("active") !== null,
    };
    const done = await tried(() => put<Operator>(`/console/v1/operators/${of.id}`, body));
    if (!done) return;
    editing.value = null;
    said.value = t("masters.saved", { what: done.name });
    await read();
  };
  const line = (name: string, value: string, needed = false, pattern?: string) => (
    <label>
      {word("operator_field", name)}
      <input name={name} required={needed} pattern={pattern} maxLength={100} defaultValue={value} autocomplete="off" />
    </label>
  );
  return (
    <form class="editor" data-testid="operator" onSubmit={(event) => void save(event)}>
      {line("code", of.code, true, "[A-Za-z0-9._\\-]{1,40}")}
      {line("name", of.name, true)}
      {line("badge", "", of.code === "")}
      {line("pin", "", of.code === "", "[0-9]{4,6}")}
      {line("languages", of.languages.join(" "))}
      {line("kinds", of.kinds.join(" "))}
      {line("zones", of.zones.join(" "))}
      {line("equipment", of.equipment.join(" "))}
      <label class="flag">
        <input type="checkbox" name="supervisor" defaultChecked={of.supervisor} />
        {t("floor.supervisor")}
      </label>
      <label class="flag">
        <input type="checkbox" name="active" defaultChecked={of.active} />
        {t("floor.active")}
      </label>
      <p class="acts">
        <button type="submit" class="main" disabled={busy.value > 0}>
          {t("masters.save")}
        </button>
        <button type="button" onClick={() => (editing.value = null)}>
          {t("masters.cancel")}
        </button>
      </p>
    </form>
  );
}

function DeviceEditor({ of }: { of: Device }) {
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    const body = {
      name: text("name"),
      site: of.site,
      zone: text("zone"),
      station: text("station"),
      printer: text("printer"),
      equipment: wordsOf(form.get("equipment")),
    };
    const done = await tried(() => put<Device>(`/console/v1/devices/${of.id}`, body));
    if (!done) return;
    adding.value = null;
    said.value = t("masters.saved", { what: done.name });
    await read();
  };
  return (
    <form class="editor" data-testid="device" onSubmit={(event) => void save(event)}>
      {(["name", "zone", "station", "printer"] as const).map((name) => (
        <label key={name}>
          {word("device_field", name)}
          <input name={name} required={name === "name"} maxLength={100} defaultValue={of[name]} />
        </label>
      ))}
      <label>
        {word("device_field", "equipment")}
        <input name="equipment" defaultValue={of.equipment.join(" ")} />
      </label>
      <p class="acts">
        <button type="submit" class="main" disabled={busy.value > 0}>
          {t("masters.save")}
        </button>
        <button type="button" onClick={() => (adding.value = null)}>
          {t("masters.cancel")}
        </button>
      </p>
    </form>
  );
}
