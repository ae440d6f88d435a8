/**
 * A table of rules at a desk: rows are edited, and with every change the server says what is wrong with all of them,
 * or what applying would do. Nothing is changed before that is asked for.
 */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { newId } from "../handheld/ids.ts";
import { upload } from "./api.ts";
import { lang, maybeWord, number, t, word } from "./i18n.ts";
import { Changes, Counts, Faults, type Import } from "./imported.tsx";
import { busy, tried } from "./shared.ts";
import { blankOf, type Column, type Edited, fileOf, isChanged, isGone, isOrdered, isSingle, type Kind, PLACE, raised, type Row, said, shown, titled, toSend, without } from "./sheet.ts";
import "./table.css";

interface Props {
  kind: Kind;
  rows: readonly Row[];
  fixed: Row; // what every row says and nobody edits: its site, its owner
  at: string; // where files of it are sent
  all?: boolean; // every row is sent, also what is as it was
  applied: (one: Import) => void;
}

export function titleOf(column: Column): string {
  return lang.value === "ja" ? column.ja : (maybeWord("column", column.name) ?? titled(column.name));
}

/** What a cell says, in words where a code has some. */
export function told(column: Column, cell: string): string {
  if (column.form === "tick") return cell === "" ? "" : word("table", cell);
  if (column.form === "number") return cell === "0" && column.usual === 0 ? "" : /^\d+$/.test(cell) ? number(Number(cell)) : cell;
  if (column.form !== "choice") return cell;
  return (column.many ? cell.split(",") : [cell]).map((code) => named(column, code)).join(lang.value === "ja" ? "・" : ", ");
}

/** Where a column's codes have had words before. */
const AREAS: Record<string, string> = {
  disposition: "disposition", grades: "choice", kind: "charge", per: "per", reasons: "return_reason", site_kinds: "site_kind", temperatures: "temperature",
};

function named({ name }: Column, code: string): string {
  return maybeWord("code", `${name}.${code}`) ?? maybeWord(AREAS[name] ?? "code", code) ?? maybeWord("code", code) ?? code;
}

