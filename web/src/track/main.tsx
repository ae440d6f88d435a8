/**
 * Where a customer follows an order: /t/{token}. A page of its own, small, without login and without
 * a service worker; the token in the address is all that opens it.
 */
import { render } from "preact";
import "../core/look.css";
import "./track.css";
import { type Catalogues, loadLanguage } from "../core/i18n.ts";
import { Page } from "./page.tsx";

const WORDS: Catalogues = {
  en: () => import("../../../locales/en.json?words=track,track_step,track_deed,track_did,track_parcel,track_why,track_slot,track_return,return_reason,time"),
  ja: () => import("../../../locales/ja.json?words=track,track_step,track_deed,track_did,track_parcel,track_why,track_slot,track_return,return_reason,time"),
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
