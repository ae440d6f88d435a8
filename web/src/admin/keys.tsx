/** Keys of other systems: what each may do, when it was used last; revoked, or followed by another. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { post } from "../core/api.ts";
import { t } from "../core/i18n.ts";
import { tried } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { readInto } from "./page.tsx";

interface Made {
  id: string;
  name: string;
  scopes: string[];
  sites: string[];
  owners: string[];
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

const keys = signal<Made[]>([]);
/** The key that was made last: it is seen once. */
const fresh = signal("");

export function Keys() {
  useEffect(() => {
    fresh.value = "";
    void readInto("/admin/v1/keys", keys);
  }, []);
  const act = async (path: string): Promise<void> => {
    const answer = await tried(() => post<{ key?: string }>(`/admin/v1/keys/${path}`, { command_id: newId(Date.now()) }));
    fresh.value = answer?.key ?? "";
    await readInto("/admin/v1/keys", keys);
  };
  return (
    <>
      <p class="hint">{t("admin.keys_hint")}</p>
      {fresh.value && (
        <p class="box" data-testid="fresh">
          {t("admin.once")} <code>{fresh.value}</code>
        </p>
      )}
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("admin.keys")}>
        <table data-testid="keys">
          <thead>
            <tr>
              <th>{t("admin.name")}</th>
              <th>{t("admin.scopes")}</th>
              <th>{t("admin.reach")}</th>
              <th>{t("admin.used")}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {keys.value.map((one) => (
              <tr key={one.id}>
                <td>
                  {one.name} <small>{one.id}</small>
                </td>
                <td>{one.scopes.join(" ")}</td>
                <td>{`${one.sites.join(" ")} / ${one.owners.join(" ")}`}</td>
                <td>{one.last_used_at?.slice(0, 16).replace("T", " ") ?? "–"}</td>
                <td>
                  {one.revoked_at ? (
                    t("admin.revoked")
                  ) : (
                    <>
                      <button type="button" onClick={() => void act(`${one.id}:succeed`)}>
                        {t("admin.succeed")}
                      </button>{" "}
                      <button type="button" onClick={() => void act(`${one.id}:revoke`)}>
                        {t("admin.revoke")}
                      </button>
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
