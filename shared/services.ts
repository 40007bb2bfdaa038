import { type Config, readConfig } from "./config.ts";
import { Memory } from "./domain/memory.ts";
import type { Realm } from "./domain/workspaces.ts";
import type { Authentication } from "./http/callers.ts";
import { EntraVerifier } from "./http/entra.ts";
import { EventLog } from "./http/event-log.ts";
import type { InvalidSettings } from "./invalid-settings.ts";
import { memoryBudget } from "./memory-budget.ts";
import type { Clock, Ids } from "./stores/clock.ts";
import type { Stores } from "./stores/stores.ts";
import { tracedQueue } from "./telemetry.ts";

/** Everything that functions need of the world. */
export interface Services extends Authentication {
  readonly config: Config;
  readonly events: EventLog;
  /** The runtime refuses large request bodies: clients are told to upload large files in parts. */
  readonly limitsBodies: boolean;
  /** Of pages that may call from a browser besides the workspace's own. */
  readonly origins: readonly string[];
}

/** What whoever runs the app provides: the local host its embedded stores. */
export interface ProvidedServices extends Stores {
  readonly clock: Clock;
  readonly ids: Ids;
  /** Whether requests need no credentials: all of them come from this machine. */
  readonly loopbackUser: boolean;
  /** In strict mode bodies end where they do in Azure. */
  readonly limitsBodies: boolean;
  /** Of pages that may call from a browser besides the app's own and those of the settings. */
  readonly origins?: readonly string[];
}

let current: Promise<Services> | undefined;

/** For whoever has opened stores already: must be called before the first request. */
export function provideServices({ documents, blobs, queue, secrets, clock, ids, ...host }: ProvidedServices): void {
  const stores = { documents, blobs, queue: tracedQueue(queue, clock), secrets };
  const config = readConfig();
  const realm: Realm = { stores, clock, ids, memory: new Memory(memoryBudget(config.cacheMb)) };
  current = Promise.resolve(makeServices(realm, config, host));
}

type HostFacts = Pick<ProvidedServices, "loopbackUser" | "limitsBodies" | "origins">;

function makeServices(realm: Realm, config: Config, { origins = [], ...host }: HostFacts): Services {
  const entra = config.entra && new EntraVerifier(config.entra, realm.clock);
  const events = new EventLog(realm, config.eventRetentionDays);
  return {
    realm,
    config,
    events,
    entra,
    owners: new Set(config.owners),
    origins: [...config.origins, ...origins],
    ...host,
  };
}

/** The services; in Azure they are opened when they are first asked for. */
export function services(): Promise<Services> {
  current ??= openConfigured().catch((error) => {
    current = undefined;
    throw error;
  });
  return current;
}

/** What is wrong with the settings, as far as it can be seen without asking anybody. Undefined: nothing. */
export function settingsFault(): InvalidSettings | undefined {
  try {
    if (!current) readConfig(undefined, true);
    return undefined;
  } catch (error) {
    return error as InvalidSettings;
  }
}

/** @throws InvalidSettings, also when no stores are named */
async function openConfigured(): Promise<Services> {
  const config = readConfig(undefined, true);
  const [{ openAzureStores }, { machineClock, machineIds }] = await Promise.all([
    import("./drivers/azure-stores.ts"),
    import("./drivers/machine.ts"),
  ]);
  const machine = { clock: machineClock, ids: machineIds };
  const opened = await openAzureStores(config.azure!, machine);
  const stores = { ...opened, queue: tracedQueue(opened.queue, machineClock) };
  const realm: Realm = { stores, ...machine, memory: new Memory(memoryBudget(config.cacheMb)) };
  return makeServices(realm, config, { loopbackUser: false, limitsBodies: true });
}
