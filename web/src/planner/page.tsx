/** The planner's desk: what would be if the network were otherwise; compared, proposed, made so, and held against. */
import { useEffect } from "preact/hooks";
import { DeskPage } from "../core/deskpage.tsx";
import { entry } from "../core/deskentry.ts";
import "./planner.css";
import { t, word } from "../core/i18n.ts";
import { Ahead } from "./ahead.tsx";
import { Compare } from "./compare.tsx";
import { Plans } from "./plans.tsx";
import { Report } from "./report.tsx";
import { Scenarios } from "./scenarios.tsx";
import { named, planner, readSnapshots, said, showTab, TABS, tab } from "./state.ts";

export function Page() {
  useEffect(() => void readSnapshots(), []);
  return (
    <DeskPage
      name="planner"
      title={t("plan.title")}
      aside={entry().session ? undefined : <Name />}
      parts={TABS.map((key) => ({ key, text: word("plan_tab", key) }))}
      label={t("plan.parts")}
      part={tab.value}
      show={showTab}
      site={null}
      said={said.value}
    >
      {tab.value === "compare" ? <Compare /> : tab.value === "plans" ? <Plans /> : tab.value === "report" ? <Report /> : tab.value === "ahead" ? <Ahead /> : <Scenarios />}
    </DeskPage>
  );
}

function Name() {
  return (
    <label class="name">
      {t("plan.name")}
      <input name="planner" value={planner.value} onInput={(event) => named(event.currentTarget.value)} />
    </label>
  );
}
