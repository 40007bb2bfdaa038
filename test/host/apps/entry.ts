import { startHost } from "../../../host/host.ts";

/** A whole program: host and app, as the built one is. Prints its address. */
const host = await startHost({
  loadApp: () => import("./http-buffered.ts"),
  port: 0,
  mode: process.argv[2] === "strict" ? "strict" : "light",
  hostJson: { extensions: { http: { routePrefix: "" } } },
});
console.log(host.url);
