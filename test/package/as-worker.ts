import { randomUUID } from "node:crypto";
import { request } from "node:http";
import Module from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FunctionCallback, FunctionMetadata, ProgrammingModel, RpcTypedData } from "../../host/core-types.ts";

/*
 * Does with an unzipped package what the language worker of Azure Functions does: gives its module to `require` alone, loads the package, and
 * calls a function for a request that is forwarded and described by trigger data. Prints the status and text of the answer.
 * Arguments: the package, the name of the function, the trigger data as JSON.
 */
const [folder, name, triggerData] = process.argv.slice(2) as [string, string, string];

let model: ProgrammingModel | undefined;
const functions = new Map<string, { metadata: FunctionMetadata; callback: FunctionCallback }>();
const core = {
  ...{ version: "3.9.1", hostVersion: "4.1000.0", Disposable: class {}, log: () => {}, registerHook: () => {} },
  registerFunction: (metadata: FunctionMetadata, callback: FunctionCallback) =>
    functions.set(metadata.name, { metadata, callback }),
  setProgrammingModel: (chosen: ProgrammingModel) => {
    model = chosen;
  },
  getProgrammingModel: () => model,
};
const prototype = Module.prototype as unknown as { require(id: string): unknown };
prototype.require = new Proxy(prototype.require, {
  apply: (original, self, args: [string]) =>
    args[0] === "@azure/functions-core" ? core : Reflect.apply(original, self, args),
});

await import(pathToFileURL(join(folder, "functions", "index.js")).href);
const proxy = new URL((await model!.getCapabilities({})).HttpUri!);
const { metadata, callback } = functions.get(name)!;
const invocationId = randomUUID();
const headers = {
  "x-ms-invocation-id": invocationId,
  "x-forwarded-host": "cairn.example",
  "x-forwarded-proto": "https,http",
};
request({ hostname: "localhost", port: proxy.port, path: `/${name}`, headers }, async (answer) => {
  console.log(answer.statusCode, await new Response(answer as never).text());
  process.exit(0);
}).end();

const inputData = [{ name: Object.keys(metadata.bindings)[0]!, data: {} }];
const triggerMetadata = JSON.parse(triggerData) as Record<string, RpcTypedData>;
const invocation = model!.getInvocationModel({
  ...{ invocationId, metadata, state: undefined, log: () => {} },
  request: { invocationId, inputData, triggerMetadata },
});
const { context, inputs } = await invocation.getArguments();
await invocation.getResponse(context, await invocation.invokeFunction(context, inputs, callback));
