// npm run build: bundles the app and the local host into dist/.
import { build } from "./lib/bundle.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { runMain } from "./lib/failure.mjs";

await runMain(async () => {
  await ensureDependencies();
  await build();
});
