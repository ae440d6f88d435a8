/** Ids and numbers that a device makes itself; no secure context needed. */

/** A UUIDv7: the time in front, so that a table of them stays in order. */
export function newId(now_ms: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setUint32(0, Math.floor(now_ms / 2 ** 16));
  new DataView(bytes.buffer).setUint16(4, now_ms % 2 ** 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The next number of this device's events: grows over reloads. */
export function nextSeq(): number {
  const next = Number(localStorage.getItem("soko.seq") ?? 0) + 1;
  localStorage.setItem("soko.seq", String(next));
  return next;
}
