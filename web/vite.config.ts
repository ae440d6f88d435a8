import { defineConfig } from "vite";

/** The screens live under /ui/; `npx vite` serves them with a Soko on port 8080 behind it. */
const soko = "http://127.0.0.1:8080";

export default defineConfig({
  base: "/ui/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../wms/web_dist",
    emptyOutDir: true,
    manifest: "assets.json", // public/sw.js keeps what is listed there
    license: { fileName: "licenses.md" },
    target: "es2022",
    reportCompressedSize: true,
  },
  server: {
    fs: { allow: [".."] }, // ../locales
    proxy: { "/api": soko, "/console": soko, "/oms": soko, "/v1": soko },
  },
});
