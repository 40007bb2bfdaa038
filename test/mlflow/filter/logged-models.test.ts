import { describe, expect, it } from "vitest";
import { FilterError } from "../../../shared/mlflow/filter/filter-error.ts";
import { parseLoggedModelFilter, parseLoggedModelOrder } from "../../../shared/mlflow/filter/logged-models.ts";

const clausesOf = (filter: string) => parseLoggedModelFilter(filter).clauses;

describe("logged models: filter", () => {
  it("hands metric comparisons out separately, since they are about all logged values", () => {
    expect(parseLoggedModelFilter("metrics.`acc/val` >= 0.9 AND name = 'm' AND metrics.loss < 1e-3")).toEqual({
      clauses: [{ kind: "string", column: "attribute.name", op: "=", value: "m" }],
      metricClauses: [
        { key: "acc/val", op: ">=", value: 0.9 },
        { key: "loss", op: "<", value: 0.001 },
      ],
    });
  });

  it.each(["READY", "LOGGED_MODEL_READY"])("finds a status by the name %s", (status) => {
    expect(clausesOf(`status = '${status}'`)).toEqual([
      { kind: "string", column: "attribute.status", op: "=", value: "LOGGED_MODEL_READY" },
    ]);
    expect(clausesOf(`status IN ('${status}', 'FAILED')`)).toEqual([
      {
        kind: "string",
        column: "attribute.status",
        op: "IN",
        values: ["LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"],
      },
    ]);
  });

  it("takes values in double quotes and without quotes for what they say", () => {
    const expected = [{ kind: "string", column: "param.lr", op: "=", value: "0.01" }];
    for (const value of ["'0.01'", '"0.01"', "0.01"]) expect(clausesOf(`params.lr = ${value}`)).toEqual(expected);
  });

  it.each(["creation_time", "creation_timestamp", "creation_timestamp_ms", "attributes.creation_time"])(
    "knows the creation time as %s",
    (name) => {
      expect(clausesOf(`${name} > 5`)).toEqual([
        { kind: "number", column: "attribute.creation_timestamp", op: ">", value: 5 },
      ]);
    },
  );

  it("refuses a list without IN, and IN without a list", () => {
    expect(() => clausesOf("name = ('a')")).toThrow(FilterError);
    expect(() => clausesOf("name IN 'a'")).toThrow(FilterError);
    expect(() => clausesOf("name IN ()")).toThrow(FilterError);
  });
});

describe("logged models: order", () => {
  const BY_CREATION = { kind: "number", column: "attribute.creation_timestamp", descending: true };
  const BY_ID = { kind: "string", column: "attribute.model_id", descending: false };

  it("is newest first, then by id, unless asked otherwise", () => {
    expect(parseLoggedModelOrder(undefined)).toEqual([BY_CREATION, BY_ID]);
    expect(parseLoggedModelOrder([{ field_name: "creation_time", ascending: true }])).toEqual([
      { ...BY_CREATION, descending: false },
      BY_ID,
    ]);
  });

  it("hands metric keys out with the dataset whose values count", () => {
    const order = { field_name: "metrics.acc", ascending: false, dataset_name: "iris", dataset_digest: "1" };
    expect(parseLoggedModelOrder([order, { field_name: "metrics.a.b" }])).toEqual([
      { kind: "metric", key: "acc", descending: true, datasetName: "iris", datasetDigest: "1" },
      { kind: "metric", key: "a.b", descending: false },
      BY_CREATION,
      BY_ID,
    ]);
  });
});
