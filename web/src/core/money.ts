/** Money as the reader writes it; amounts are minor units, of which a yen has none. */
import { lang } from "./i18n.ts";

export function money(minor: number, currency: string): string {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 0;
  return (minor / 10 ** digits).toLocaleString(lang.value === "ja" ? "ja-JP" : "en-JP", { style: "currency", currency });
}
