/** The pieces that every screen's header shares. */
import { lang, speak, t } from "./i18n.ts";
import { look, turnLook } from "./look.ts";

export function LanguageSwitch() {
  const other = lang.value === "ja" ? "en" : "ja";
  return (
    <button
      type="button"
      class="quiet"
      data-testid="language"
      lang={other}
      aria-label={other === "ja" ? "日本語で表示" : "Show in English"}
      onClick={() => void speak(other)}
    >
      {other === "ja" ? "日本語" : "English"}
    </button>
  );
}

export function LookSwitch() {
  const dark = look.value === "dark";
  return (
    <button type="button" class="quiet" aria-label={t("look.turn")} title={t("look.turn")} onClick={turnLook}>
      {dark ? "☀" : "☾"}
    </button>
  );
}

export function Home() {
  return (
    <a class="mark" href="/ui/" title={t("home.title")}>
      <img src="/ui/icon.svg" alt="" width="26" height="26" />
      <span>Soko</span>
    </a>
  );
}
