/** Start: language, look, then the page that the address names; each page is loaded by itself. */
import { type ComponentType, render } from "preact";
import "./core/look.css";
import { type Catalogues, loadLanguage } from "./core/i18n.ts";
import { type Look, startLook } from "./core/look.ts";

interface Page {
  load: () => Promise<{ Page: ComponentType }>;
  look: Look;
  words?: Catalogues; // a part of the catalogue, for a page that must be small
  more?: Catalogues; // words of its own besides
}

const HANDHELD: Catalogues = {
  en: () => import("../../locales/en.json?words=h,say,fact,choice,kind,start,look,button"),
  ja: () => import("../../locales/ja.json?words=h,say,fact,choice,kind,start,look,button"),
};
/** The words of the desks, which nobody else need carry. */
const DESK: Catalogues = {
  en: () => import("../../locales/desk.en.json"),
  ja: () => import("../../locales/desk.ja.json"),
};
const HOME: Page = { load: () => import("./home/page.tsx"), look: "light" };
const PAGES: Record<string, Page> = {
  admin: { load: () => import("./admin/page.tsx"), look: "light", more: DESK },
  billing: { load: () => import("./billing/page.tsx"), look: "light", more: DESK },
  control: { load: () => import("./control/page.tsx"), look: "light", more: DESK },
  decisions: { load: () => import("./decisions/page.tsx"), look: "light" },
  floor: { load: () => import("./floor/page.tsx"), look: "light", more: DESK },
  h: { load: () => import("./handheld/page.tsx"), look: "dark", words: HANDHELD },
  masters: { load: () => import("./masters/page.tsx"), look: "light", more: DESK },
  planner: { load: () => import("./planner/page.tsx"), look: "light", more: DESK },
  proposals: { load: () => import("./proposals/page.tsx"), look: "light" },
  rules: { load: () => import("./rules/page.tsx"), look: "light" },
  stock: { load: () => import("./stock/page.tsx"), look: "light" },
  store: { load: () => import("./store/page.tsx"), look: "dark" },
};
const WORDS: Catalogues = {
  en: () => import("../../locales/en.json"),
  ja: () => import("../../locales/ja.json"),
};

async function start(): Promise<void> {
  const name = location.pathname.replace(/^\/ui\/?/, "").replace(/\/$/, "");
  const page = PAGES[name] ?? HOME;
  startLook(page.look);
  const [{ Page }] = await Promise.all([page.load(), loadLanguage(page.words ?? WORDS, ...(page.more ? [page.more] : []))]);
  const root = document.getElementById("app");
  if (root) render(<Page />, root);
  // Only in a secure context (https or this very machine); the rest works without it.
  if (import.meta.env.PROD && "serviceWorker" in navigator) {
    await navigator.serviceWorker.register("/ui/sw.js", { scope: "/ui/" });
  }
}

void start();
