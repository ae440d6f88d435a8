/** Invoices: drafted, looked into line by line and movement by movement, made final, corrected. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { download, get, post } from "../core/api.ts";
import { clock, day, maybeWord, number, t, word } from "../core/i18n.ts";
import { money } from "../core/money.ts";
import { busy, tried } from "../core/shared.ts";
import { chosen, type Invoice, invoices, type Line, type Link, owner, readInvoices, said, showOwner } from "./state.ts";

const SUMS = new Set<string>(["number", "net", "tax", "total", "quantity", "rate"]);
const lines = signal<readonly Line[]>([]);
const opened = signal<Line | null>(null);
const links = signal<readonly Link[]>([]);
const behind = signal<number | null>(null);

async function look(one: Invoice): Promise<void> {
  chosen.value = one;
  opened.value = null;
  lines.value = (await tried(() => get<Line[]>(`/billing/v1/invoices/${one.id}/lines`))) ?? [];
}

async function follow(one: Invoice, line: Line, after = 0): Promise<void> {
  const found = await tried(() =>
    get<{ links: Link[]; next: number | null }>(`/billing/v1/invoices/${one.id}/lines/${line.no}/movements?after=${after}&limit=100`),
  );
  if (!found) return;
  opened.value = line;
  links.value = after ? [...links.value, ...found.links] : found.links;
  behind.value = found.next;
}

export function Invoices() {
  const act = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const of = { owner: String(form.get("owner")).trim(), month: String(form.get("month")) };
    const rerate = (event.submitter as HTMLButtonElement).name === "rerate";
    const made = await tried(async () =>
      rerate
        ? (await post<{ invoice: Invoice | null }>("/billing/v1/invoices:rerate", { ...of, command_id: crypto.randomUUID() })).invoice
        : await post<Invoice>("/billing/v1/invoices:draft", of),
    );
    if (made === null && !rerate) return;
    said.value = made === null ? t("billing.nothing_to_correct") : t("billing.made", { what: `${made.owner} ${made.month}` });
    await readInvoices();
    if (made) await look(made);
  };
  return (
    <>
      <form class="filters" onSubmit={(event) => void act(event)}>
        <label>
          {t("billing.owner")}
          <input
            name="owner"
            list="owners"
            required
            maxLength={200}
            value={owner.value}
            onChange={(event) => {
              showOwner(event.currentTarget.value.trim());
              void readInvoices();
            }}
          />
        </label>
        <label>
          {t("billing.month")}
          <input name="month" type="month" required />
        </label>
        <span class="acts">
          <button type="submit" name="draft" disabled={busy.value > 0}>
            {t("billing.draft")}
          </button>
          <button type="submit" name="rerate" disabled={busy.value > 0}>
            {t("billing.rerate")}
          </button>
        </span>
      </form>
      {invoices.value.length === 0 ? (
        <p class="hint">{t("billing.none")}</p>
      ) : (
        <div class="scrolls" tabIndex={0} role="region" aria-label={word("billing_tab", "invoices")}>
          <table>
            <thead>
              <tr>
                {(["month", "owner", "state", "number", "net", "tax", "total"] as const).map((name) => (
                  <th key={name} scope="col" class={SUMS.has(name) ? "num" : ""}>
                    {word("billing", name)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {invoices.value.map((one) => (
                <tr key={one.id} data-invoice={one.id} aria-selected={one.id === chosen.value?.id}>
                  <th scope="row">
                    <button type="button" class="link" onClick={() => void look(one)}>
                      {one.month}
                    </button>
                  </th>
                  <td>{one.owner}</td>
                  <td>
                    {word("invoice_kind", one.kind)} · {word("invoice_state", one.state)}
                  </td>
                  <td class="num">{one.number}</td>
                  <td class="num">{money(one.net_minor, one.currency)}</td>
                  <td class="num">{money(one.tax_minor, one.currency)}</td>
                  <td class="num">
                    <b>{money(one.total_minor, one.currency)}</b>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {chosen.value && <Detail key={chosen.value.id} one={chosen.value} />}
    </>
  );
}

function Detail({ one }: { one: Invoice }) {
  useEffect(() => void look(one), [one.id]);
  const finalise = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body = { command_id: crypto.randomUUID(), issued_on: String(form.get("issued_on")) };
    const made = await tried(() => post<Invoice>(`/billing/v1/invoices/${one.id}:finalise`, body));
    if (!made) return;
    said.value = t("billing.issued", { what: made.number });
    await readInvoices();
  };
  const issuer = one.parties.issuer;
  const file = `${one.owner}-${one.month}`;
  return (
    <section class="box invoice" data-testid="invoice">
      <h2>
        {one.owner} {one.month} {one.number && <span class="num">№ {one.number}</span>}
      </h2>
      {issuer && (
        <p>
          {issuer.name} · {t("billing.registration")} <b class="num">{issuer.registration}</b>
          {one.issued_on && ` · ${day(new Date(one.issued_on))}`}
        </p>
      )}
      {one.corrects && <p class="hint">{t("billing.corrects", { what: one.corrects })}</p>}
      <ul class="taxes">
        {one.taxes.map((tax) => (
          <li key={tax.percent}>
            {t("billing.at_rate", { percent: tax.percent })} {money(tax.net_minor, one.currency)} + {word("billing", "tax")}{" "}
            {money(tax.tax_minor, one.currency)}
          </li>
        ))}
      </ul>
      <div class="acts">
        <button type="button" onClick={() => void tried(() => download(`/billing/v1/invoices/${one.id}/pdf`, `${file}.pdf`))}>
          {t("billing.pdf")}
        </button>
        <button type="button" onClick={() => void tried(() => download(`/billing/v1/invoices/${one.id}/csv`, `${file}.csv`))}>
          {t("billing.csv")}
        </button>
        {one.state === "DRAFT" && (
          <form class="inline" onSubmit={(event) => void finalise(event)}>
            <label>
              {t("billing.issued_on")}
              <input type="date" name="issued_on" required />
            </label>
            <button type="submit" class="main" disabled={busy.value > 0}>
              {t("billing.finalise")}
            </button>
          </form>
        )}
      </div>
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("billing.lines")}>
        <table>
          <thead>
            <tr>
              {(["line", "site", "quantity", "rate", "tax", "net"] as const).map((name) => (
                <th key={name} scope="col" class={SUMS.has(name) ? "num" : ""}>
                  {word("billing", name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {lines.value.map((line) => (
              <tr key={line.no} data-line={line.code} aria-selected={line.no === opened.value?.no}>
                <th scope="row">
                  <button type="button" class="link" onClick={() => void follow(one, line)}>
                    {line.code}
                  </button>
                  <small>{word("charge", line.kind)}</small>
                </th>
                <td>{line.site}</td>
                <td class="num">
                  {number(line.quantity)} <small>{word("per", line.per)}</small>
                </td>
                <td class="num">{line.rate}</td>
                <td class="num">{line.tax_percent} %</td>
                <td class="num">{money(line.amount_minor, one.currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {opened.value && <Movements one={one} line={opened.value} />}
    </section>
  );
}

/** Places that stand for a state ("@SUPPLIER") have no label, but a name. */
function placed(code: string): string {
  return code.startsWith("@") ? (maybeWord("place", code.slice(1)) ?? code) : code;
}

function Movements({ one, line }: { one: Invoice; line: Line }) {
  return (
    <div data-testid="movements">
      <h3>{t("billing.behind", { what: line.code })}</h3>
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("billing.behind", { what: line.code })}>
        <table>
          <tbody>
            {links.value.map(({ no, quantity, charge_minor, movement }) => (
              <tr key={no}>
                <td class="num">{movement ? `${day(new Date(movement.occurred_at))} ${clock(new Date(movement.occurred_at), undefined, false)}` : "—"}</td>
                <td>{movement ? `${movement.sku} ${movement.lot}` : t("billing.before")}</td>
                <td>{movement && `${placed(movement.from_place)} → ${placed(movement.to_place)}`}</td>
                <td class="num">{number(quantity)}</td>
                <td class="num">{money(charge_minor, one.currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {behind.value !== null && (
        <button type="button" onClick={() => void follow(one, line, behind.value ?? 0)}>
          {t("masters.more")}
        </button>
      )}
    </div>
  );
}
