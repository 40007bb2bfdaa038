import dns from "node:dns";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { startHost } from "../../host/host.ts";
import { readConfig } from "../../shared/config.ts";
import { openAzureStores } from "../../shared/drivers/azure-stores.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import type { WorkQueue } from "../../shared/stores/work-queue.ts";

/*
 * Runs an unzipped package as Azure Functions would: `main` of its package.json, its own host.json, the library's conversions. The host's
 * queues are those that the settings name; nothing else is handed to the app. Names in Azure lead to this machine.
 */
const lookup = dns.lookup as (...args: unknown[]) => void;
const here = (host: unknown) => (/\.azure\.net$/.test(String(host)) ? "127.0.0.1" : host);
Object.assign(dns, { lookup: (host: unknown, ...rest: unknown[]) => lookup(here(host), ...rest) });

const folder = process.argv[2]!;
const readJson = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));

const host = await startHost({
  loadApp: () => import(pathToFileURL(join(folder, readJson("package.json").main)).href),
  hostJson: readJson("host.json"),
  port: 0,
  mode: "strict",
  queue: await hostQueue(),
});
console.log(JSON.stringify(host.functions.map(({ name }) => name)));
console.log(host.url);

async function hostQueue(): Promise<WorkQueue> {
  const azure = namedStores();
  if (azure)
    return (await openAzureStores({ ...azure, createContainers: false }, { clock: machineClock, ids: machineIds }))
      .queue;
  const never = () => Promise.reject(new Error("There is no queue."));
  return { receive: async () => [], send: never, update: never, remove: never, count: never };
}

/** Faults of the settings are the app's to tell, as the host of Azure knows nothing of them. */
function namedStores() {
  try {
    return readConfig().azure;
  } catch {
    return undefined;
  }
}
