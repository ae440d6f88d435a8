/** What was done by whom, the newest first. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../core/i18n.ts";
import { readInto } from "./page.tsx";

interface Page {
  events: { id: string; at: string; kind: string; who: string; what: string; address: string }[];
}

const page = signal<Page>({ events: [] });

export function Log() {
  useEffect(() => void readInto("/admin/v1/audit?limit=200", page), []);
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={t("admin.log")}>
      <table data-testid="log">
        <thead>
          <tr>
            <th>{t("admin.at")}</th>
            <th>{t("admin.kind")}</th>
            <th>{t("admin.who")}</th>
            <th>{t("admin.what")}</th>
          </tr>
        </thead>
        <tbody>
          {page.value.events.map((each) => (
            <tr key={each.id}>
              <td>{each.at.slice(0, 19).replace("T", " ")}</td>
              <td>{each.kind}</td>
              <td>
                {each.who} <small>{each.address}</small>
              </td>
              <td>{each.what}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
