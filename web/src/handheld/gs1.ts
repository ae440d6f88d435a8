/**
 * What a scan means for matching; wms/work/codes.py has the same rules, and both are run on
 * tests/vectors/gs1.json. Only the GS1 elements that a handheld needs are read: 00 SSCC, 01 GTIN,
 * 10 lot, 15/17 dates, 21 serial, 37 units. Reading ends where an unknown element begins.
 */

export const GS = "\x1d";
const LINK = /^https?:\/\/[^?#]*?\/01\/([0-9]{8,14})((?:\/[^/?#]+\/[^/?#]+)*)\/?(?:[?#]|$)/;
const FIXED: Record<string, number> = { "00": 18, "01": 14, "11": 6, "13": 6, "15": 6, "17": 6 };
for (const measure of ["31", "32", "33", "34", "35", "36"]) FIXED[measure] = 8; // two more digits first
const FREE: Record<string, number> = { "10": 20, "21": 20, "37": 8 };
const PART: Record<string, string> = { serial: "21", lot: "10" };

/** A scan without blanks round it, and without the scanner's word on the kind of barcode. */
export function bare(scanned: string): string {
  return scanned
    .replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "")
    .replace(/^\][A-Za-z][0-9A-Za-z]/, "")
    .replace(/^\x1d+|\x1d+$/g, "");
}

/** The elements of a GS1 code that are understood here; none when it is no GS1 code. */
export function elements(scanned: string): Record<string, string> {
  let text = bare(scanned);
  const link = LINK.exec(text);
  if (link) {
    const found: Record<string, string> = { "01": (link[1] ?? "").padStart(14, "0") };
    const parts = (link[2] ?? "").split("/").slice(1);
    for (let n = 0; n + 1 < parts.length; n += 2) {
      if (Object.hasOwn(FREE, parts[n] ?? "")) found[parts[n] ?? ""] = parts[n + 1] ?? "";
    }
    return found;
  }
  const found: Record<string, string> = {};
  while (/^0[01]/.test(text) || (text && Object.keys(found).length > 0)) {
    const code = text.slice(0, 2);
    const fixed = FIXED[code];
    const rest = text.slice(2);
    const end = fixed ?? (rest.includes(GS) ? rest.indexOf(GS) : rest.length);
    const value = rest.slice(0, end);
    const good = fixed ? value.length === fixed && /^[0-9]+$/.test(value) : value.length > 0 && value.length <= (FREE[code] ?? 0);
    if (!good) break;
    found[code] = value;
    text = rest.slice(end).replace(GS, (gs, at: number) => (at === 0 ? "" : gs));
  }
  return found;
}

/** What a scan means for matching: no symbology id, the SSCC or GTIN of a GS1 code. */
export function codeOf(scanned: string): string {
  const text = bare(scanned);
  if (/^([0-9]{8}|[0-9]{12,14})$/.test(text)) return text.replace(/^0+/, "");
  const known = elements(scanned);
  return known["00"] ?? known["01"]?.replace(/^0+/, "") ?? text;
}

/** What a scan means where that kind of thing is wanted: its serial or lot, or the whole. */
export function partOf(scanned: string, kind: string): string {
  const wanted = PART[kind];
  return (wanted && elements(scanned)[wanted]) || codeOf(scanned);
}

/** What tells one unit from another: GTIN and serial of a GS1 code, else the whole code. */
export function unitOf(scanned: string): string {
  const known = elements(scanned);
  return known["21"] ? `${known["01"] ?? ""}/${known["21"]}` : bare(scanned);
}
