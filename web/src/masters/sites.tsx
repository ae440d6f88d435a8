/** Sites: seen and edited. */
import { signal } from "@preact/signals";
import { put } from "../core/api.ts";
import { lang, number, t, word } from "../core/i18n.ts";
import { busy, tried } from "../core/shared.ts";
import { readSites, said, type Site, showSite, showTab, sites } from "./state.ts";

const NEW: Site = {
  code: "", kind: "DC", name_en: "", name_ja: "", time_zone: "Asia/Tokyo", prefecture: "", latitude: 0, longitude: 0,
  units_per_day: 1_000_000, dispatch: "HUB",
};
const edited = signal<Site | null>(null);

export function Sites() {
  return (
    <>
      <p class="acts">
        <button type="button" data-act="new" onClick={() => (edited.value = NEW)}>
          ＋ {t("masters.new")}
        </button>
      </p>
      {edited.value && <Editor key={edited.value.code} of={edited.value} />}
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("masters_tab.sites")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("masters.code")}</th>
              <th scope="col">{t("masters.name")}</th>
              <th scope="col">{t("masters.kind")}</th>
              <th scope="col">{t("masters.where")}</th>
              <th scope="col" class="num">
                {t("masters.places_count")}
              </th>
              <th scope="col" class="num">
                {t("masters.capacity")}
              </th>
              <th scope="col">{t("masters.dispatch")}</th>
            </tr>
          </thead>
          <tbody>
            {sites.value.map((each) => (
              <tr key={each.code} data-site={each.code}>
                <th scope="row">
                  <button type="button" class="link" onClick={() => (edited.value = each)}>
                    {each.code}
                  </button>
                </th>
                <td>{lang.value === "ja" ? each.name_ja : each.name_en}</td>
                <td>{word("site_kind", each.kind)}</td>
                <td>
                  {each.prefecture || "–"}
                  <small class="num">
                    {number(each.latitude, 4)}, {number(each.longitude, 4)} · {each.time_zone}
                  </small>
                </td>
                <td class="num">
                  <button
                    type="button"
                    class="link"
                    onClick={() => {
                      showSite(each.code);
                      showTab("places");
                    }}
                  >
                    {number(each.places ?? 0)}
                  </button>
                </td>
                <td class="num">{number(each.units_per_day)}</td>
                <td>{word("dispatch", each.dispatch)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Editor({ of }: { of: Site }) {
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    const body = {
      code: text("code"),
      kind: text("kind"),
      name_en: text("name_en"),
      name_ja: text("name_ja"),
      time_zone: text("time_zone"),
      prefecture: text("prefecture"),
      latitude: Number(text("latitude")),
      longitude: Number(text("longitude")),
      units_per_day: Number(text("units_per_day")),
      dispatch: text("dispatch"),
      cross_bays: of.cross_bays ?? "",
    };
    const done = await tried(() => put<Site>("/console/v1/masters/sites", body));
    if (!done) return;
    edited.value = null;
    said.value = t("masters.saved", { what: done.code });
    await readSites();
  };
  const choice = (name: "kind" | "dispatch", codes: readonly string[], words: string, title: string) => (
    <label>
      {title}
      <select name={name}>
        {codes.map((code) => (
          <option key={code} value={code} selected={code === of[name]}>
            {words === "site_kind" ? word("site_kind", code) : word("dispatch", code)}
          </option>
        ))}
      </select>
    </label>
  );
  const line = (name: "name_en" | "name_ja" | "prefecture" | "time_zone", title: string, needed = false) => (
    <label>
      {title}
      <input name={name} required={needed} maxLength={100} defaultValue={of[name]} />
    </label>
  );
  return (
    <form class="box editor" data-testid="editor" onSubmit={(event) => void save(event)}>
      <h2>{of.code || t("masters.new")}</h2>
      <label>
        {t("masters.code")}
        <input name="code" required pattern="[A-Z0-9][A-Z0-9\-]{0,19}" readOnly={of.code !== ""} defaultValue={of.code} />
      </label>
      {choice("kind", ["DC", "FC", "STORE", "LOCKER", "CARRIER"], "site_kind", t("masters.kind"))}
      {line("name_en", `${t("masters.name")} (en)`, true)}
      {line("name_ja", `${t("masters.name")} (ja)`)}
      {line("prefecture", t("masters.where"))}
      {line("time_zone", "TZ", true)}
      {(["latitude", "longitude"] as const).map((name) => (
        <label key={name}>
          {name === "latitude" ? "φ" : "λ"} °
          <input type="number" step="any" name={name} min={name === "latitude" ? -90 : -180} max={name === "latitude" ? 90 : 180} defaultValue={of[name]} />
        </label>
      ))}
      <label>
        {t("masters.capacity")}
        <input type="number" step="1" min="0" name="units_per_day" defaultValue={of.units_per_day} />
      </label>
      {choice("dispatch", ["HUB", "CARRIER"], "dispatch", t("masters.dispatch"))}
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
