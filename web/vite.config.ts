import { defineConfig, type Plugin } from "vite";

/** The screens live under /ui/; `npx vite` serves them with a Soko on port 8080 behind it. */
const soko = "http://127.0.0.1:8080";

/** `en.json?words=track,find`: the part of a catalogue with these first words, for small pages. */
const someWords: Plugin = {
  name: "some-words",
  enforce: "pre",
  transform(code, id) {
    const query = /\.json\?words=(.+)$/.exec(id)?.[1];
    if (!query) return null;
    const areas = new Set(query.split(","));
    const words = Object.entries(JSON.parse(code) as Record<string, string>);
    const some = Object.fromEntries(words.filter(([key]) => areas.has(key.split(".")[0] ?? "")));
    return { code: `export default ${JSON.stringify(some)}`, moduleType: "js" };
  },
};

export default defineConfig({
  base: "/ui/",
  plugins: [someWords],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../wms/web_dist",
    emptyOutDir: true,
    manifest: "assets.json", // public/sw.js keeps what is listed there
    license: { fileName: "licenses.md" },
    target: "es2022",
    rolldownOptions: { input: ["index.html", "track.html", "find.html"] },
    reportCompressedSize: true,
  },
  server: {
    fs: { allow: [".."] }, // ../locales
    proxy: Object.fromEntries(["/api", "/console", "/oms", "/store", "/track", "/v1"].map((path) => [path, soko])),
  },
});
