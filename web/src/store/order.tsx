/**
 * What this store has not: ordered for the customer, sent home or fetched here, and paid at the till.
 *
 * The receipt's number is the order's; the form can be sent twice and makes one order.
 */
import { useSignal } from "@preact/signals";
import { post } from "../core/api.ts";
import { lang, t } from "../core/i18n.ts";
import { newId } from "../handheld/ids.ts";
import { session } from "../handheld/session.ts";
import { feel } from "../handheld/tone.ts";
import { PREFECTURES } from "../rules/rule.ts";
import { at, away, busy, tried } from "./state.ts";

interface Made {
  number: string;
  promised_by: string | null;
  lines: { status: string; units: number; units_short: number }[];
}

export function Order({ sku, name }: { sku: string; name: string }) {
  const open = useSignal(false);
  const home = useSignal(true);
  const made = useSignal<Made | null>(null);
  const id = useSignal(newId(Date.now()));
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (field: string): string => String(form.get(field) ?? "").normalize("NFKC").trim();
    const body = {
      id: id.value,
      number: text("number"),
      to: home.value ? "HOME" : "HERE",
      prefecture: text("prefecture"),
      postal_code: text("postal_code"),
      lines: [{ sku, units: Number(text("units")), price_minor: Number(text("price")) }],
      contact: { name: text("name"), phone: text("phone"), postal_code: text("postal_code"), address_lines: text("address") ? [text("address")] : [] },
    };
    const done = await tried(() => post<Made>(at("/counter-orders"), body, session.value));
    feel(done ? "task" : "wrong");
    if (done) made.value = done;
    else if (!away.value) id.value = newId(Date.now()); // what was refused may be mended: it is another order
  };
  if (made.value) {
    const short = made.value.lines.some((line) => line.units_short > 0);
    return (
      <div class="done" data-testid="ordered">
        <i aria-hidden="true">{short ? "▲" : "✔"}</i>
        <p>{t(short ? "store.order_short" : home.value ? "store.ordered_home" : "store.ordered_here")}</p>
        <small>{made.value.number}</small>
      </div>
    );
  }
  if (!open.value) {
    return (
      <button type="button" class="main" data-act="order" disabled={away.value} onClick={() => (open.value = true)}>
        {t("store.order_it")}
      </button>
    );
  }
  return (
    <form class="order" data-testid="order" onSubmit={(event) => void send(event)}>
      <h3>{t("store.order_for", { name })}</h3>
      <div class="choices" role="group" aria-label={t("store.where_to")}>
        {[true, false].map((there) => (
          <button key={String(there)} type="button" data-to={there ? "HOME" : "HERE"} aria-pressed={home.value === there} onClick={() => (home.value = there)}>
            {t(there ? "store.send_home" : "store.fetch_here")}
          </button>
        ))}
      </div>
      <Field name="units" label={t("store.units")} type="number" value="1" />
      <Field name="price" label={t("store.price")} type="number" value="" />
      <Field name="number" label={t("store.receipt")} value="" />
      <Field name="name" label={t("store.customer")} value="" />
      <Field name="phone" label={t("store.phone")} type="tel" value="" may />
      {home.value && (
        <>
          <Field name="postal_code" label={t("store.postal_code")} value="" />
          <label>
            {t("store.prefecture")}
            <select name="prefecture" required>
              <option value="" />
              {PREFECTURES.map(([ja, en]) => (
                <option key={ja} value={ja}>
                  {lang.value === "ja" ? ja : en}
                </option>
              ))}
            </select>
          </label>
          <Field name="address" label={t("store.address")} value="" />
        </>
      )}
      <p class="hint">{t("store.paid_at_till")}</p>
      <button type="submit" class="main" disabled={busy.value || away.value}>
        {t("store.order_do")}
      </button>
      <button type="button" class="second" onClick={() => (open.value = false)}>
        {t("h.back")}
      </button>
    </form>
  );
}

interface FieldProps {
  name: string;
  label: string;
  value: string;
  type?: "text" | "tel" | "number";
  may?: boolean; // it may be empty
}

function Field({ name, label, value, type = "text", may = false }: FieldProps) {
  const facts = { name, required: !may, autocomplete: "off" as const, defaultValue: value };
  return (
    <label>
      {label}
      {type === "number" && <input type="number" min={name === "units" ? 1 : 0} step={1} {...facts} />}
      {type === "tel" && <input type="tel" maxLength={30} {...facts} />}
      {type === "text" && <input maxLength={200} {...facts} />}
    </label>
  );
}
