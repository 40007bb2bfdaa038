import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { CREDENTIAL_KINDS } from "../../shared/credential-form.ts";
import { issueCredential, readCredential } from "../../shared/domain/access/credentials.ts";
import { machineIds } from "../../shared/drivers/machine.ts";
import { brief } from "../../shared/http/refusal.ts";
import { redact } from "../../shared/redact.ts";
import { PLANTED, plantedIn } from "../setup/secrets.ts";

/** The beginnings of everything that is looked for. */
const BEGINNINGS = [
  ...[
    "cairn_key_w0123456789abcdef_",
    "cairn_run_w",
    "eyJ",
    "eyJabcdefgh",
    "eyJabcdefgh.",
    "eyJ.",
    "a.",
    "Bearer ",
    "Basic  ",
  ],
  ...[
    "SharedKey a",
    "SharedAccessSignature ",
    "A",
    "A+",
    "=",
    "token",
    "token ",
    "token=",
    "client_secret : ",
    'password":',
    "sig",
  ],
  ...["sk-", "ghp_", "xoxb-", "github_pat_a", "://", "://a", "://a:", "://a:b", ":", "-", "_", " ", "[hidden]"],
];

describe("redact", () => {
  test.each(CREDENTIAL_KINDS)("a credential of the kind %s that we issue is hidden, wherever it stands", (kind) => {
    const { secret } = issueCredential(machineIds, kind, "w0123456789abcdef");
    expect(readCredential(secret)).toMatchObject({ kind, workspaceId: "w0123456789abcdef" });
    expect(redact(`x${secret}, and "${secret}"`)).toBe('x[hidden], and "[hidden]"');
  });

  /** What is quadratic takes minutes for 200,000 characters; what is linear some milliseconds. */
  test.each(BEGINNINGS)("200,000 characters of %j hold nobody up", (beginning) => {
    for (const end of ["", "!", " ", "@", "="]) redact(beginning.repeat(200_000 / beginning.length) + end);
  });

  test("what may be a token is sought once, however many dots stand before it", () => {
    const sought = vi.spyOn(String.prototype, "indexOf");
    const text = `${"a.".repeat(1000)}eyJ`;
    expect(redact(text)).toBe(text);
    expect(sought.mock.calls.filter(([what]) => what === "eyJ").length).toBe(1);
    sought.mockRestore();
  });

  test("what it has hidden stays as it is, whatever is hidden in whatever text", () => {
    const piece = fc.constantFrom(...BEGINNINGS, ...Object.values(PLANTED), "token: ", "bert", ", ", "'");
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, (some) => {
        expect(redact(redact(some))).toBe(redact(some));
      }),
      { numRuns: 3000 },
    );
  });

  test.each(Object.entries(PLANTED).filter(([name]) => name !== "password" && name !== "vendorKey"))(
    "hides %s behind any text",
    (_, secret) => {
      for (const before of ["", "x", "token: ", "eyJ", "eyJabcdefghijk-", "a.b.", "../", "no such 'eyJ.", "sig=it "]) {
        expect(plantedIn(redact(`${before}${secret}.`)), before).toBeUndefined();
      }
    },
  );

  test.each([
    "Invalid page token: it was not issued by this service.",
    "Experiment 'token: bert' already exists",
    "secret: Too small: expected string to have >=1 characters",
    "The signature: wrong.",
  ])("leaves what is said: %s", (text) => {
    expect(redact(text)).toBe(text);
  });

  test.each(["password: swordfish", "token: b3rt-0123", "token=bert", '"token": "bert"', "secret:bert", "pwd : x"])(
    "hides what is given: %s",
    (text) => expect(redact(text)).toMatch(/\[hidden\]"?$/),
  );

  test("leaves every text of the sources as it is", () => {
    const root = join(import.meta.dirname, "../..");
    const files = globSync("{shared,functions,host}/**/*.ts", { cwd: root });
    expect(files.length).toBeGreaterThan(100);
    for (const file of files.filter((name) => !name.endsWith("redact.ts"))) {
      const source = readFileSync(join(root, file), "utf8");
      for (const [text] of source.matchAll(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g)) {
        const said = text.slice(1, -1).replace(/\$\{[^}]*\}/g, "it");
        expect(redact(said), file).toBe(said);
      }
    }
  });
});

describe("a refusal", () => {
  test("is cut before it is searched for secrets, and shows none where it was cut", () => {
    const secrets = Object.values(PLANTED).filter((secret) => secret !== PLANTED.password);
    for (const secret of secrets) {
      for (let at = 0; at <= 700; at += 10) {
        const message = `${"x ".repeat(at)}${secret} ${"y ".repeat(700 - at)}`;
        expect(plantedIn(brief(message)), message).toBeUndefined();
        expect(plantedIn(brief(message.padEnd(100_000, "z ") + message)), message).toBeUndefined();
      }
    }
  });

  test("of a megabyte is 600 characters long", () => {
    expect(brief("eyJ".repeat(350_000)).length).toBeLessThan(600);
  });
});
