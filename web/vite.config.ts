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

/** What the handheld needs is asked for with the page, not one after the other: two times to the server less. */
const handheldAhead: Plugin = {
  name: "handheld-ahead",
  transformIndexHtml: {
    order: "post",
    handler(html, { bundle = {}, filename }) {
      if (!filename.endsWith("/index.html")) return html;
      const chunks = Object.values(bundle).filter((each) => each.type === "chunk");
      const files = new Set<string>();
      const add = (name: string): void => {
        const chunk = chunks.find((each) => each.fileName === name);
        if (!chunk || html.includes(name) || files.has(name)) return;
        files.add(name);
        for (const css of chunk.viteMetadata?.importedCss ?? []) files.add(css);
        chunk.imports.forEach(add);
      };
      const page = chunks.find((each) => each.facadeModuleId?.endsWith("/handheld/page.tsx"));
      if (page) add(page.fileName);
      const words = (lang: string): string =>
        chunks.find((each) => each.facadeModuleId?.includes(`/${lang}.json?words=h,`))?.fileName ?? "";
      const script = `if (/^\\/ui\\/h\\/?$/.test(location.pathname)) {
        const ja = (localStorage.getItem("soko.lang") ?? navigator.language).startsWith("ja");
        for (const file of ${JSON.stringify([...files])}.concat(ja ? "${words("ja")}" : "${words("en")}")) {
          const css = file.endsWith(".css");
          document.head.append(Object.assign(document.createElement("link"), { rel: css ? "preload" : "modulepreload", as: css ? "style" : "script", crossOrigin: "", href: "/ui/" + file }));
        }
      }`;
      return { html, tags: [{ tag: "script", children: script.replace(/\s+/g, " "), injectTo: "head-prepend" }] };
    },
  },
};

export default defineConfig({
  base: "/ui/",
  plugins: [someWords, handheldAhead],
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
    proxy: Object.fromEntries(["/api", "/console", "/oms", "/planner", "/store", "/track", "/v1"].map((path) => [path, soko])),
  },
});
