import { app } from "@azure/functions";
import packageJson from "../package.json" with { type: "json" };

const TEXT = { "content-type": "text/plain; charset=utf-8" };

/** Whether the app answers, and what it is. */
export function registerHealth(): void {
  app.http("health", {
    methods: ["GET", "HEAD"],
    authLevel: "anonymous",
    route: "health",
    handler: () => ({ status: 200, headers: TEXT, body: "OK" }),
  });
  app.http("version", {
    methods: ["GET", "HEAD"],
    authLevel: "anonymous",
    route: "version",
    handler: () => ({ status: 200, headers: TEXT, body: packageJson.version }),
  });
}
