/** Once a minute a device says how it is, whoever is at it or nobody: the office sees which are silent. */
import { post } from "../core/api.ts";
import { pending } from "./outbox.ts";
import { session } from "./session.ts";

const EVERY_MS = 60_000;
const LONGEST = 100;

interface Modern {
  getBattery?: () => Promise<{ level: number }>;
  userAgentData?: { getHighEntropyValues: (names: string[]) => Promise<Record<string, string>> };
}

/** Say it now, every minute, and when the network is back. */
export function live(): void {
  const say = (): void => void tell().catch(() => undefined); // without a network: a minute later
  say();
  window.setInterval(say, EVERY_MS);
  window.addEventListener("online", say);
}

async function tell(): Promise<void> {
  const now = session.value;
  const battery = await (navigator as Modern).getBattery?.();
  const body = {
    firmware: await firmware(),
    queued: pending.value,
    ...(battery && { battery: Math.round(100 * battery.level) }),
  };
  await post("/api/v1/devices/me", body, now.device_token ? { ...now, token: now.device_token } : now);
}

/** Model and system, as far as a browser tells them. */
async function firmware(): Promise<string> {
  const told = await (navigator as Modern).userAgentData?.getHighEntropyValues(["model", "platformVersion"]);
  const named = [told?.["model"], told?.["platform"], told?.["platformVersion"]].filter(Boolean).join(" ");
  return (named || (/\(([^)]+)\)/.exec(navigator.userAgent)?.[1] ?? "")).slice(0, LONGEST);
}
