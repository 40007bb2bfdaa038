import { createHash } from "node:crypto";
import type { AppResponse } from "../http/types.ts";
import { Html, html } from "./html.ts";

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
pre { padding: .8rem 1rem; overflow-x: auto; background: #8881; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere; }
`;

/*
 * The address is the one that the browser knows, whatever stands between it and the app. Clients of MLflow print links like
 * #/experiments/1/runs/abc?workspace=team: what follows the # is never sent, so it is told here which page is meant.
 */
const SCRIPT = `
for (const place of document.querySelectorAll("[data-path]")) place.textContent = location.origin + place.dataset.path;
function follow() {
  const link = /^#\\/experiments\\/([^/?]+)(?:\\/runs\\/([^/?]+))?[^?]*(?:\\?(.*))?$/.exec(location.hash);
  if (!link) return;
  const workspace = new URLSearchParams(link[3]).get("workspace");
  const target = new URL(location.href);
  if (workspace) target.pathname = "/w/" + encodeURIComponent(workspace) + "/";
  target.search = "";
  target.hash = "";
  if (link[2]) target.searchParams.set("run", decodeURIComponent(link[2]));
  else target.searchParams.set("experiment", decodeURIComponent(link[1]));
  location.replace(target);
}
addEventListener("hashchange", follow);
follow();
`;

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing but the style and script above: not even what got into a page unescaped would run, load or send anything. */
const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** A whole page. */
export function pageResponse(
  status: number,
  title: string,
  content: Html,
  headers: Readonly<Record<string, string>> = {},
): AppResponse {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
${content}
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`;
  return { status, headers: { ...HEADERS, ...headers }, body: page.text };
}
