/** Master data: sites, places, goods, and files that bring or take them. */
import { useEffect } from "preact/hooks";
import "../core/desk.css";
import "../core/tabs.css";
import "./masters.css";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { lang, t, word } from "../core/i18n.ts";
import { failure } from "../core/shared.ts";
import { Files } from "./files.tsx";
import { Goods } from "./goods.tsx";
import { Places } from "./places.tsx";
import { Sites } from "./sites.tsx";
import { readSites, said, showSite, showTab, site, sites, TABS, tab } from "./state.ts";

export function Page() {
  useEffect(() => void readSites(), []);
  document.title = `${t("masters.title")} · Soko`;
  const needsSite = tab.value === "places" || tab.value === "files";
  return (
    <div class="deskpage masters">
      <header>
        <Home />
        <h1>{t("masters.title")}</h1>
        <LookSwitch />
        <LanguageSwitch />
      </header>
      {failure.value && (
        <p class="warn" role="alert">
          ✕ {word("problem", failure.value.code, failure.value.facts)}
        </p>
      )}
      <main>
        <div class="tabs">
          <nav aria-label={t("masters.tab")}>
            {TABS.map((each) => (
              <button key={each} type="button" data-tab={each} aria-current={tab.value === each ? "page" : undefined} onClick={() => showTab(each)}>
                {word("masters_tab", each)}
              </button>
            ))}
          </nav>
          {needsSite && (
            <label class="siteof">
              {t("masters.site")}
              <select name="site" value={site.value} onChange={(event) => showSite(event.currentTarget.value)}>
                {sites.value.map((each) => (
                  <option key={each.code} value={each.code}>
                    {each.code} {lang.value === "ja" ? each.name_ja : each.name_en}
                  </option>
                ))}
              </select>
            </label>
          )}
        </div>
        <p class="said" role="status">
          {said.value && `✓ ${said.value}`}
        </p>
        {tab.value === "places" && <Places />}
        {tab.value === "sites" && <Sites />}
        {tab.value === "goods" && <Goods />}
        {tab.value === "files" && <Files />}
      </main>
    </div>
  );
}
