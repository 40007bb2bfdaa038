import { enableCompileCache, flushCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// Before everything else is loaded, so that all of it is compiled only once in its life. Beside the code: what lies in the system's temporary
// folder, where Node would keep it, may be another user's, who would have us run it.
enableCompileCache(fileURLToPath(new URL("../compiled", import.meta.url)));

const STARTED_AFTER_MS = 2_000;

const { runCommand } = await import("./command.ts");
await runCommand(process.argv.slice(2), {
  provideServices: async (services) => (await import("../shared/services.ts")).provideServices(services),
  ownerKey: async (replace, show) => {
    const [{ services }, { provideOwnerKey }] = await Promise.all([
      import("../shared/services.ts"),
      import("../shared/domain/access/owner-key.ts"),
    ]);
    const { realm, config } = await services();
    const { owners, eventRetentionDays } = config;
    return provideOwnerKey(realm, { replace, show, hasConfiguredOwners: owners.length > 0, eventRetentionDays });
  },
  load: () => import("../functions/index.ts"),
});

// What a start need not wait for. Node keeps what it has compiled when it ends in peace; a process that is killed leaves its successors something, too.
setTimeout(async () => {
  flushCompileCache();
  (await import("./rest.ts")).giveBackAtRest();
}, STARTED_AFTER_MS).unref();
