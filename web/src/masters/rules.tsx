/** Rules as tables: what a site puts away, packs and counts by, kits, stations, what becomes of returns. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { t, word } from "../core/i18n.ts";
import { addressed, tried } from "../core/shared.ts";
import { type Cell, type Kind, type Row, rowsOf } from "../core/sheet.ts";
import { Table } from "../core/table.tsx";
import { said, site } from "./state.ts";

const TABLES = [
  "pack-rules", "kits", "cartons", "pack-stations", "pick-stations", "printers", "putaway-rules", "faces", "policies",
  "count-policies", "dispositions", "shipping-rules", "sourcing-policies",
];
const [chosen, choose] = addressed("kind", "pack-rules");
const kinds = signal<readonly Kind[]>([]);
const shown = signal<{ kind: Kind; rows: readonly Row[]; site: string; more: boolean } | null>(null);
let round = 0;

/** Whether a kind's rows are those of a site. */
export function isOfSite(name: string): boolean {
  return kinds.value.find((kind) => kind.name === name)?.columns.some((column) => column.name === "site") ?? true;
}

export const needsSite = (): boolean => isOfSite(chosen.value);

async function read(name: string, of: string): Promise<void> {
  const mine = ++round;
  const found = await tried(async () => {
    if (kinds.value.length === 0) kinds.value = await get<Kind[]>("/console/v1/imports/kinds");
    const where = isOfSite(name) ? `?site=${encodeURIComponent(of)}` : "";
    return await get<{ rows: Cell[][]; more: boolean }>(`/console/v1/tables/${name}${where}`);
  });
  const kind = kinds.value.find((each) => each.name === name);
  if (found && kind && mine === round) shown.value = { kind, rows: rowsOf(kind, found.rows), site: of, more: found.more };
}

export function Rules() {
  const [name, of] = [chosen.value, site.value];
  useEffect(() => {
    shown.value = null;
    if (of) void read(name, of);
  }, [name, of]);
  const now = shown.value;
  const fixed: Row = isOfSite(name) ? { site: of } : {};
  return (
    <div class="rulekinds">
      <nav aria-label={t("masters_tab.rules")}>
        {TABLES.map((each) => (
          <button key={each} type="button" data-table={each} aria-current={each === name ? "page" : undefined} onClick={() => choose(each)}>
            {word("master_kind", each)}
          </button>
        ))}
      </nav>
      <section>
        <p class="hint">{word("about", name)}</p>
        {now?.more && <p class="hint">▲ {t("table.more")}</p>}
        {now && !now.more && (
          <Table
            key={`${name} ${now.site}`}
            kind={now.kind}
            rows={now.rows}
            fixed={fixed}
            at={`/console/v1/imports/${name}`}
            applied={() => {
              said.value = t("masters.saved", { what: word("master_kind", name) });
              void read(name, of);
            }}
          />
        )}
      </section>
    </div>
  );
}
