/** What a scanned code is, where it is, how it stands; and what can be begun with it. */
import { type Catalogues, clock, lang, maybeWord, t, word } from "../core/i18n.ts";
import { type Found, found } from "./read.ts";
import { startWork, view } from "./work.ts";

/** Words that only this part needs. */
export const WORDS: Catalogues = {
  en: () => import("../../../locales/en.json?words=thing,standing,stock_state,place,known"),
  ja: () => import("../../../locales/ja.json?words=thing,standing,stock_state,place,known"),
};
const UNSAID = ["id", "begins"];
const OTHER_NAME = { ja: "name_en", en: "name_ja" };

export function FoundFacts({ known }: { known: Found }) {
  if (!known.facts) return <p class="message wrong">{t("h.unknown_code", { code: known.code })}</p>;
  const begins = (known.facts["begins"] ?? []) as string[]; // what the server can begin with it
  const kinds = view.value === "work" ? [] : begins;
  const start = async (kind: string): Promise<void> => {
    if (await startWork(kind, known.code)) found.value = null;
  };
  return (
    <>
      {kinds.length > 0 && (
        <div class="tiles">
          {kinds.map((kind) => (
            <button key={kind} type="button" class="main" data-start={kind} onClick={() => void start(kind)}>
              {word("start", kind)}
            </button>
          ))}
        </div>
      )}
      <dl class="found" data-testid="found">
        {flat(known.facts).map(([label, value], n) => (
          <div key={n}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** Facts as lines; those by site ("free" of a SKU) and lists as a line each. */
function flat(facts: Record<string, unknown>): [string, string][] {
  return Object.entries(facts).flatMap(([name, value]): [string, string][] => {
    const label = maybeWord("known", name) ?? word("fact", name);
    if (value === null || value === "" || value === 0 || UNSAID.includes(name) || name === OTHER_NAME[lang.value]) return [];
    if (name === "units" && value === 1) return []; // a barcode of one piece
    if (typeof value !== "object") return [[label, said(name, String(value))]];
    if (Array.isArray(value)) return value.map((each) => [label, name === "moves" ? moved(each as Moved) : line(each)]);
    return Object.entries(value).map(([part, units]) => [`${label} · ${maybeWord("stock_state", part) ?? part}`, line(units)]);
  });
}

interface Moved {
  at: string;
  units: number;
  from: string;
  to: string;
}

function moved({ at, units, from, to }: Moved): string {
  return `${clock(new Date(at), "Asia/Tokyo", false)} · ${units} · ${placeSaid(from)} → ${placeSaid(to)}`;
}

function said(name: string, value: string): string {
  if (name === "kind") return word("thing", value);
  if (name === "status") return maybeWord("standing", value) ?? value;
  return placeSaid(value);
}

/** Places that stand for a state ("@DOCK_IN") have no label, but a name. */
function placeSaid(code: string): string {
  return code.startsWith("@") ? (maybeWord("place", code.slice(1)) ?? code) : code;
}

function line(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.values(value).filter((each) => each !== null).join(" · ");
}
