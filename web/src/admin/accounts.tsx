/** Accounts: who there is, what they may do and where; somebody new, a right more, shut out. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { post, put } from "../core/api.ts";
import { t } from "../core/i18n.ts";
import { tried } from "../core/shared.ts";
import { newId } from "../handheld/ids.ts";
import { readInto } from "./page.tsx";

interface Right {
  role: string;
  sites: string[];
  owners: string[];
}
interface Account {
  id: string;
  code: string;
  name: string;
  active: boolean;
  rights: Right[];
  sessions: number;
}

const accounts = signal<Account[]>([]);
const roles = signal<{ roles: Record<string, string[]> }>({ roles: {} });

export function Accounts({ say }: { say: (text: string) => void }) {
  useEffect(() => {
    void readInto("/admin/v1/accounts", accounts);
    void readInto("/admin/v1/roles", roles);
  }, []);
  const save = async (id: string, { code, name, active, rights }: Omit<Account, "id" | "sessions">): Promise<void> => {
    if ((await tried(() => put(`/admin/v1/accounts/${id}`, { code, name, active, rights }))) === null) return;
    say(t("admin.saved", { code }));
    await readInto("/admin/v1/accounts", accounts);
  };
  const end = async (one: Account): Promise<void> => {
    await tried(() => post(`/admin/v1/accounts/${one.id}:sign-out`, { command_id: newId(Date.now()) }));
    await readInto("/admin/v1/accounts", accounts);
  };
  const add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const text = (name: string): string => String(fields.get(name) ?? "").trim();
    const codes = (name: string): string[] => text(name).split(/[\s,]+/).filter(Boolean);
    const right = { role: text("role"), sites: codes("sites"), owners: codes("owners") };
    const known = accounts.value.find((each) => each.code === text("code"));
    const rights = [...(known?.rights ?? []).filter((each) => each.role !== right.role), right];
    const name = text("name") || known?.name || text("code");
    await save(known?.id ?? newId(Date.now()), { code: text("code"), name, active: known?.active ?? true, rights });
    form.reset();
  };
  return (
    <>
      <div class="scrolls" tabIndex={0} role="region" aria-label={t("admin.accounts")}>
        <table data-testid="accounts">
          <thead>
            <tr>
              <th>{t("admin.code")}</th>
              <th>{t("admin.name")}</th>
              <th>{t("admin.rights")}</th>
              <th class="num">{t("admin.sessions")}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {accounts.value.map((one) => (
              <tr key={one.id}>
                <td>{one.code}</td>
                <td>{one.name}</td>
                <td>
                  {one.rights.map((right) => (
                    <div key={right.role}>
                      {right.role} <small>{`${right.sites.join(" ")} / ${right.owners.join(" ")}`}</small>{" "}
                      <button type="button" onClick={() => void save(one.id, { ...one, rights: one.rights.filter((each) => each !== right) })}>
                        {t("admin.take_away")}
                      </button>
                    </div>
                  ))}
                </td>
                <td class="num">{one.sessions}</td>
                <td>
                  <button type="button" onClick={() => void end(one)}>
                    {t("admin.sign_out")}
                  </button>{" "}
                  <button type="button" onClick={() => void save(one.id, { ...one, active: !one.active })}>
                    {t(one.active ? "admin.shut" : "admin.open")}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <form class="box" data-testid="add-right" onSubmit={(event) => void add(event)}>
        <h2>{t("admin.give")}</h2>
        <label>
          {t("admin.code")}
          <input name="code" required maxLength={80} pattern="[A-Za-z0-9._@+\-]+" />
        </label>
        <label>
          {t("admin.name")}
          <input name="name" maxLength={100} />
        </label>
        <label>
          {t("admin.role")}
          <select name="role">
            {Object.keys(roles.value.roles).map((role) => (
              <option key={role}>{role}</option>
            ))}
          </select>
        </label>
        <label>
          {t("admin.sites")}
          <input name="sites" defaultValue="*" />
        </label>
        <label>
          {t("admin.owners")}
          <input name="owners" defaultValue="*" />
        </label>
        <p class="acts">
          <button type="submit" class="main">
            {t("admin.give")}
          </button>
        </p>
      </form>
    </>
  );
}
