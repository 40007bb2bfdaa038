import { describe, expect, test } from "vitest";
import { readPath } from "../../host/paths.ts";
import { seededIds } from "../domain/support.ts";

describe("paths, as the Functions host reads them and hands them on", () => {
  test.each<[path: string, decoded: string, encoded: string]>([
    ["/api/2.0/mlflow/runs/get", "/api/2.0/mlflow/runs/get", "/api/2.0/mlflow/runs/get"],
    ["/a%20b", "/a b", "/a%20b"],
    ["/%61%2fb", "/a%2fb", "/a%252fb"],
    ["/a%2Fb%c3%A9", "/a%2Fbé", "/a%252Fb%C3%A9"],
    ["/a%252Fb", "/a%2Fb", "/a%252Fb"],
    ["/%F0%9F%98%80", "/\u{1f600}", "/%F0%9F%98%80"],
    ["/a%", "/a%", "/a%25"],
    ["/a%zz%4", "/a%zz%4", "/a%25zz%254"],
    ["/a%FFb%41", "/a%FFbA", "/a%25FFbA"],
    ["/%E2%82", "/%E2%82", "/%25E2%2582"],
    ["/%ED%A0%80", "/%ED%A0%80", "/%25ED%25A0%2580"],
    ["/a/./b/../c", "/a/c", "/a/c"],
    ["/a/%2e%2E/c", "/c", "/c"],
    ["/a/%252e%252e/c", "/a/%2e%2e/c", "/a/%252e%252e/c"],
    ["/../../etc", "/etc", "/etc"],
    ["/a/b/..", "/a/", "/a/"],
    ["/a/.", "/a/", "/a/"],
    ["/a//../b", "/a/b", "/a/b"],
    ["/a/...", "/a/...", "/a/..."],
    ["/a/..b/.c", "/a/..b/.c", "/a/..b/.c"],
    ["/a\\..\\b", "/a\\..\\b", "/a%5C..%5Cb"],
    ["/a#b", "/a#b", "/a%23b"],
    ["/a%3Fb%23c", "/a?b#c", "/a%3Fb%23c"],
    ['/[a]|"{b}^`<c>', '/[a]|"{b}^`<c>', "/%5Ba%5D%7C%22%7Bb%7D%5E%60%3Cc%3E"],
    ["/a:b;c=d,e@f!g$h&i'j(k)l*m+n~", "/a:b;c=d,e@f!g$h&i'j(k)l*m+n~", "/a:b;c=d,e@f!g$h&i'j(k)l*m+n~"],
  ])("%s", (path, decoded, encoded) => {
    expect(readPath(path)).toEqual({ decoded, encoded });
  });

  test.each(["/a%00b", "/é", "/a b", "/\u007f", "/\u0001"])("%s is refused", (path) => {
    expect(readPath(path)).toBeUndefined();
  });

  test("what functions see decodes to what routes are matched against, without dots, and no URL parser changes it", () => {
    const ids = seededIds(3);
    const pieces = "/ / a . .. % %2 %2e %2F %25 %5c \\ %ff %c3 %a9 # [".split(" ");
    for (let round = 0; round < 5000; round++) {
      const path = `/${Array.from({ length: ids.integer(12) }, () => pieces[ids.integer(pieces.length)]).join("")}`;
      const { decoded, encoded } = readPath(path)!;
      expect(decodeURIComponent(encoded)).toBe(decoded);
      expect(decoded.split("/")).not.toContain("..");
      expect(new URL(`http://localhost${encoded.replace(/^\/+/, "/")}`).pathname).toBe(encoded.replace(/^\/+/, "/"));
    }
  });
});
