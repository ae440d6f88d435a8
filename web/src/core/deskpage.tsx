/** The frame of a desk's page: its header, the latest problem, parts as tabs, which site, what was done. */
import type { ComponentChildren } from "preact";
import "./desk.css";
import "./tabs.css";
import { Home, LanguageSwitch, LookSwitch } from "./bar.tsx";
import { lang, t, word } from "./i18n.ts";
import { failure } from "./shared.ts";
import { mustSignIn, SignIn, WhoIsThere } from "./signin.tsx";

/** A choice among sites; `all` as they are listed. */
export interface SiteChoice {
  code: string;
  all: readonly { code: string; name_en: string; name_ja: string }[];
  choose: (code: string) => void;
}

interface Frame {
  name: string;
  title: string;
  aside?: ComponentChildren; // in the header, beside the title
  parts: readonly { key: string; text: string }[];
  label: string; // of the tabs, for those who do not see them
  part: string;
  show: (key: string) => void;
  site: SiteChoice | null;
  said: string; // what was done last
  children: ComponentChildren;
}

export function DeskPage({ name, title, aside, parts, label, part, show, site, said, children }: Frame) {
  document.title = `${title} · Soko`;
  return (
    <div class={`deskpage ${name}`}>
      <header>
        <Home />
        <h1>{title}</h1>
        {aside}
        <WhoIsThere />
        <LookSwitch />
        <LanguageSwitch />
      </header>
      {failure.value && (
        <p class="warn" role="alert">
          ✕ {word("problem", failure.value.code, failure.value.facts)}
        </p>
      )}
      <main>
        <div class="tabs">
          <nav aria-label={label}>
            {parts.map(({ key, text }) => (
              <button key={key} type="button" data-tab={key} aria-current={part === key ? "page" : undefined} onClick={() => show(key)}>
                {text}
              </button>
            ))}
          </nav>
          {site && <ChooseSite {...site} />}
        </div>
        <p class="said" role="status">
          {said && `✓ ${said}`}
        </p>
        {mustSignIn() ? <SignIn /> : children}
      </main>
    </div>
  );
}

function ChooseSite({ code, all, choose }: SiteChoice) {
  return (
    <label class="siteof">
      {t("masters.site")}
      <select name="site" value={code} onChange={(event) => choose(event.currentTarget.value)}>
        {all.map((each) => (
          <option key={each.code} value={each.code}>
            {each.code} {lang.value === "ja" ? each.name_ja : each.name_en}
          </option>
        ))}
      </select>
    </label>
  );
}
