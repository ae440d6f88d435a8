/** What a file of master data does, or would do: its faults, its changes, how many rows. */
import { lang, maybeWord, number, t, word } from "./i18n.ts";
import type { Cell, Kind } from "./sheet.ts";

interface Fault {
  row: number;
  column: string;
  code: string;
  given: string;
  expected: string;
}
interface Change {
  row: number;
  key: string;
  state: "new" | "changed";
  cells: [string, Cell, Cell][];
}
export interface Import {
  id: string;
  kind: string;
  file_name: string;
  wanted: "CHECK" | "APPLY";
  state: "WAITING" | "FAULTY" | "CHECKED" | "APPLIED";
  rows: number;
  done: number;
  rows_new: number;
  rows_changed: number;
  rows_unchanged: number;
  rows_gone: number;
  faults_found: number;
  made_by: string;
  made_at: string;
  faults: Fault[];
  changes: Change[];
}

const COUNTS = ["new", "changed", "unchanged", "gone"] as const;
const LONG = 120;

export function Counts({ one }: { one: Import }) {
  return (
    <ul class="counts">
      {COUNTS.map((name) => (
        <li key={name} data-count={name}>
          <b class="num">{number(one[`rows_${name}`])}</b> {word("masters", `count_${name}`)}
        </li>
      ))}
    </ul>
  );
}

function titleOf(kind: Kind | undefined, name: string): string {
  const column = kind?.columns.find((each) => each.name === name);
  return lang.value === "ja" ? (column?.ja ?? name) : name;
}

/** `named`: what a row is called, where it is not known by its number. */
export function Faults({ one, kind, named }: { one: Import; kind?: Kind; named?: (row: number) => string }) {
  const shown = one.faults.slice(0, 200);
  return (
    <>
      <p class="bad" role="alert">
        ✕ {t("masters.faults", { count: number(one.faults_found) })}
      </p>
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("masters.what_wrong")}>
        <table data-testid="faults">
          <thead>
            <tr>
              <th scope="col" class={named ? "" : "num"}>
                {t("masters.row")}
              </th>
              <th scope="col">{t("masters.column")}</th>
              <th scope="col">{t("masters.given")}</th>
              <th scope="col">{t("masters.what_wrong")}</th>
              <th scope="col">{t("masters.expected")}</th>
              <th scope="col">{t("masters.mend")}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((fault) => (
              <tr key={`${fault.row} ${fault.column} ${fault.code}`} data-fault={fault.code}>
                <td class={named ? "" : "num"}>{(named ? named(fault.row) : fault.row) || "–"}</td>
                <th scope="row">{titleOf(kind, fault.column) || "–"}</th>
                <td class="given">{fault.given || "–"}</td>
                <td>{word("fault", fault.code)}</td>
                <td class="given">{cut(fault.expected)}</td>
                <td>{maybeWord("mend", fault.code) ?? t("masters.mend_else")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {one.faults_found > shown.length && <p class="hint">{t("masters.first_of", { shown: shown.length, all: one.faults_found })}</p>}
    </>
  );
}

function cut(text: string): string {
  return text.length > LONG ? `${text.slice(0, LONG)} …` : text;
}

export function Changes({ one, kind }: { one: Import; kind?: Kind }) {
  const shown = one.changes.slice(0, 100);
  return (
    <details open={one.state === "CHECKED"}>
      <summary>
        {t(one.state === "APPLIED" ? "masters.changed" : "masters.changes")} ·{" "}
        {t("masters.first_of", { shown: number(shown.length), all: number(one.rows_new + one.rows_changed) })}
      </summary>
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("masters.changes")}>
        <table data-testid="changes">
          <tbody>
            {shown.map((change) => (
              <tr key={change.row} data-state={change.state}>
                <td class="num">{change.row}</td>
                <th scope="row">{change.key}</th>
                <td>{word("row_state", change.state)}</td>
                <td class="cells">
                  {change.cells
                    .filter(([, was, will]) => change.state === "changed" || (will !== "" && will !== null && was !== will))
                    .map(([name, was, will]) => (
                      <span key={name}>
                        {titleOf(kind, name)} {change.state === "changed" && <del>{shownAs(was)}</del>} <ins>{shownAs(will)}</ins>
                      </span>
                    ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function shownAs(value: Cell): string {
  return value === null || value === "" ? "∅" : String(value);
}
