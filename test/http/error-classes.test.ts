import { expect, test } from "vitest";
import { invalidState, WorkspaceError } from "../../shared/domain/errors.ts";
import { refusalOf } from "../../shared/http/refusal.ts";
import { errorResponse } from "../../shared/mlflow/errors.ts";
import { NO_RUN } from "./scenario.ts";
import { served } from "./served.ts";
import type { Answer } from "./support.ts";

/* As MLflow 3.17.2 classifies its errors (mlflow/error_classification.py). */

const { client, world, describe } = served(["light"]);

describe("the class and SQLSTATE of an error", () => {
  test.each<[code: string, sqlstate: string, errorClass: string, call: () => Promise<Answer>]>([
    ["INVALID_PARAMETER_VALUE", "KAM00", "INVALID_PARAMETER_VALUE", () => client.call("runs_get", {})],
    [
      "INVALID_PARAMETER_VALUE",
      "KAM00",
      "INVALID_PARAMETER_VALUE",
      () => client.call("runs_search", { filter: "x y" }),
    ],
    ["RESOURCE_DOES_NOT_EXIST", "KAM00", "RESOURCE_NOT_FOUND", () => client.call("runs_get", { run_id: NO_RUN })],
    [
      "RESOURCE_ALREADY_EXISTS",
      "KAM00",
      "RESOURCE_ALREADY_EXISTS",
      () => client.call("experiments_create", { name: world.experimentName }),
    ],
    ["ENDPOINT_NOT_FOUND", "KAM00", "RESOURCE_NOT_FOUND", () => client.send("GET", "/api/2.0/mlflow/nothing")],
  ])("%s: %s, %s", async (error_code, sqlstate, error_class, call) => {
    expect((await call()).json).toEqual({ error_code, sqlstate, error_class, message: expect.any(String) });
  });

  test.each([
    [invalidState("x"), { error_code: "INVALID_STATE", sqlstate: "XXM00", error_class: "CLIENT_INTERNAL_ERROR" }],
    [new WorkspaceError("NotImplemented", "x"), { error_code: "NOT_IMPLEMENTED" }],
  ])("%s", (error, expected) => {
    expect(JSON.parse(errorResponse(refusalOf(error)).body as string)).toEqual({ ...expected, message: "x" });
  });
});
