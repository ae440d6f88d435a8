/** Who bills: the name, registration number and address that stand on every qualified invoice. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, put } from "../core/api.ts";
import { t } from "../core/i18n.ts";
import { busy, tried } from "../core/shared.ts";
import { said } from "./state.ts";

interface Who {
  name: string;
  registration: string;
  address: string;
}

const who = signal<Who | null>(null);

export function Issuer() {
  useEffect(() => {
    void tried(async () => {
      who.value = await get<Who>("/billing/v1/issuer");
    });
  }, []);
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "").normalize("NFKC").trim();
    const done = await tried(() => put<Who>("/billing/v1/issuer", { name: text("name"), registration: text("registration").toUpperCase(), address: text("address") }));
    if (!done) return;
    who.value = done;
    said.value = t("masters.saved", { what: done.name });
  };
  const now = who.value;
  if (!now) return null;
  return (
    <form class="box issuer" key={JSON.stringify(now)} data-testid="issuer" onSubmit={(event) => void save(event)}>
      <label>
        {t("billing.issuer_name")}
        <input name="name" required maxLength={200} defaultValue={now.name} />
      </label>
      <label>
        {t("billing.registration")}
        <input name="registration" required placeholder="T1234567890123" defaultValue={now.registration} />
      </label>
      <label>
        {t("billing.address")}
        <input name="address" maxLength={200} defaultValue={now.address} />
      </label>
      <p class="hint">{t("billing.issuer_hint")}</p>
      <button type="submit" class="main" disabled={busy.value > 0}>
        {t("masters.save")}
      </button>
    </form>
  );
}
