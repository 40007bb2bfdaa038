import type { HttpHandler } from "@azure/functions";
import packageJson from "../package.json" with { type: "json" };
import { StoreProbe } from "../shared/http/store-probe.ts";
import { services } from "../shared/services.ts";
import { logFault } from "./faults.ts";

const TEXT = { "content-type": "text/plain; charset=utf-8" };

const probe = new StoreProbe();

/** Whether the app answers. */
export const alive: HttpHandler = () => ({ status: 200, headers: TEXT, body: "OK" });

/** Whether its stores do. */
export const dependencies: HttpHandler = async (_request, invocation) => {
  const { stores, clock } = (await services()).realm;
  return probe.answer(stores, clock, (error) => logFault(invocation, error));
};

/** What it is. */
export const version: HttpHandler = () => ({ status: 200, headers: TEXT, body: packageJson.version });
