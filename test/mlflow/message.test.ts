import { expect, test } from "vitest";
import { decodeBody, decodeRequest, list, message, required, string } from "../../shared/mlflow/message.ts";

/** A fault of ours, in the middle of a request. */
const fault = new RangeError("planted");
const broken: typeof string = () => {
  throw fault;
};

const nested = (decode: typeof string) => message({ items: required(list(message({ key: required(decode) }))) });
const BODY = { items: [{ key: "k" }] };

test.each([
  ["decodeRequest", () => decodeRequest(nested(broken), BODY)],
  ["decodeBody", () => decodeBody(nested(broken), JSON.stringify(BODY))],
])("%s: an error that is none of the request's comes out as it was thrown, from whatever depth", (_, decode) => {
  expect(decode).toThrow(fault);
});

test("decodeRequest: a wrong value is named with the path to it", () => {
  expect(() => decodeRequest(nested(string), { items: [{ key: "k" }, { key: [] }] })).toThrow("'items[1].key'");
  expect(() => decodeRequest(nested(string), { items: [{}] })).toThrow("'items[0].key'");
});
