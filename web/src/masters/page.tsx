/** Master data: sites, places, goods, rules, and files that bring or take them. */
import { useEffect } from "preact/hooks";
import { DeskPage } from "../core/deskpage.tsx";
import "./masters.css";
import { t, word } from "../core/i18n.ts";
import { Files } from "./files.tsx";
import { Goods } from "./goods.tsx";
import { Places } from "./places.tsx";
import { needsSite, Rules } from "./rules.tsx";
import { Sites } from "./sites.tsx";
import { readSites, said, showSite, showTab, site, sites, TABS, tab } from "./state.ts";

export function Page() {
  useEffect(() => void readSites(), []);
  const hasSite = tab.value === "places" || tab.value === "files" || (tab.value === "rules" && needsSite());
  return (
    <DeskPage
      name="masters"
      title={t("masters.title")}
      parts={TABS.map((key) => ({ key, text: word("masters_tab", key) }))}
      label={t("masters.tab")}
      part={tab.value}
      show={showTab}
      site={hasSite ? { code: site.value, all: sites.value, choose: showSite } : null}
      said={said.value}
    >
      {tab.value === "places" && <Places />}
      {tab.value === "sites" && <Sites />}
      {tab.value === "goods" && <Goods />}
      {tab.value === "rules" && <Rules />}
      {tab.value === "files" && <Files />}
    </DeskPage>
  );
}
