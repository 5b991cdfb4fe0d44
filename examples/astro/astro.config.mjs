import { defineConfig } from "astro/config";

export default defineConfig({ outDir: "site" }); // where nginx.conf of the static example looks
