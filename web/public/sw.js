// Keeps the built files so that a handheld starts without Wi-Fi. Only /ui/ is kept, never data:
// what was scanned off-line waits in the page's own queue (src/handheld/outbox.ts).
const KEPT = "soko-ui";

async function keep() {
  const manifest = await (await fetch("/ui/assets.json", { cache: "no-store" })).json();
  const files = new Set(["/ui/", "/ui/icon.svg"]);
  for (const part of Object.values(manifest)) {
    for (const file of [part.file, ...(part.css ?? []), ...(part.assets ?? [])]) files.add(`/ui/${file}`);
  }
  const cache = await caches.open(KEPT);
  // A megabyte that few need (reading with the camera) is kept once it was asked for.
  await cache.addAll([...files].filter((file) => !file.endsWith(".wasm")));
  for (const request of await cache.keys()) {
    if (!files.has(new URL(request.url).pathname)) await cache.delete(request);
  }
}

async function asked(request) {
  const answer = await fetch(request);
  if (answer.ok && request.url.endsWith(".wasm")) await (await caches.open(KEPT)).put(request, answer.clone());
  return answer;
}

self.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET" || !path.startsWith("/ui/")) return;
  const page = request.mode === "navigate";
  const kept = () => caches.match(page ? "/ui/" : request);
  // A page is asked for first, so that a new version shows; files with a hash never change.
  event.respondWith(
    page
      ? fetch(request).then((answer) => (answer.ok ? answer : kept().then((old) => old ?? answer)), kept)
      : kept().then((old) => old ?? asked(request)),
  );
});
