/** Billing of owners: invoices down to the movements behind each line, corrections, tariffs by version, who bills. */
import { useEffect } from "preact/hooks";
import { DeskPage } from "../core/deskpage.tsx";
import "./billing.css";
import { t, word } from "../core/i18n.ts";
import { Invoices } from "./invoices.tsx";
import { Issuer } from "./issuer.tsx";
import { owners, readInvoices, said, showTab, TABS, tab } from "./state.ts";
import { Tariffs } from "./tariffs.tsx";

export function Page() {
  useEffect(() => void readInvoices(), []);
  return (
    <DeskPage
      name="billing"
      title={t("billing.title")}
      parts={TABS.map((key) => ({ key, text: word("billing_tab", key) }))}
      label={t("billing.parts")}
      part={tab.value}
      show={showTab}
      site={null}
      said={said.value}
    >
      <datalist id="owners">
        {owners.value.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {tab.value === "tariffs" ? <Tariffs /> : tab.value === "issuer" ? <Issuer /> : <Invoices />}
    </DeskPage>
  );
}
