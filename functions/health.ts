import { app } from "@azure/functions";
import packageJson from "../package.json" with { type: "json" };
import { StoreProbe } from "../shared/http/store-probe.ts";
import { services } from "../shared/services.ts";
import { logFault } from "./context.ts";

const TEXT = { "content-type": "text/plain; charset=utf-8" };

const probe = new StoreProbe();

/** Whether the app answers, whether its stores do, and what it is. */
export function registerHealth(): void {
  app.http("health", {
    methods: ["GET", "HEAD"],
    authLevel: "anonymous",
    route: "health",
    handler: () => ({ status: 200, headers: TEXT, body: "OK" }),
  });
  app.http("health-dependencies", {
    methods: ["GET"],
    authLevel: "anonymous",
    route: "health/dependencies",
    handler: async (_request, invocation) => {
      const { stores, clock } = (await services()).realm;
      return probe.answer(stores, clock, (error) => logFault(invocation, error));
    },
  });
  app.http("version", {
    methods: ["GET", "HEAD"],
    authLevel: "anonymous",
    route: "version",
    handler: () => ({ status: 200, headers: TEXT, body: packageJson.version }),
  });
}