export function Table({ kind: of, rows, fixed, at, all = false, applied }: Props) {
  const kind = all ? { ...of, whole: true } : of; // what is sent whole is what it names
  const draft = useSignal<Edited[]>(rows.map((was) => ({ was, will: { ...was, ...fixed } })));
  const open = useSignal<number | null>(null); // the row that is edited; one past the last: a new one
  const found = useSignal<Import | null>(null);
  const filter = useSignal("");
  const [start, frame] = [JSON.stringify(rows), JSON.stringify(fixed)];
  useEffect(() => {
    draft.value = rows.map((was) => ({ was, will: { ...was, ...fixed } }));
    found.value = null;
  }, [start]);
  useEffect(() => {
    draft.value = draft.value.map((each) => ({ ...each, will: { ...each.will, ...fixed } }));
    if (all) void look();
  }, [frame]);

  const now = draft.value;
  const waiting = toSend(kind, now, rows.length, all);
  const send = async (dry: boolean): Promise<Import | null> => {
    const sent = toSend(kind, draft.value, rows.length, all);
    if (sent.length === 0) return null;
    const file = new Blob([fileOf(kind, sent.map(({ will }) => will))]);
    const query = new URLSearchParams({ id: newId(Date.now()), name: `${kind.name}.csv`, dry_run: String(dry) });
    return await tried(() => upload<Import>(`${at}?${query}`, file));
  };
  const look = async (): Promise<void> => {
    const mine = draft.value;
    const answer = await send(true);
    if (draft.value === mine) found.value = answer;
  };
  const change = (next: Edited[]): void => {
    draft.value = next;
    open.value = null;
    void look();
  };
  const apply = async (): Promise<void> => {
    const answer = await send(false);
    found.value = answer;
    if (answer?.state === "APPLIED") applied(answer);
  };
  const keep = (row: Row): void => {
    const turn = open.value ?? now.length;
    const will = { ...row, ...fixed };
    change(turn < now.length ? now.map((each, place) => (place === turn ? { ...each, will } : each)) : [...now, { was: null, will }]);
  };
  const edited = open.value === null ? null : (now[open.value] ?? { was: null, will: blankOf(kind, fixed) });
  const columns = shown(kind, now.map(({ will }) => will), fixed);
  const bad = new Map<number, string[]>();
  for (const fault of found.value?.faults ?? []) {
    const row = waiting[fault.row - 2];
    const turn = now.findIndex((each) => row !== undefined && each.was === row.was && (each.was !== null || isSame(each.will, row.will)));
    bad.set(turn, [...(bad.get(turn) ?? []), fault.column]);
  }
  const text = filter.value.toLowerCase();
  return (
    <div class="ruletable" data-testid="table" data-kind={kind.name} data-rows={now.length}>
      <div class="acts">
        {(now.length === 0 || !isSingle(kind, fixed)) && (
          <button type="button" data-act="new" onClick={() => (open.value = now.length)}>
            ＋ {t("masters.new")}
          </button>
        )}
        {now.length > 12 && <input type="search" aria-label={t("masters.search")} placeholder={t("masters.search")} onInput={(event) => (filter.value = event.currentTarget.value)} />}
      </div>
      {edited && <RowEditor key={open.value} kind={kind} row={edited} fixed={fixed} keep={keep} close={() => (open.value = null)} />}
      {now.length === 0 ? (
        <p class="hint">{t("table.none")}</p>
      ) : (
        <div class="scrolls" tabIndex={0} role="region" aria-label={word("master_kind", kind.name)}>
          <table>
            <thead>
              <tr>
                {isOrdered(kind) && (
                  <th scope="col" class="num">
                    {t("table.order")}
                  </th>
                )}
                {columns.map((column, place) => (
                  <th key={column.name} scope="col" class={column.form === "number" && place > 0 ? "num" : ""}>
                    {titleOf(column)}
                  </th>
                ))}
                <th scope="col">
                  <span class="unseen">{t("table.acts")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {now.map((each, turn) =>
                text && !Object.values(each.will).some((cell) => cell.toLowerCase().includes(text)) ? null : (
                  <tr key={turn} data-row={turn} data-state={stateOf(kind, each)} data-bad={bad.has(turn) || undefined}>
                    {isOrdered(kind) && <td class="num">{turn + 1}</td>}
                    {columns.map((column, place) => (
                      <Shown key={column.name} column={column} row={each.will} bad={bad.get(turn)?.includes(column.name) ?? false} first={place === 0} open={() => (open.value = turn)} />
                    ))}
                    <td class="rowacts">
                      {isOrdered(kind) && turn > 0 && (
                        <button type="button" aria-label={t("table.up", { row: turn + 1 })} data-act="up" onClick={() => change(raised(now, turn))}>
                          ↑
                        </button>
                      )}
                      {without(kind, now, turn) && !isGone(kind, each.will) && (
                        <button type="button" aria-label={t("table.out", { row: turn + 1 })} data-act="out" onClick={() => change(without(kind, now, turn) ?? now)}>
                          ✕
                        </button>
                      )}
                      <span class="mark">{stateOf(kind, each) !== "same" && word("table", stateOf(kind, each))}</span>
                    </td>
                  </tr>
                ),
              )}
            </tbody>
          </table>
        </div>
      )}
      {waiting.length > 0 && (
        <section class="box pending" data-testid="pending" data-state={found.value?.state}>
          {found.value?.state === "FAULTY" && <Faults one={found.value} kind={kind} named={(row) => nameOf(kind, waiting[row - 2]?.will, fixed)} />}
          {found.value?.state === "CHECKED" && (
            <>
              <Counts one={found.value} />
              <Changes one={found.value} kind={kind} />
            </>
          )}
          <p class="acts">
            <button type="button" class="main" data-act="apply" disabled={busy.value > 0 || found.value?.state !== "CHECKED"} onClick={() => void apply()}>
              {t("table.apply")}
            </button>
            {!all && (
              <button
                type="button"
                data-act="discard"
                onClick={() => {
                  draft.value = rows.map((was) => ({ was, will: { ...was, ...fixed } }));
                  found.value = null;
                }}
              >
                {t("table.discard")}
              </button>
            )}
            <span class="hint">{t("table.waiting", { count: number(now.filter(isChanged).length + Math.max(0, rows.length - now.filter(({ was }) => was).length)) })}</span>
          </p>
        </section>
      )}
    </div>
  );
}

function isSame(one: Row, other: Row): boolean {
  return Object.keys(one).every((name) => name === PLACE || one[name] === other[name]);
}

function stateOf(kind: Kind, row: Edited): "gone" | "new" | "changed" | "same" {
  if (isGone(kind, row.will)) return "gone";
  if (row.was === null) return "new";
  return isChanged(row) ? "changed" : "same";
}

function nameOf(kind: Kind, row: Row | undefined, fixed: Row): string {
  const names = kind.columns.filter(({ key, name }) => key && !(name in fixed) && name !== PLACE);
  const said = (names.length > 0 ? names : kind.columns.filter(({ name }) => name === "name")).map(({ name }) => row?.[name] ?? "").join(" ");
  return said || word("master_kind", kind.name);
}

function Shown({ column, row, bad, first, open }: { column: Column; row: Row; bad: boolean; first: boolean; open: () => void }) {
  const text = told(column, row[column.name] ?? "");
  const words = bad ? `✕ ${text || "–"}` : text;
  if (first) {
    return (
      <th scope="row" class={bad ? "bad" : ""}>
        <button type="button" class="link" onClick={open}>
          {words || t("masters.edit")}
        </button>
      </th>
    );
  }
  return <td class={`${column.form === "number" ? "num" : column.form}${bad ? " bad" : ""}`}>{words}</td>;
}

interface EditorProps {
  kind: Kind;
  row: Edited;
  fixed: Row;
  keep: (row: Row) => void;
  close: () => void;
}

function RowEditor({ kind, row, fixed, keep, close }: EditorProps) {
  const columns = kind.columns.filter(({ name }) => !(name in fixed) && name !== PLACE);
  const take = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const typed = columns.map(({ name }) => [name, String(form.get(name) ?? "").normalize("NFC").trim()]);
    keep({ ...row.will, ...Object.fromEntries(typed) });
  };
  return (
    <form class="box editor" data-testid="roweditor" onSubmit={take}>
      <h2>{row.was === null ? t("masters.new") : nameOf(kind, row.will, fixed)}</h2>
      {columns.map((column) => (
        <Field key={column.name} column={column} value={row.will[column.name] ?? ""} kept={column.key && row.was !== null && !kind.whole} />
      ))}
      <p class="acts">
        <button type="submit" class="main">
          {t("table.take")}
        </button>
        <button type="button" onClick={close}>
          {t("masters.cancel")}
        </button>
      </p>
    </form>
  );
}

