/** Goods: SKUs with their packs and barcodes, seen and edited. */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { get, put, upload } from "../core/api.ts";
import { lang, number, t, word } from "../core/i18n.ts";
import { busy, tried } from "../core/shared.ts";
import { type Pack, said, type Sku } from "./state.ts";

const NEW: Sku = {
  owner: "HOUSE", code: "", name_en: "", name_ja: "", tracking: "NONE", temperature: "AMBIENT", length_mm: 0, width_mm: 0,
  height_mm: 0, weight_g: 0, catch_weight: false, shelf_life_days: null, dangerous_goods: "", upright: false,
  fragile: false, stackable: true, picture: "", gtins: [], packs: [],
};
const SIZES = ["length_mm", "width_mm", "height_mm", "weight_g"] as const;
const CARE = ["fragile", "upright", "stackable"] as const;
const LEVELS = ["EACH", "INNER", "CASE", "PALLET"] as const;

const asked = signal("");
const skus = signal<readonly Sku[]>([]);
const next = signal<string | null>(null);
const edited = signal<Sku | null>(null);
let round = 0;

async function read(after = ""): Promise<void> {
  const mine = ++round;
  const query = new URLSearchParams({ limit: "100", q: asked.value, after });
  const found = await tried(() => get<{ skus: Sku[]; next: string | null }>(`/console/v1/masters/skus?${query}`));
  if (!found || mine !== round) return;
  skus.value = after ? [...skus.value, ...found.skus] : found.skus;
  next.value = found.next;
}

