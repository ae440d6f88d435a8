/** The floor, for who leads it: exceptions, work, labour, waves, counts, docks, people and devices. */
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { DeskPage } from "../core/deskpage.tsx";
import "./floor.css";
import { clock, t, word } from "../core/i18n.ts";
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
  const Part = PARTS[tab.value] ?? Exceptions;
  return (
    <DeskPage
      name="floor"
      title={t("floor.title")}
      aside={now.value > 0 && <span class="num clock">{clock(now.value, zone(), false)}</span>}
      parts={TABS.map((key) => ({ key, text: word("floor_tab", key) }))}
      label={t("floor.parts")}
      part={tab.value}
      show={showTab}
      site={{ code: site.value, all: sites.value, choose: showSite }}
      said={said.value}
    >
      <Part />
    </DeskPage>
  );
}
