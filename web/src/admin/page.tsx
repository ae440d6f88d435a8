/** For administrators: signing in, accounts and rights, keys of other systems, what was done. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../core/api.ts";
import { DeskPage } from "../core/deskpage.tsx";
import { t } from "../core/i18n.ts";
import { tried } from "../core/shared.ts";
import { Accounts } from "./accounts.tsx";
import { Enter } from "./enter.tsx";
import { Keys } from "./keys.tsx";
import { Log } from "./log.tsx";

interface Myself {
  code: string;
  name: string;
  scopes: string[];
}

const part = signal("accounts");
const said = signal("");
/** Who sits here; null: nobody; undefined: not asked yet. */
const me = signal<Myself | null | undefined>(undefined);

export function Page() {
  useEffect(() => {
    void get<Myself>("/auth/v1/me").then(
      (found) => (me.value = found),
      () => (me.value = null),
    );
  }, []);
  const parts = (["accounts", "keys", "log"] as const).map((key) => ({ key, text: t(`admin.${key}`) }));
  return (
    <DeskPage
      name="admin"
      title={t("admin.title")}
      parts={me.value ? parts : []}
      label={t("admin.title")}
      part={part.value}
      show={(key) => (part.value = key)}
      site={null}
      said={said.value}
    >
      {me.value === null && <Enter />}
      {me.value && (
        <>
          <p class="hint" data-testid="myself">
            {me.value.name} · {me.value.scopes.join(" ") || t("admin.no_right")}
          </p>
          {part.value === "accounts" && <Accounts say={(text) => (said.value = text)} />}
          {part.value === "keys" && <Keys />}
          {part.value === "log" && <Log />}
        </>
      )}
    </DeskPage>
  );
}

/** Read into a signal; what goes wrong is shown. */
export async function readInto<T>(path: string, into: { value: T }): Promise<void> {
  const found = await tried(() => get<T>(path));
  if (found !== null) into.value = found;
}
