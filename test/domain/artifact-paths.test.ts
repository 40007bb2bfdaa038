import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { artifactPath, pathOfUri } from "../../shared/domain/artifact-paths.ts";
import { WorkspaceError } from "../../shared/domain/errors.ts";

/** Texts full of what matters: escapes of escapes, separators, dots, controls, halves of UTF-8. */
const piece = fc.oneof(
  fc.constantFrom(
    "%",
    "%25",
    "%2",
    "5",
    "%2e",
    ".",
    "..",
    "/",
    "%2f",
    "\\",
    "%5c",
    "#",
    "%23",
    "\t",
    "%09",
    "%0",
    "%00",
    "\x10",
  ),
  fc.constantFrom("%fe", "%e6%97%a5", "日", "\u{1f600}", "%c2%85", "\ud800", " ", "?", ";", "C:", "a", "Z", "41"),
  fc.string({ maxLength: 3 }),
);
const path = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

function accepted(given: string): string | undefined {
  try {
    return artifactPath(given);
  } catch (error) {
    expect(error).toBeInstanceOf(WorkspaceError);
    return undefined;
  }
}

describe("artifactPath", () => {
  it("what is accepted names itself, also when it is encoded once or twice more", () =>
    fc.assert(
      fc.property(path, (given) => {
        const name = accepted(given);
        if (name === undefined) return;
        expect(artifactPath(name)).toBe(name);
        expect(artifactPath(encodeURIComponent(name))).toBe(name);
        expect(artifactPath(encodeURIComponent(encodeURIComponent(name)))).toBe(name);
      }),
      { numRuns: 5_000 },
    ));

  it("what is accepted is a name that every store takes, and climbs nowhere however often it is decoded", () =>
    fc.assert(
      fc.property(path, (given) => {
        const name = accepted(given);
        if (name === undefined || name === "") return;
        expect(name).not.toMatch(/[\p{Cc}\\#]/u);
        for (const segment of name.split("/")) expect(["", ".", ".."]).not.toContain(segment);
        const decoded = name.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) =>
          Buffer.from(run.replaceAll("%", ""), "hex").toString(),
        );
        expect(decoded.split(/[/\\]/)).not.toContain("..");
      }),
      { numRuns: 5_000 },
    ));

  it("a name that is encoded over and over is refused after a bounded number of rounds", () => {
    expect(() => artifactPath(`%${"25".repeat(30_000)}41`)).toThrow("percent-encoded more than 10 times");
  });

  it.each([
    ["mlflow-artifacts:/a%20b/c", "a b/c"],
    ["mlflow-artifacts://host/a", "a"],
    ["mlflow-artifacts:/", ""],
    ["mlflow-artifacts:/a//b", undefined],
    ["s3://bucket/a", undefined],
  ])("the path of %s is %s", (uri, expected) => {
    expect(pathOfUri(uri)).toBe(expected);
  });
});
