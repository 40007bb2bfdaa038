import { prepareAzurite } from "./azurite.mjs";
import { prepareCosmosEmulator } from "./cosmos-emulator.mjs";

/** Folders whose tests need no emulator; all others have suites that run on the emulated services, too. */
const WITHOUT = /^(\.\/)?test\/(config|domain|host|infra|mlflow)\b/;

/**
 * The emulators of Azure Storage and Cosmos DB, as the variables in which the tests look for them, and what is missing.
 * Nothing is prepared when vitest's arguments leave those suites out.
 * @param {string[]} vitestArgs
 * @returns {Promise<{ env: Record<string, string>, missing: string[] }>}
 */
export async function prepareEmulators(vitestArgs) {
  if (!emulatorsWanted(vitestArgs)) return { env: {}, missing: [] };
  const [azurite, cosmos] = await Promise.all([prepareAzurite(), prepareCosmosEmulator()]);
  const env = {};
  const missing = [];
  if (azurite.folder) env.CAIRN_TEST_AZURITE = azurite.folder;
  else missing.push(`Azurite: ${azurite.problem}`);
  if (cosmos.program) env.CAIRN_TEST_COSMOS_EMULATOR = cosmos.program;
  else missing.push(`the Cosmos DB emulator: ${cosmos.problem}`);
  return { env, missing };
}

/** False when the arguments are only file filters, and none of them can mean a suite with an emulator. */
function emulatorsWanted(args) {
  return args.length === 0 || args.some((it) => it.startsWith("-") || !WITHOUT.test(it));
}
