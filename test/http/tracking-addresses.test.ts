import { expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { served } from "./served.ts";

const { client, describe: describeServed } = served(["light", "strict"], { withWorld: false });

const AZUREML =
  "/mlflow/v1.0/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default";

describeServed("every tracking address of a workspace", () => {
  test.each(["", "/w/default", AZUREML])("'%s' answers health and version", async (address) => {
    for (const [path, text] of [
      ["/health", "OK"],
      ["/version", packageJson.version],
    ]) {
      const answer = await client.send("GET", address + path);
      expect([answer.status, answer.text]).toEqual([200, text]);
      expect((await client.send("HEAD", address + path)).status).toBe(200);
    }
    const searched = await client.send("GET", `${address}/api/2.0/mlflow/experiments/search?max_results=1`);
    expect(searched.status).toBe(200);
  });
});
