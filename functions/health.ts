import type { HttpHandler } from "@azure/functions";
import packageJson from "../package.json" with { type: "json" };
import { StoreProbe, unopened } from "../shared/http/store-probe.ts";
import { services } from "../shared/services.ts";
import { StoreUnavailable } from "../shared/stores/errors.ts";
import { logFault } from "./faults.ts";

const TEXT = { "content-type": "text/plain; charset=utf-8" };

const probe = new StoreProbe();

/** Whether the app answers. */
export const alive: HttpHandler = () => ({ status: 200, headers: TEXT, body: "OK" });

/** Whether its stores do. */
export const dependencies: HttpHandler = async (_request, invocation) => {
  const log = (error: unknown) => logFault(invocation, error);
  try {
    const { stores, clock } = (await services()).realm;
    return await probe.answer(stores, clock, log);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    log(error);
    return unopened(error);
  }
};

/** What it is. */
export const version: HttpHandler = () => ({ status: 200, headers: TEXT, body: packageJson.version });
