/** Coming in: at the company's provider, by password, or for the first time by the set-up link. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post } from "../core/api.ts";
import { t } from "../core/i18n.ts";
import { tried } from "../core/shared.ts";

const LINK = /^#set-up=(soko_u_[0-9a-f]+)$/;
const provider = signal(false);

export function Enter() {
  const link = LINK.exec(location.hash)?.[1];
  useEffect(() => {
    void get<{ provider: boolean }>("/auth/v1/ways").then(
      (ways) => (provider.value = ways.provider),
      () => (provider.value = false),
    );
  }, []);
  const enter = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "");
    const who = { code: text("code"), password: text("password") };
    const made = link
      ? await tried(() => post("/auth/v1/set-up", { ...who, token: link, name: text("name") }))
      : await tried(() => post("/auth/v1/sign-in", who));
    if (made === null) return;
    history.replaceState(null, "", location.pathname + location.search); // the link is used up
    location.reload();
  };
  return (
    <form class="box" data-testid="enter" onSubmit={(event) => void enter(event)}>
      <h2>{t(link ? "admin.set_up" : "admin.enter")}</h2>
      {provider.value && !link && (
        <p class="acts">
          <a href="/auth/v1/login?back=/ui/admin">{t("admin.by_provider")}</a>
        </p>
      )}
      <label>
        {t("admin.code")}
        <input name="code" required autocomplete="username" maxLength={80} />
      </label>
      {link && (
        <label>
          {t("admin.name")}
          <input name="name" required autocomplete="name" maxLength={100} />
        </label>
      )}
      <label>
        {t("admin.password")}
        <input name="password" type="password" required autocomplete={link ? "new-password" : "current-password"} maxLength={128} />
      </label>
      {link && <p class="hint">{t("admin.password_hint")}</p>}
      <p class="acts">
        <button type="submit" class="main">
          {t("admin.enter")}
        </button>
      </p>
    </form>
  );
}
