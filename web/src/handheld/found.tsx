/** What a scanned code is, where it is, how it stands; and what can be begun with it. */
import { maybeWord, t, word } from "../core/i18n.ts";
import { type Found, found } from "./read.ts";
import { startWork, view } from "./work.ts";

/** Work that begins with a scan, by what the code is. The server refuses what does not fit. */
const BEGINS: Record<string, readonly string[]> = {
  asn: ["inbound"],
  notice: ["inbound"],
  purchase: ["inbound"],
  transfer: ["receive"],
  unit: ["putaway", "move", "inbound"],
  lpn: ["putaway", "move", "inbound"],
  tote: ["putaway", "move"],
  parcel: ["return"],
  location: ["count", "move"],
  sku: ["inbound"],
  return: ["return"],
};

export function FoundFacts({ known }: { known: Found }) {
  if (!known.facts) return <p class="message wrong">{t("h.unknown_code", { code: known.code })}</p>;
  const kinds = view.value === "work" ? [] : (BEGINS[String(known.facts["kind"])] ?? []);
  const start = async (kind: string): Promise<void> => {
    if (await startWork(kind, known.code)) found.value = null;
  };
  return (
    <>
      <dl class="found" data-testid="found">
        {flat(known.facts).map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {kinds.length > 0 && (
        <div class="tiles">
          {kinds.map((kind) => (
            <button key={kind} type="button" data-start={kind} onClick={() => void start(kind)}>
              {word("start", kind)}
            </button>
          ))}
        </div>
      )}
    </>
  );
}

/** Facts as lines; those by site ("free" of a SKU) and lists as a line each. */
function flat(facts: Record<string, unknown>): [string, string][] {
  return Object.entries(facts).flatMap(([name, value]): [string, string][] => {
    const label = word("fact", name);
    if (value === null || name === "id" || value === "") return [];
    if (typeof value !== "object") return [[label, maybeWord(name, String(value)) ?? String(value)]];
    if (Array.isArray(value)) return value.slice(0, 5).map((each, n) => [`${label} ${n + 1}`, line(each)]);
    return Object.entries(value).map(([place, units]) => [`${label} · ${place}`, line(units)]);
  });
}

function line(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.values(value).filter((each) => each !== null).join(" · ");
}
