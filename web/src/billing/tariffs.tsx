/** What an owner pays, version by version: a version is never changed, a new one is made of the last and begins on a day. */
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { t, word } from "../core/i18n.ts";
import { tried } from "../core/shared.ts";
import type { Kind, Row } from "../core/sheet.ts";
import { Table } from "../core/table.tsx";
import { owner, said, showOwner } from "./state.ts";

interface Tariff {
  version: number;
  valid_from: string;
  lines: Record<string, string | number>[];
}

const tariffs = signal<readonly Tariff[]>([]);
const kind = signal<Kind | null>(null);
const making = signal(false);

async function read(of: string): Promise<void> {
  making.value = false;
  tariffs.value = of ? ((await tried(() => get<Tariff[]>(`/billing/v1/tariffs/${encodeURIComponent(of)}`))) ?? []) : [];
}

async function begin(): Promise<void> {
  kind.value ??= await tried(() => get<Kind>("/billing/v1/tariffs:columns"));
  making.value = kind.value !== null;
}

export function Tariffs() {
  const of = owner.value;
  useEffect(() => void read(of), [of]);
  const last = tariffs.value.at(-1);
  return (
    <>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          {t("billing.owner")}
          <input name="owner" list="owners" maxLength={200} value={of} onChange={(event) => showOwner(event.currentTarget.value.trim())} />
        </label>
        {of && !making.value && (
          <button type="button" data-act="version" onClick={() => void begin()}>
            ＋ {t("billing.new_version")}
          </button>
        )}
      </form>
      {tariffs.value.length === 0 && !making.value && <p class="hint">{t("billing.no_tariff")}</p>}
      {making.value && kind.value && <Version key={`${of} ${last?.version ?? 0}`} kind={kind.value} of={of} {...(last ? { last } : {})} />}
      {[...tariffs.value].reverse().map((tariff) => (
        <section key={tariff.version} class="box" data-tariff={tariff.version}>
          <h2>{t("billing.version", { version: tariff.version, from: tariff.valid_from })}</h2>
          <div class="scrolls" tabIndex={0} role="region" aria-label={t("billing.version", { version: tariff.version, from: "" })}>
            <table>
              <tbody>
                {tariff.lines.map((line) => (
                  <tr key={line["code"]}>
                    <th scope="row">{line["code"]}</th>
                    <td>{word("charge", String(line["kind"]))}</td>
                    <td>{word("per", String(line["per"]))}</td>
                    <td class="num">{line["rate"]}</td>
                    <td class="num">{line["tax_percent"]} %</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      ))}
    </>
  );
}

/** The next version, begun with the lines of the last. */
function Version({ kind: columns, of, last }: { kind: Kind; of: string; last?: Tariff }) {
  const from = useSignal("");
  const version = (last?.version ?? 0) + 1;
  const fixed: Row = { owner: of, version: String(version), valid_from: from.value };
  const rows = (last?.lines ?? []).map((line): Row => Object.fromEntries(Object.entries(line).map(([name, cell]) => [name, String(cell)])));
  return (
    <section class="box" data-testid="version">
      <h2>{t("billing.version", { version, from: from.value || "…" })}</h2>
      <div class="inline">
        <label>
          {t("billing.valid_from")}
          <input type="date" name="valid_from" required onChange={(event) => (from.value = event.currentTarget.value)} />
        </label>
        <button type="button" onClick={() => (making.value = false)}>
          {t("masters.cancel")}
        </button>
      </div>
      <p class="hint">{t("billing.back_then")}</p>
      {from.value && (
        <Table
          kind={columns}
          rows={rows}
          fixed={fixed}
          at="/billing/v1/tariffs:import"
          all
          applied={() => {
            said.value = t("billing.version", { version, from: from.value });
            void read(of);
          }}
        />
      )}
    </section>
  );
}
