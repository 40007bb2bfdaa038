import { enableCompileCache } from "node:module";

// Before everything else is loaded, so that all of it is compiled only once in its life.
enableCompileCache();

const { runCommand } = await import("./command.ts");
await runCommand(process.argv.slice(2), {
  provideServices: async (services) => (await import("../shared/services.ts")).provideServices(services),
  load: () => import("../functions/index.ts"),
});
