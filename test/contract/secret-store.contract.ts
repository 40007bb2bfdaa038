import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidArgument, TooLarge } from "../../shared/stores/errors.ts";
import { MAX_SECRET_BYTES, type SecretStore } from "../../shared/stores/secret-store.ts";
import { freshName, LONE_SURROGATE, RACERS, refuses } from "./support.ts";

/** Secrets of their own. */
export interface SecretStoreFixture {
  readonly secrets: SecretStore;
  /** A further instance on the same data, which knows nothing yet. */
  another(): Promise<SecretStore>;
  close(): Promise<void>;
}

/** The laws of SecretStore, as tests. */
export function secretStoreContract(name: string, makeSecrets: () => Promise<SecretStoreFixture>): void {
  describe(`SecretStore: ${name}`, () => {
    let fixture: SecretStoreFixture;
    const secrets = () => fixture.secrets;
    beforeAll(async () => {
      fixture = await makeSecrets();
    });
    afterAll(() => fixture?.close());
    valueLaws(secrets);
    changeLaws(secrets, () => fixture.another());
    nameLaws(secrets);
  });
}

function valueLaws(secrets: () => SecretStore): void {
  const values = {
    "of one character": "x",
    "with lines, quotes and controls": "a\r\nb\t\"'\\ \u0001\u0000</xml>&amp;",
    "beyond ASCII": "pässwörd 🔑 \u2028 密",
    "that looks like JSON": '{"value": null}',
    "of blanks": "  ",
    "of 25,000 bytes": "é".repeat(MAX_SECRET_BYTES / 2),
  };
  it.for(Object.entries(values))("get: gives back a value %s unchanged", async ([, value]) => {
    const name = freshName("value");
    await secrets().set(name, value);
    expect(await secrets().get(name)).toBe(value);
  });

  it("set: refuses what is empty, too large or not well-formed, without showing it", async () => {
    const name = freshName("refused");
    await refuses(secrets().set(name, ""), InvalidArgument);
    await refuses(secrets().set(name, LONE_SURROGATE), InvalidArgument);
    const large = "secret".repeat(MAX_SECRET_BYTES);
    await refuses(secrets().set(name, large), TooLarge);
    await expect(secrets().set(name, large)).rejects.not.toThrow("secret".repeat(2));
    expect(await secrets().get(name)).toBeUndefined();
  });
}

function changeLaws(secrets: () => SecretStore, another: () => Promise<SecretStore>): void {
  it("get: is undefined where there is none", async () => {
    expect(await secrets().get(freshName("absent"))).toBeUndefined();
  });

  it("set: replaces what was there, and counts at once", async () => {
    const name = freshName("replaced");
    await secrets().set(name, "old");
    expect(await secrets().get(name)).toBe("old");
    await secrets().set(name, "new");
    expect(await secrets().get(name)).toBe("new");
  });

  it("set: of many at once one value is left, whole", async () => {
    const name = freshName("raced");
    await Promise.all(Array.from({ length: RACERS }, (_, racer) => secrets().set(name, `value ${racer} `.repeat(500))));
    const left = await secrets().get(name);
    expect(left).toBe(left!.slice(0, left!.length / 500).repeat(500));
    expect(await (await another()).get(name)).toBe(left);
  });

  it("remove: takes it away at once; a second time, or of nothing, nothing happens", async () => {
    const name = freshName("removed");
    await secrets().set(name, "value");
    await secrets().get(name);
    await secrets().remove(name);
    expect(await secrets().get(name)).toBeUndefined();
    expect(await secrets().names(name)).toEqual([]);
    await secrets().remove(name);
    await secrets().remove(freshName("never"));
  });

  it("set: a removed name can be set again", async () => {
    const name = freshName("again");
    await secrets().set(name, "first");
    await secrets().remove(name);
    await secrets().set(name, "second");
    expect(await secrets().get(name)).toBe("second");
  });

  it("another instance: sees what was acknowledged", async () => {
    const [kept, gone] = [freshName("kept"), freshName("gone")];
    await secrets().set(kept, "value");
    await secrets().set(gone, "value");
    await secrets().remove(gone);
    const other = await another();
    expect(await other.get(kept)).toBe("value");
    expect(await other.get(gone)).toBeUndefined();
  });
}

function nameLaws(secrets: () => SecretStore): void {
  it("names: those that begin with the prefix, in order, over many pages", async () => {
    const stem = freshName("listed");
    const all = Array.from({ length: 60 }, (_, i) => `${stem}-${String(i).padStart(2, "0")}`);
    await Promise.all(all.toReversed().map((name) => secrets().set(name, "value")));
    expect(await secrets().names(`${stem}-`)).toEqual(all);
    expect(await secrets().names(`${stem}-5`)).toEqual(all.slice(50));
    expect(await secrets().names(`${stem}-x`)).toEqual([]);
  });

  it("names: of one and of 127 characters are two, and no other ones are taken", async () => {
    const long = freshName("l").padEnd(127, "x");
    await secrets().set("0", "short");
    await secrets().set(long, "long");
    expect([await secrets().get("0"), await secrets().get(long)]).toEqual(["short", "long"]);
    for (const name of ["", `${long}x`, "UPPER", "a/b", "..", "a.b", "a_b", "ä", "a b", "%2e"]) {
      await refuses(secrets().set(name, "value"), InvalidArgument);
      await refuses(secrets().get(name), InvalidArgument);
      await refuses(secrets().remove(name), InvalidArgument);
    }
  });
}
