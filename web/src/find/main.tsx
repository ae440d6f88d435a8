/**
 * Find in store, for any shop's pages: /ui/find.html?sku=… in a frame. The nearest stores that have
 * it, on a sketch and as a list, with the age of the figure. No login, nothing kept.
 *
 *   sku= what, units= how many, lat= & lon= from where (else the visitor is asked, or the middle of
 *   Tokyo), colour=#rrggbb, lang=, look=
 */
import { render } from "preact";
import "../core/look.css";
import "./find.css";
import { type Catalogues, loadLanguage } from "../core/i18n.ts";
import { Page } from "./page.tsx";

const WORDS: Catalogues = {
  en: () => import("../../../locales/en.json?words=find,in_store,time"),
  ja: () => import("../../../locales/ja.json?words=find,in_store,time"),
};

async function start(): Promise<void> {
  const asked = new URLSearchParams(location.search).get("look");
  const dark = asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset["look"] = dark ? "dark" : "light";
  await loadLanguage(WORDS);
  const root = document.getElementById("app");
  if (root) render(<Page />, root);
}

void start();
