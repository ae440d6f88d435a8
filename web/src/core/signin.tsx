/** Signing in at a desk: badge and PIN; and first, once, the code that pairs this browser. */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ApiError, get, post } from "./api.ts";
import "./signin.css";
import { entry, keep } from "./deskentry.ts";
import { t, word } from "./i18n.ts";
import { failure } from "./shared.ts";

const ASKS = new Set(["sign_in_needed", "session_locked", "sign_in_failed", "pin_needed", "device_unknown", "pairing_over", "entry_shut"]);

/** Somebody wants to sign in before anything asks for it. */
const wanted = signal(false);

/** Whether somebody wants to sign in, or the latest problem is that nobody has, or that it did not work. */
export function mustSignIn(): boolean {
  return wanted.value || (failure.value !== null && ASKS.has(failure.value.code));
}

/** Who is there, where somebody must be: in the header. */
export function WhoIsThere() {
  const [name, setName] = useState<string | null>(null);
  useEffect(() => {
    const shown = async (): Promise<void> => {
      const me = await get<{ mode: string; name: string | null }>("/api/v1/devices/me").catch(() => null);
      setName(me?.mode === "open" ? null : (me?.name ?? ""));
    };
    void shown();
  }, []);
  if (name === null) return null;
  return (
    <button type="button" class="whoisthere" data-testid="whoisthere" onClick={() => (wanted.value = !wanted.value)}>
      {name || t("signin.enter")}
    </button>
  );
}

export function SignIn() {
  const [paired, setPaired] = useState(entry().device !== "");
  const enter = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    try {
      if (!paired) {
        const made = await post<{ token: string }>("/api/v1/devices/pair", { code: text("code").toUpperCase() });
        keep({ device: made.token, session: "" });
        setPaired(true);
      }
      const who = { device: "desk", operator: "", token: entry().device };
      const body = { badge: text("badge"), ...(text("pin") ? { pin: text("pin") } : {}) };
      const signed = await post<{ token: string; name: string }>("/api/v1/people/sign-in", body, who);
      keep({ session: signed.token, name: signed.name });
      location.reload();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "device_unknown") {
        keep({ device: "", session: "" });
        setPaired(false);
      }
      failure.value = { code: error.code, facts: error.facts };
    }
  };
  return (
    <form class="box signin" data-testid="signin" onSubmit={(event) => void enter(event)}>
      <h2>{t("signin.title")}</h2>
      <p class="hint">{paired ? t("signin.hint") : t("signin.pair_hint")}</p>
      {!paired && (
        <label>
          {t("signin.code")}
          <input name="code" required autocomplete="off" maxLength={40} />
        </label>
      )}
      <label>
        {t("signin.badge")}
        <input name="badge" required autocomplete="off" maxLength={100} />
      </label>
      <label>
        {t("signin.pin")}
        <input name="pin" type="password" inputMode="numeric" autocomplete="off" maxLength={12} />
      </label>
      <p class="acts">
        <button type="submit" class="main">
          {t("signin.enter")}
        </button>
      </p>
      <p class="hint">{word("signin", "key")}</p>
    </form>
  );
}
