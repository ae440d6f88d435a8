/** The start page: who uses which screen. */
import "./home.css";
import { LanguageSwitch, LookSwitch } from "../core/bar.tsx";
import { type Key, t } from "../core/i18n.ts";

interface Door {
  sign: string;
  title: Key;
  who: Key;
  what: Key;
  href: string;
  more?: { href: string; text: Key };
}

const DOORS: Door[] = [
  { sign: "◫", title: "home.control", who: "home.control_who", what: "home.control_what", href: "/ui/control" },
  {
    sign: "▯",
    title: "home.handheld",
    who: "home.handheld_who",
    what: "home.handheld_what",
    href: "/ui/h",
    more: { href: "/ui/h?sim=1", text: "home.handheld_sim" },
  },
  { sign: "☰", title: "home.floor", who: "home.floor_who", what: "home.floor_what", href: "/ui/floor" },
  { sign: "▤", title: "home.stock", who: "home.stock_who", what: "home.stock_what", href: "/ui/stock" },
  {
    sign: "⌂",
    title: "home.store",
    who: "home.store_who",
    what: "home.store_what",
    href: "/ui/store",
    more: { href: "/find", text: "home.find" },
  },
  {
    sign: "?",
    title: "home.decisions",
    who: "home.decisions_who",
    what: "home.decisions_what",
    href: "/ui/decisions",
    more: { href: "/ui/rules", text: "home.rules" },
  },
  { sign: "⇅", title: "home.proposals", who: "home.proposals_who", what: "home.proposals_what", href: "/ui/proposals" },
  { sign: "≷", title: "home.planner", who: "home.planner_who", what: "home.planner_what", href: "/ui/planner" },
  { sign: "¥", title: "home.billing", who: "home.billing_who", what: "home.billing_what", href: "/ui/billing" },
  { sign: "▦", title: "home.masters", who: "home.masters_who", what: "home.masters_what", href: "/ui/masters" },
  {
    sign: "⇄",
    title: "home.integrate",
    who: "home.integrate_who",
    what: "home.integrate_what",
    href: "/docs",
    more: { href: "/openapi.json", text: "home.integrate_openapi" },
  },
  {
    sign: "✓",
    title: "home.operate",
    who: "home.operate_who",
    what: "home.operate_what",
    href: "/health/ready",
    more: { href: "/console/v1/summary", text: "home.operate_summary" },
  },
];

export function Page() {
  document.title = "Soko";
  return (
    <div class="home">
      <header>
        <img src="/ui/icon.svg" alt="" width="56" height="56" />
        <div>
          <h1>Soko</h1>
          <p>{t("home.claim")}</p>
        </div>
        <nav>
          <LookSwitch />
          <LanguageSwitch />
        </nav>
      </header>
      <main>
        <ul>
          {DOORS.map((door) => (
            <li key={door.href}>
              <a class="door" href={door.href}>
                <i aria-hidden="true">{door.sign}</i>
                <h2>{t(door.title)}</h2>
                <p class="who">{t(door.who)}</p>
                <p>{t(door.what)}</p>
              </a>
              {door.more && <a href={door.more.href}>{t(door.more.text)}</a>}
            </li>
          ))}
        </ul>
      </main>
      <footer>{t("home.licence")}</footer>
    </div>
  );
}
