/** What an owner pays, version by version: a version is never changed, a new one begins on a day. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { t, word } from "../core/i18n.ts";
import { tried } from "../core/shared.ts";
import { owner, showOwner } from "./state.ts";

interface Tariff {
  version: number;
  valid_from: string;
  lines: { code: string; kind: string; per: string; rate: string; tax_percent: number }[];
}

const tariffs = signal<readonly Tariff[]>([]);

async function read(of: string): Promise<void> {
  tariffs.value = of ? ((await tried(() => get<Tariff[]>(`/billing/v1/tariffs/${encodeURIComponent(of)}`))) ?? []) : [];
}

export function Tariffs() {
  const of = owner.value;
  useEffect(() => void read(of), [of]);
  return (
    <>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          {t("billing.owner")}
          <input name="owner" list="owners" maxLength={200} value={of} onChange={(event) => showOwner(event.currentTarget.value.trim())} />
        </label>
      </form>
      {tariffs.value.length === 0 && <p class="hint">{t("billing.no_tariff")}</p>}
      {[...tariffs.value].reverse().map((tariff) => (
        <section key={tariff.version} class="box" data-tariff={tariff.version}>
          <h2>{t("billing.version", { version: tariff.version, from: tariff.valid_from })}</h2>
          <div class="scrolls" tabIndex={0} role="region" aria-label={t("billing.version", { version: tariff.version, from: "" })}>
            <table>
              <tbody>
                {tariff.lines.map((line) => (
                  <tr key={line.code}>
                    <th scope="row">{line.code}</th>
                    <td>{word("charge", line.kind)}</td>
                    <td>{word("per", line.per)}</td>
                    <td class="num">{line.rate}</td>
                    <td class="num">{line.tax_percent} %</td>
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
