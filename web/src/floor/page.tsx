/** The floor, for who leads it: exceptions, work, labour, waves, counts, docks, people and devices. */
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import "../core/desk.css";
import "../core/tabs.css";
import "./floor.css";
import { Home, LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { clock, lang, t, word } from "../core/i18n.ts";
import { failure } from "../core/shared.ts";
import { Counts } from "./counts.tsx";
import { Docks } from "./docks.tsx";
import { Exceptions } from "./exceptions.tsx";
import { LabourFigures } from "./labour.tsx";
import { People } from "./people.tsx";
import { now, readSites, said, showSite, showTab, site, sites, TABS, tab, zone } from "./state.ts";
import { Waves } from "./waves.tsx";
import { Work } from "./work.tsx";

const PARTS: Record<string, ComponentType> = {
  exceptions: Exceptions,
  work: Work,
  labour: LabourFigures,
  waves: Waves,
  counts: Counts,
  docks: Docks,
  people: People,
};

export function Page() {
  useEffect(() => void readSites(), []);
  document.title = `${t("floor.title")} · Soko`;
  const Part = PARTS[tab.value] ?? Exceptions;
  return (
    <div class="deskpage floor">
      <header>
        <Home />
        <h1>{t("floor.title")}</h1>
        {now.value > 0 && <span class="num clock">{clock(now.value, zone(), false)}</span>}
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
          <nav aria-label={t("floor.parts")}>
            {TABS.map((each) => (
              <button key={each} type="button" data-tab={each} aria-current={tab.value === each ? "page" : undefined} onClick={() => showTab(each)}>
                {word("floor_tab", each)}
              </button>
            ))}
          </nav>
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
        </div>
        <p class="said" role="status">
          {said.value && `✓ ${said.value}`}
        </p>
        <Part />
      </main>
    </div>
  );
}
