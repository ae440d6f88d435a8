/** Tables as files have them: rows by column, what has changed, and the file to send. PURE. */

export type Cell = string | number | boolean | null;
export interface Column {
  name: string;
  ja: string;
  needed: boolean;
  key: boolean;
  form: "text" | "number" | "day" | "tick" | "choice";
  choices: string[];
  many: boolean;
  usual: Cell;
}
export interface Kind {
  name: string;
  ja: string;
  whole: boolean;
  gone: [string, Cell] | null;
  columns: Column[];
}
/** What stands in each column, as it is typed. */
export type Row = Readonly<Record<string, string>>;
/** A row at a desk: what it was (null: it is new), what it shall be. */
export interface Edited {
  was: Row | null;
  will: Row;
}

const FORMULA = /^'*[=+\-@\t\r]/; // a cell that a spreadsheet would run; the server takes the ' away
const FEW = 6;
export const PLACE = "place"; // where there is an order, this column says it

export function said(cell: Cell): string {
  return cell === null ? "" : typeof cell === "boolean" ? (cell ? "yes" : "no") : String(cell);
}

export function rowsOf(kind: Kind, rows: readonly (readonly Cell[])[]): Row[] {
  return rows.map((cells) => Object.fromEntries(kind.columns.map(({ name }, at) => [name, said(cells[at] ?? null)])));
}

export function blankOf(kind: Kind, fixed: Row): Row {
  return { ...Object.fromEntries(kind.columns.map(({ name, usual }) => [name, said(usual)])), ...fixed };
}

export function isOrdered(kind: Kind): boolean {
  return kind.columns.some(({ name }) => name === PLACE);
}

/** Numbered from the top, where there is an order. */
export function numbered(kind: Kind, rows: readonly Edited[]): Edited[] {
  if (!isOrdered(kind)) return [...rows];
  return rows.map((row, at) => ({ ...row, will: { ...row.will, [PLACE]: String(at + 1) } }));
}

export function isChanged({ was, will }: Edited): boolean {
  return was === null || Object.keys(will).some((name) => was[name] !== will[name]);
}

export function isGone(kind: Kind, row: Row): boolean {
  return kind.gone !== null && row[kind.gone[0]] === said(kind.gone[1]);
}

/** Without that row: left out of a table that is whole, else marked as gone; null: it has to stay. */
export function without(kind: Kind, rows: readonly Edited[], at: number): Edited[] | null {
  const row = rows[at];
  if (!row) return null;
  if (row.was === null || (kind.whole && rows.length > 1)) return rows.filter((_, each) => each !== at);
  if (!kind.gone) return null;
  const [name, value] = kind.gone;
  return rows.map((each, turn) => (turn === at ? { ...each, will: { ...each.will, [name]: said(value) } } : each));
}

/** One up; the first stays. */
export function raised(rows: readonly Edited[], at: number): Edited[] {
  const [above, row] = [rows[at - 1], rows[at]];
  if (!above || !row) return [...rows];
  return rows.map((each, turn) => (turn === at - 1 ? row : turn === at ? above : each));
}

/** Those rows that have to be sent: all of a table that is whole, if anything is different. */
export function toSend(kind: Kind, rows: readonly Edited[], before: number, all = false): Edited[] {
  const now = numbered(kind, rows);
  const changed = now.filter(isChanged);
  if (!kind.whole && !all) return changed;
  return changed.length > 0 || now.length !== before ? now : [];
}

function quoted(cell: string): string {
  const plain = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(plain) || plain !== plain.trim() ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** As CSV, with the columns' own names. */
export function fileOf(kind: Kind, rows: readonly Row[]): string {
  const names = kind.columns.map(({ name }) => name);
  return [names, ...rows.map((row) => names.map((name) => row[name] ?? ""))].map((line) => line.map(quoted).join(",")).join("\r\n");
}

/** The columns worth a place in a list: what is not always the same, and what is never empty; the first, if that is none. */
export function shown(kind: Kind, rows: readonly Row[], fixed: Row): Column[] {
  const may = kind.columns.filter(({ name }) => !(name in fixed) && name !== PLACE);
  const some = may.filter(({ name, key, needed, usual }) => key || needed || rows.some((row) => (row[name] ?? "") !== said(usual)));
  return some.length > 0 ? some : may.slice(0, FEW);
}

/** Whether there can be one row only: all that rows are known by is given. */
export function isSingle(kind: Kind, fixed: Row): boolean {
  return kind.columns.every(({ name, key }) => !key || name in fixed);
}

const UNITS: Record<string, string> = { minor: "¥", g: "g", mm: "mm", a: "A", b: "B", c: "C" };

/** weight_from_g -> Weight from (g): what a column is called where it has no other name. */
export function titled(name: string): string {
  const words = name.split("_");
  const last = words.length > 1 ? UNITS[words.at(-1) ?? ""] : undefined;
  const text = (last ? words.slice(0, -1) : words).join(" ");
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  if (!last) return upper;
  return /[A-C]/.test(last) ? `${upper} ${last}` : `${upper} (${last})`;
}
