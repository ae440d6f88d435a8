/** Places of a site: the plan, a list with a filter, one to edit, labels to print. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { download, get, put } from "../core/api.ts";
import { number, t, word } from "../core/i18n.ts";
import { busy, tried } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { Plan, readPlan } from "./plan.tsx";
import { type Place, said, site, sites } from "./state.ts";

const KINDS = [
  "DOCK_IN", "QUALITY", "RESERVE", "PICK_FACE", "TOTE", "CART", "PUT_WALL", "PACK", "DOCK_OUT", "LANE", "BACKROOM",
  "SALES_FLOOR", "PICKUP_SHELF", "LOCKER_CELL", "RETURNS_BENCH", "QUARANTINE", "REFURBISH", "SCRAP",
];
const NEW: Place = {
  code: "", kind: "PICK_FACE", lane: null, zone: "", aisle: null, bay: null, x_mm: 0, y_mm: 0, z_mm: 0, pick_seq: 0,
  storage_type: "", temperature: "", dangerous_goods: "", mix: "ANY", max_units: null, max_weight_g: null,
  max_height_mm: null, blocked: "", label_epoch: 0, digits: "", units: 0, skus: 0,
};

interface Filter {
  q: string;
  kind: string;
  zone: string;
  blocked: boolean;
}

const filter = signal<Filter>({ q: "", kind: "", zone: "", blocked: false });
const places = signal<readonly Place[]>([]);
const next = signal<string | null>(null);
const chosen = signal<ReadonlySet<string>>(new Set());
const edited = signal<Place | null>(null);
let round = 0;

async function read(after = ""): Promise<void> {
  if (!site.value) return;
  const mine = ++round;
  const query = new URLSearchParams({ site: site.value, limit: "100" });
  for (const [name, value] of Object.entries({ ...filter.value, after })) {
    if (value) query.set(name, String(value));
  }
  const found = await tried(() => get<{ places: Place[]; next: string | null }>(`/console/v1/masters/locations?${query}`));
  if (!found || mine !== round) return;
  places.value = after ? [...places.value, ...found.places] : found.places;
  next.value = found.next;
}

async function again(): Promise<void> {
  await Promise.all([read(), readPlan()]);
}

async function block(reason: string): Promise<void> {
  const codes = [...chosen.value];
  const done = await tried(() => put("/console/v1/masters/blocks", { site: site.value, codes, reason }));
  if (done) {
    said.value = t("masters.saved", { what: codes.join(", ") });
    chosen.value = new Set();
    await again();
  }
}

export function Places() {
  const here = site.value;
  const asked = filter.value;
  useEffect(() => {
    chosen.value = new Set();
    edited.value = null;
    void readPlan();
  }, [here]);
  useEffect(() => {
    const calm = window.setTimeout(() => void read(), 120);
    return () => window.clearTimeout(calm);
  }, [here, asked]);
  const open = async (code: string): Promise<void> => {
    const query = new URLSearchParams({ site: site.value, q: code, limit: "500" });
    const found = await tried(() => get<{ places: Place[] }>(`/console/v1/masters/locations?${query}`));
    edited.value = found?.places.find((each) => each.code === code) ?? null;
  };
  return (
    <>
      <Plan onChoose={(code) => void open(code)} />
      <Filters />
      {edited.value && <Editor key={edited.value.code} of={edited.value} />}
      {chosen.value.size > 0 && <Chosen />}
      <List />
      {next.value && (
        <button type="button" onClick={() => void read(next.value ?? "")}>
          {t("masters.more")}
        </button>
      )}
    </>
  );
}

function Filters() {
  const set = (part: Partial<Filter>): void => {
    filter.value = { ...filter.value, ...part };
  };
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      <label>
        {t("masters.search")}
        <input type="search" name="q" value={filter.value.q} onInput={(event) => set({ q: event.currentTarget.value })} />
      </label>
      <label>
        {t("masters.kind")}
        <select name="kind" value={filter.value.kind} onChange={(event) => set({ kind: event.currentTarget.value })}>
          <option value="">{t("masters.any")}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {word("place_kind", kind)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("masters.zone")}
        <input name="zone" value={filter.value.zone} onInput={(event) => set({ zone: event.currentTarget.value })} />
      </label>
      <label class="flag">
        <input type="checkbox" name="blocked" checked={filter.value.blocked} onChange={(event) => set({ blocked: event.currentTarget.checked })} />
        {t("masters.only_blocked")}
      </label>
      <span class="acts">
        <button type="button" onClick={() => (edited.value = NEW)} data-act="new">
          ＋ {t("masters.new")}
        </button>
        <Labels what={{ zone: filter.value.zone || null, kind: filter.value.kind || null }} />
      </span>
    </form>
  );
}

const reprint = signal(false);

function Labels({ what }: { what: Record<string, unknown> }) {
  const print = (form: "pdf" | "zpl") =>
    tried(async () => {
      const body = { command_id: newId(Date.now()), site: site.value, reprint: reprint.value, form, ...what };
      await download("/console/v1/masters/labels", `labels-${site.value}.${form}`, body);
      if (reprint.value) await read();
    });
  return (
    <>
      <button type="button" data-act="pdf" disabled={busy.value > 0} onClick={() => void print("pdf")}>
        {t("masters.labels_pdf")}
      </button>
      <button type="button" data-act="zpl" disabled={busy.value > 0} onClick={() => void print("zpl")}>
        {t("masters.labels_zpl")}
      </button>
      <label class="flag">
        <input type="checkbox" checked={reprint.value} onChange={(event) => (reprint.value = event.currentTarget.checked)} />
        {t("masters.reprint")}
      </label>
    </>
  );
}

function Chosen() {
  const reason = signal("");
  return (
    <form
      class="box chosen"
      onSubmit={(event) => {
        event.preventDefault();
        void block(reason.value);
      }}
    >
      <b>{t("masters.selected", { count: chosen.value.size })}</b>
      <label>
        {t("masters.why_blocked")}
        <input name="reason" required maxLength={200} onInput={(event) => (reason.value = event.currentTarget.value)} />
      </label>
      <button type="submit" data-act="block">
        ✕ {t("masters.block")}
      </button>
      <button type="button" data-act="unblock" onClick={() => void block("")}>
        {t("masters.unblock")}
      </button>
      <Labels what={{ codes: [...chosen.value] }} />
    </form>
  );
}

function List() {
  const turn = (code: string, on: boolean): void => {
    const now = new Set(chosen.value);
    if (on) now.add(code);
    else now.delete(code);
    chosen.value = now;
  };
  if (places.value.length === 0) return <p class="hint">{t("masters.none")}</p>;
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("masters_tab.places")}>
      <table>
        <thead>
          <tr>
            <th scope="col">
              <span class="unseen">{t("masters.choose", { what: "" })}</span>
            </th>
            <th scope="col">{t("masters.code")}</th>
            <th scope="col">{t("masters.kind")}</th>
            <th scope="col">{t("masters.zone")}</th>
            <th scope="col" class="num">
              {t("masters.units")}
            </th>
            <th scope="col">{t("masters.limits")}</th>
            <th scope="col" class="num">
              {t("masters.coordinates")}
            </th>
            <th scope="col" class="num">
              {t("masters.digits")}
            </th>
          </tr>
        </thead>
        <tbody>
          {places.value.map((each) => (
            <tr key={each.code} data-place={each.code} data-blocked={each.blocked !== ""}>
              <td>
                <input
                  type="checkbox"
                  aria-label={t("masters.choose", { what: each.code })}
                  checked={chosen.value.has(each.code)}
                  onChange={(event) => turn(each.code, event.currentTarget.checked)}
                />
              </td>
              <th scope="row">
                <button type="button" class="link" onClick={() => (edited.value = each)}>
                  {each.code}
                </button>
                {each.blocked && <small class="bad">✕ {each.blocked}</small>}
              </th>
              <td>{word("place_kind", each.kind)}</td>
              <td>{each.zone}</td>
              <td class="num">
                {number(each.units)}
                {each.max_units !== null && <small>/ {number(each.max_units)}</small>}
              </td>
              <td>{holds(each)}</td>
              <td class="num">
                {each.x_mm || each.y_mm ? `${number(each.x_mm / 1000, 1)}, ${number(each.y_mm / 1000, 1)}, ${number(each.z_mm / 1000, 1)} m` : "–"}
              </td>
              <td class="num digits">{each.digits}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function holds(one: Place): string {
  const parts = [
    one.storage_type,
    one.mix === "ANY" ? "" : word("mix", one.mix),
    one.temperature && word("temperature", one.temperature),
    one.dangerous_goods,
    one.max_weight_g === null ? "" : `≤ ${number(one.max_weight_g / 1000, 1)} kg`,
    one.max_height_mm === null ? "" : `≤ ${number(one.max_height_mm)} mm`,
  ];
  return parts.filter(Boolean).join(" · ");
}

const NUMBERS = ["aisle", "bay", "x_mm", "y_mm", "z_mm", "pick_seq", "max_units", "max_weight_g", "max_height_mm"] as const;
const OPEN = new Set<string>(["aisle", "bay", "max_units", "max_weight_g", "max_height_mm"]);
const CHOICES = {
  mix: ["ANY", "ONE_SKU", "ONE_LOT"],
  temperature: ["", "AMBIENT", "COOL", "FROZEN"],
} as const;

function Editor({ of }: { of: Place }) {
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    const numbers = NUMBERS.map((name) => [name, text(name) === "" ? (OPEN.has(name) ? null : 0) : Number(text(name))]);
    const body = {
      site: site.value,
      code: text("code"),
      kind: text("kind"),
      lane: text("kind") === of.kind ? of.lane : null,
      zone: text("zone"),
      storage_type: text("storage_type").toUpperCase(),
      temperature: text("temperature"),
      dangerous_goods: text("dangerous_goods"),
      mix: text("mix"),
      ...Object.fromEntries(numbers),
    };
    const done = await tried(() => put<Place>("/console/v1/masters/locations", body));
    if (!done) return;
    edited.value = null;
    said.value = t("masters.saved", { what: done.code });
    await again();
  };
  return (
    <form class="box editor" data-testid="editor" onSubmit={(event) => void save(event)}>
      <h2>
        {site.value} {of.code || t("masters.new")}
      </h2>
      <label>
        {t("masters.code")}
        <input name="code" required maxLength={200} readOnly={of.code !== ""} defaultValue={of.code} />
      </label>
      <label>
        {word("place_field", "kind")}
        <select name="kind">
          {[...new Set([of.kind, ...KINDS])].map((kind) => (
            <option key={kind} value={kind} selected={kind === of.kind}>
              {word("place_kind", kind)}
            </option>
          ))}
        </select>
      </label>
      {(["zone", "storage_type", "dangerous_goods"] as const).map((name) => (
        <label key={name}>
          {word("place_field", name)}
          <input name={name} maxLength={name === "storage_type" ? 20 : 200} defaultValue={of[name]} />
        </label>
      ))}
      {(["temperature", "mix"] as const).map((name) => (
        <label key={name}>
          {word("place_field", name)}
          <select name={name}>
            {CHOICES[name].map((code) => (
              <option key={code} value={code} selected={code === of[name]}>
                {code ? word(name, code) : "–"}
              </option>
            ))}
          </select>
        </label>
      ))}
      {NUMBERS.map((name) => (
        <label key={name}>
          {word("place_field", name)}
          <input type="number" step="1" min={OPEN.has(name) ? 1 : undefined} name={name} defaultValue={of[name] ?? ""} />
        </label>
      ))}
      <p class="acts">
        <button type="submit" class="main" disabled={busy.value > 0 || sites.value.length === 0}>
          {t("masters.save")}
        </button>
        <button type="button" onClick={() => (edited.value = null)}>
          {t("masters.cancel")}
        </button>
      </p>
    </form>
  );
}