function Field({ column, value, kept }: { column: Column; value: string; kept: boolean }) {
  const { name, form, choices, many, needed, usual } = column;
  if (many && form === "choice") return <Several column={column} value={value} />;
  const codes = form === "tick" ? ["yes", "no"] : form === "choice" ? choices : null;
  const may = !needed && (usual === null || said(usual) === "");
  return (
    <label>
      <span>
        {titleOf(column)} {needed && <b aria-hidden="true">＊</b>}
      </span>
      {codes ? (
        <select name={name} required={needed}>
          {(may || value === "") && <option value="">{needed ? "" : t("table.any")}</option>}
          {codes.filter(Boolean).map((code) => (
            <option key={code} value={code} selected={code === value}>
              {told(column, code)}
            </option>
          ))}
        </select>
      ) : (
        <Typed form={form} facts={{ name, required: needed, readOnly: kept, defaultValue: value }} hint={many ? t("table.with_commas") : ""} />
      )}
    </label>
  );
}

interface Facts {
  name: string;
  required: boolean;
  readOnly: boolean;
  defaultValue: string;
}

function Typed({ form, facts, hint }: { form: Column["form"]; facts: Facts; hint: string }) {
  if (form === "day") return <input type="date" {...facts} />;
  if (form === "number") return <input type="number" step="1" {...facts} />;
  return <input placeholder={hint} {...facts} />;
}

/** Some of these codes, in the order in which they are pressed. */
function Several({ column, value }: { column: Column; value: string }) {
  const chosen = useSignal(value.split(",").filter(Boolean));
  const turn = (code: string): void => {
    chosen.value = chosen.value.includes(code) ? chosen.value.filter((each) => each !== code) : [...chosen.value, code];
  };
  return (
    <fieldset class="several">
      <legend>{titleOf(column)}</legend>
      <input type="hidden" name={column.name} value={chosen.value.join(",")} />
      {column.choices.map((code) => {
        const place = chosen.value.indexOf(code);
        return (
          <button key={code} type="button" data-code={code} aria-pressed={place >= 0} onClick={() => turn(code)}>
            {place >= 0 && chosen.value.length > 1 && <i class="num">{place + 1}</i>} {named(column, code)}
          </button>
        );
      })}
    </fieldset>
  );
}