export function Goods() {
  const text = asked.value;
  useEffect(() => {
    const calm = window.setTimeout(() => void read(), 120);
    return () => window.clearTimeout(calm);
  }, [text]);
  return (
    <>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          {t("masters.search")}
          <input type="search" name="q" value={text} onInput={(event) => (asked.value = event.currentTarget.value)} />
        </label>
        <span class="acts">
          <button type="button" data-act="new" onClick={() => (edited.value = NEW)}>
            ＋ {t("masters.new")}
          </button>
        </span>
      </form>
      {edited.value && <Editor key={edited.value.code} of={edited.value} />}
      {skus.value.length === 0 ? (
        <p class="hint">{t("masters.none")}</p>
      ) : (
        <div class="scrolls" tabIndex={0} role="region" aria-label={t("masters_tab.goods")}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("masters.code")}</th>
                <th scope="col">{t("masters.name")}</th>
                <th scope="col">{t("masters.barcodes")}</th>
                <th scope="col">{t("masters.packs")}</th>
                <th scope="col">{t("masters.size")}</th>
                <th scope="col">{t("masters.kept")}</th>
              </tr>
            </thead>
            <tbody>
              {skus.value.map((each) => (
                <Row key={`${each.owner} ${each.code}`} one={each} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next.value && (
        <button type="button" onClick={() => void read(next.value ?? "")}>
          {t("masters.more")}
        </button>
      )}
    </>
  );
}

function Row({ one }: { one: Sku }) {
  const kept = [
    one.tracking === "NONE" ? "" : word("tracking", one.tracking),
    one.temperature === "AMBIENT" ? "" : word("temperature", one.temperature),
    one.dangerous_goods,
    ...CARE.filter((name) => one[name] === (name !== "stackable")).map((name) => word("care", name)),
    one.shelf_life_days === null ? "" : `${word("sku_field", "shelf_life_days")} ${one.shelf_life_days}`,
  ];
  const size = one.length_mm + one.width_mm + one.height_mm > 0 ? `${one.length_mm} × ${one.width_mm} × ${one.height_mm} mm` : "";
  return (
    <tr data-sku={one.code}>
      <th scope="row">
        <button type="button" class="link" onClick={() => (edited.value = one)}>
          {one.code}
        </button>
        {one.owner !== "HOUSE" && <small>{one.owner}</small>}
      </th>
      <td>{lang.value === "ja" ? one.name_ja : one.name_en}</td>
      <td class="num">{one.gtins.join(" ")}</td>
      <td>
        {one.packs.map((pack) => (
          <span key={pack.level} class="pack">
            {word("pack_level", pack.level)} <b class="num">{number(pack.units)}</b>
            {pack.gtins.length > 0 && <small class="num">{pack.gtins.join(" ")}</small>}
          </span>
        ))}
      </td>
      <td class="num">
        {size}
        {one.weight_g > 0 && <small>{number(one.weight_g)} g</small>}
      </td>
      <td>{kept.filter(Boolean).join(" · ")}</td>
    </tr>
  );
}

/** A picture goes up as it is; what comes back is where it stands. */
function send(file: File): Promise<{ address: string }> {
  return upload<{ address: string }>("/console/v1/masters/pictures", file);
}

function codesOf(text: FormDataEntryValue | null): string[] {
  return String(text ?? "").split(/[\s,]+/).filter(Boolean);
}

function Editor({ of }: { of: Sku }) {
  const [packs, setPacks] = useState<readonly Pack[]>(of.packs);
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    const sizes = (before: string) => Object.fromEntries(SIZES.map((name) => [name, Number(text(`${before}${name}`))]));
    const file = form.get("file");
    const sent = file instanceof File && file.size > 0 ? await tried(() => send(file)) : null;
    if (file instanceof File && file.size > 0 && !sent) return; // it was refused, and said why
    const picture = sent?.address ?? "";
    const body = {
      owner: of.owner,
      code: text("code"),
      name_en: text("name_en"),
      name_ja: text("name_ja"),
      gtins: codesOf(form.get("gtins")),
      tracking: text("tracking"),
      temperature: text("temperature"),
      catch_weight: of.catch_weight,
      shelf_life_days: text("shelf_life_days") === "" ? null : Number(text("shelf_life_days")),
      dangerous_goods: text("dangerous_goods"),
      ...Object.fromEntries(CARE.map((name) => [name, form.get(name) !== null])),
      picture: picture || text("picture"),
      ...sizes(""),
      packs: packs.map((pack, turn) => ({
        level: pack.level,
        units: Number(text(`units ${turn}`)),
        gtins: codesOf(form.get(`gtins ${turn}`)),
        length_mm: pack.length_mm,
        width_mm: pack.width_mm,
        height_mm: pack.height_mm,
        weight_g: Number(text(`weight ${turn}`)),
      })),
    };
    const done = await tried(() => put<Sku>("/console/v1/masters/skus", body));
    if (!done) return;
    edited.value = null;
    said.value = t("masters.saved", { what: done.code });
    await read();
  };
  const free = LEVELS.filter((level) => !packs.some((pack) => pack.level === level));
  return (
    <form class="box editor" data-testid="editor" onSubmit={(event) => void save(event)}>
      <h2>{of.code || t("masters.new")}</h2>
      <label>
        {t("masters.code")}
        <input name="code" required maxLength={200} readOnly={of.code !== ""} defaultValue={of.code} />
      </label>
      <label>
        {t("masters.name")} (en)
        <input name="name_en" required maxLength={200} defaultValue={of.name_en} />
      </label>
      <label>
        {t("masters.name")} (ja)
        <input name="name_ja" maxLength={200} defaultValue={of.name_ja} />
      </label>
      <label>
        {t("masters.barcodes")}
        <input name="gtins" defaultValue={of.gtins.join(" ")} />
      </label>
      <label>
        {t("masters.kept")}
        <select name="tracking">
          {["NONE", "LOT", "SERIAL", "BOTH"].map((code) => (
            <option key={code} value={code} selected={code === of.tracking}>
              {word("tracking", code)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {word("place_field", "temperature")}
        <select name="temperature">
          {["AMBIENT", "COOL", "FROZEN"].map((code) => (
            <option key={code} value={code} selected={code === of.temperature}>
              {word("temperature", code)}
            </option>
          ))}
        </select>
      </label>
      {SIZES.map((name) => (
        <label key={name}>
          {word("sku_field", name)}
          <input type="number" step="1" min="0" name={name} defaultValue={of[name]} />
        </label>
      ))}
      <label>
        {word("sku_field", "shelf_life_days")}
        <input type="number" step="1" min="0" name="shelf_life_days" defaultValue={of.shelf_life_days ?? ""} />
      </label>
      <label>
        {word("place_field", "dangerous_goods")}
        <input name="dangerous_goods" maxLength={200} defaultValue={of.dangerous_goods} />
      </label>
      {CARE.map((name) => (
        <label key={name} class="tick">
          <input type="checkbox" name={name} defaultChecked={of[name]} />
          {word("sku_field", name)}
        </label>
      ))}
      <label class="picture">
        {word("sku_field", "picture")}
        <input name="picture" maxLength={1000} pattern="/.*|https://.+" defaultValue={of.picture} />
        <input type="file" name="file" accept="image/jpeg,image/png,image/webp" aria-label={t("masters.picture_file")} />
        {of.picture && <img src={of.picture} alt={t("masters.picture_of", { what: of.code })} width="96" height="96" />}
      </label>
      <fieldset class="packs">
        <legend>{t("masters.packs")}</legend>
        {packs.map((pack, turn) => (
          <p key={pack.level} class="packline">
            <b>{word("pack_level", pack.level)}</b>
            <label>
              {t("masters.units")}
              <input type="number" step="1" min="1" required name={`units ${turn}`} defaultValue={pack.units} />
            </label>
            <label>
              {t("masters.barcodes")}
              <input name={`gtins ${turn}`} defaultValue={pack.gtins.join(" ")} />
            </label>
            <label>
              {word("sku_field", "weight_g")}
              <input type="number" step="1" min="0" name={`weight ${turn}`} defaultValue={pack.weight_g} />
            </label>
            <button type="button" aria-label={`✕ ${word("pack_level", pack.level)}`} onClick={() => setPacks(packs.filter((each) => each !== pack))}>
              ✕
            </button>
          </p>
        ))}
        {free[0] && (
          <button
            type="button"
            data-act="pack"
            onClick={() => {
              const level = free.find((each) => each === "CASE") ?? free[0] ?? "CASE";
              const units = level === "EACH" ? 1 : 12;
              setPacks([...packs, { level, units, length_mm: 0, width_mm: 0, height_mm: 0, weight_g: 0, gtins: [] }]);
            }}
          >
            ＋ {t("masters.add_pack")}
          </button>
        )}
      </fieldset>
      <p class="acts">
        <button type="submit" class="main" disabled={busy.value > 0}>
          {t("masters.save")}
        </button>
        <button type="button" onClick={() => (edited.value = null)}>
          {t("masters.cancel")}
        </button>
      </p>
    </form>
  );
}
